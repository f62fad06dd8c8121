"""What an engine is: something that calls a function with many values, somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Where tasks run. Their order and place decide no byte."""

    @property
    def is_littered(self) -> bool:
        """Whether a task was done by several attempts, of which one may have left unfinished files."""

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield what `work` returns for each task, in the order of the tasks.

        Tasks are taken as they are needed. What passes between processes pickles: tasks, results, and for
        engines that do not fork `work`, a function of a module. Who closes the generator drops the rest.

        Raises:
            StorageError: If a worker dies.
            Exception: Whatever `work` raises; tasks not yet begun are dropped.
        """

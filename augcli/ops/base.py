"""What an operation is: a frozen dataclass that plans steps, and the registry of all of them.

An operation is one file in this package. Its dataclass fields, made by `option`, give the command's
options, the recipe's keys, their help, bounds and defaults; its docstring the command's help.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from augcli.errors import UsageError

if TYPE_CHECKING:
    from augcli.datatypes import Program, Shape
    from augcli.rng import Draws


@dataclass(frozen=True, slots=True)
class Bounds:
    """Accepted range of a number: `low <= value <= high`, or `low < value` when the low end is open."""

    low: float
    high: float
    low_open: bool = False

    def accepts(self, value: float) -> bool:
        """Whether the value lies inside (a NaN never does)."""
        return (self.low < value if self.low_open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        return f"{'>' if self.low_open else '>='} {self.low} and <= {self.high}"


def option(default: Any, help: str, bounds: Bounds | None = None, **more: Any) -> Any:
    """Make a dataclass field that carries its help and bounds for the command line and recipes.

    Args:
        default: The value where none is given.
        help: One line for `--help` and the docs.
        bounds: What a number must satisfy.
        more: Further facts for those who read the fields, such as `choices`.
    """
    return field(default=default, metadata={"help": help, "bounds": bounds, **more})


def check_fields(values: Any, owner: str) -> None:
    """Check every `option` field of a dataclass against its type, its bounds and its choices.

    Raises:
        UsageError: Naming the option, what it got and what it accepts.
    """
    for one in fields(values):
        value, bounds, choices = getattr(values, one.name), *map(one.metadata.get, ("bounds", "choices"))
        wanted = ""
        if "help" in one.metadata and not _has_type(value, str(one.type)):
            wanted = f"must be of type {one.type}"
        elif value is not None and bounds is not None and not bounds.accepts(value):
            wanted = f"must be {bounds}"
        elif value is not None and choices and value not in choices:
            wanted = f"must be one of {', '.join(choices)}"
        if wanted:
            got = value if isinstance(value, int | float) else repr(value)
            raise UsageError(f"{owner}: --{one.name.replace('_', '-')} {wanted}, got {got}")


TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,), "int": (int,), "float": (int, float), "str": (str,), "None": (type(None),)
}  # fmt: skip


def _has_type(value: object, annotation: str) -> bool:
    """Whether a value fits an annotation such as `int | None`; True is no number."""
    names = annotation.split(" | ")
    return any(isinstance(value, TYPES[name]) for name in names) and (
        "bool" in names or not isinstance(value, bool)
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps to apply; where there are none, `reason` says why."""

    steps: Program
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Operation(ABC):
    """Base of all operations: values of its options, checked; `plan` turns draws into steps."""

    name: ClassVar[str]
    mixes: ClassVar[bool]
    """Whether its steps read a partner."""
    streams: ClassVar[int]
    """How many streams of `Draws` it uses, from 1 up; stream 0 is the recipe's."""

    def __post_init__(self) -> None:
        check_fields(self, self.name)

    @abstractmethod
    def plan(self, draws: Draws, shape: Shape, slot: int) -> Plan:
        """Plan the steps for one output, from draws and the base's size alone.

        Args:
            draws: The output's random numbers for this operation.
            shape: Size of the base.
            slot: Slot of the partner that mixing steps must name.

        Returns:
            The steps, or none and the reason.
        """


OPERATIONS: dict[str, type[Operation]] = {}
"""Every known operation by name, in alphabetical order once loaded."""

AnOperation = TypeVar("AnOperation", bound=type[Operation])


def register(operation: AnOperation) -> AnOperation:
    """Make an operation known by its `name`; used as a decorator above the dataclass."""
    OPERATIONS[operation.name] = operation
    return operation

"""What an operation is: a frozen dataclass that plans steps, and the registry of all of them.

An operation is one file in this package. Its dataclass fields, made by `fields.option`, give the command's
options, the recipe's keys, their help, bounds and defaults; its docstring the command's help.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from augcli.fields import check_fields

if TYPE_CHECKING:
    from augcli.datatypes import Program, Shape
    from augcli.rng import Draws


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

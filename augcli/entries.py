"""The places of a recipe: which operation is applied there, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING

from augcli.errors import Option, UsageError, show_value
from augcli.options import Bounds

if TYPE_CHECKING:
    from augcli.ops import Operation
    from augcli.rng import Draws

CHANCE = 0
"""The stream of `Draws` that decides whether an operation is applied, and which of `one_of`."""

PROBABILITY = Bounds(0, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """One operation of an entry and its share of the cases."""

    operation: Operation
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in a recipe: applied with probability `p`; one of its choices by weight."""

    choices: tuple[Choice, ...]
    p: float = 1.0

    def __post_init__(self) -> None:
        weights = [choice.weight for choice in self.choices]
        for value in (self.p, *weights):
            if isinstance(value, bool) or not isinstance(value, Real):
                raise UsageError(Option("p"), f" and weight must be numbers, got {show_value(value)}")
        if not PROBABILITY.accepts(self.p):
            raise UsageError(Option("p"), f" must be {PROBABILITY}, got {show_value(self.p)}")
        if not weights or not all(map(PROBABILITY.accepts, weights)) or not sum(weights) <= 1 + 1e-9:
            cure = "give each choice its weight" if weights else "give at least one choice"
            got = ", ".join(map(show_value, weights))
            raise UsageError(f"one_of: weights must be >= 0 and sum to at most 1, got [{got}]; {cure}")
        object.__setattr__(self, "p", float(self.p))
        choices = tuple(replace(choice, weight=float(choice.weight)) for choice in self.choices)
        object.__setattr__(self, "choices", choices)

    @property
    def mixes(self) -> bool:
        """True if any choice reads a partner."""
        return any(choice.operation.mixes for choice in self.choices)

    def draw(self, draws: Draws) -> Operation | None:
        """Draw the operation for one output; None leaves the image as it is."""
        chance, which = draws.uniforms(CHANCE, 2)
        if chance >= self.p:
            return None
        for choice in self.choices:
            if which < choice.weight:
                return choice.operation
            which -= choice.weight
        return None

"""Random draws: which operations an output gets, and the numbers that they are planned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.rng import Draws, draw_many, draw_subsets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.ops import Operation
    from augcli.recipe import Recipe
    from augcli.samples import Shape


class Drawn(NamedTuple):
    """An operation that an output gets: place of its entry in the recipe, and its random numbers."""

    entry: int
    operation: Operation
    draws: Draws


class Drawer:
    """Draws the operations of outputs, each by the output's copy number and the hash of its base."""

    def __init__(self, recipe: Recipe) -> None:
        """Prepare to draw from the operations of a recipe."""
        self._recipe = recipe
        operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
        self._streams = 1 + max([operation.streams for operation in operations], default=0)

    def draw(self, copy: int, sample: int) -> list[Drawn]:
        """Draw the operations of one output."""
        entries = range(len(self._recipe.entries))
        return self._choose([Draws(self._recipe.seed, entry, copy, sample) for entry in entries])

    def draw_many(
        self, outputs: Sequence[tuple[int, int]], shapes: Sequence[Shape | None]
    ) -> list[list[Drawn]]:
        """Draw the operations of many outputs, with their numbers and subsets at once.

        Args:
            outputs: The copy number of each output, and the hash of its base.
            shapes: The shape of its base; None if it cannot be read.
        """
        count = len(self._recipe.entries)
        addresses = [(entry, copy, sample) for copy, sample in outputs for entry in range(count)]
        numbers = draw_many(self._recipe.seed, addresses, self._streams)
        starts = (number * count for number in range(len(outputs)))
        drawn = [self._choose(numbers[start : start + count]) for start in starts]
        return _draw_subsets(drawn, shapes)

    def _choose(self, numbers: Sequence[Draws]) -> list[Drawn]:
        """Return the operations that an output gets, by the numbers of each entry."""
        drawn = []
        for index, draws in enumerate(numbers):
            operation = self._recipe.entries[index].draw(draws)
            if operation is not None:
                drawn.append(Drawn(index, operation, draws))
        return drawn


def _draw_subsets(drawn: list[list[Drawn]], shapes: Sequence[Shape | None]) -> list[list[Drawn]]:
    """Draw the subsets at once that the operations of outputs will ask for."""
    every = [(shape, each) for shape, of_output in zip(shapes, drawn, strict=True) for each in of_output]
    subsets = [each.operation.find_subset(each.draws, shape) if shape else None for shape, each in every]
    if not any(subsets):
        return drawn
    ready = iter(draw_subsets([each.draws for _, each in every], subsets))
    return [[each._replace(draws=next(ready)) for each in of_output] for of_output in drawn]

"""The plan of each output: the steps of its operations, and their partners."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol

from augcli.kernels.match import mixed_shape
from augcli.kernels.table import Table, tabulate
from augcli.pipeline.worker.drawing import Drawer
from augcli.pipeline.worker.values import ORIGINAL, OutputPlan
from augcli.program.steps import Fill, ImageMean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.drawing import Drawn
    from augcli.program.steps import Program
    from augcli.samples import Edges, Shape


class Surroundings(Protocol):
    """What a planner asks of the samples around a position: `Neighbours`, or in a test anything else."""

    @property
    def surprises(self) -> int:
        """How many of them turned out to be other than their header promised."""

    def shape(self, position: int) -> Shape | None:
        """Return a sample's shape as far as it is known; None if it cannot be read."""

    def boxes(self, position: int) -> Sequence[Edges]:
        """Return the boxes that belong to a sample, as it is loaded; none if it has no boxes."""

    def expect_partner(self, position: int, place: int) -> int | None:
        """Return the position of a partner, as far as is known; None if nobody can be it."""


class Planner:
    """Plans the outputs of an arc from random draws and from what is known of its samples."""

    def __init__(self, job: Job, arc: Arc, around: Surroundings) -> None:
        """Prepare to plan; `around` is asked only then."""
        self._recipe, self._arc, self._around = job.recipe, arc, around
        self._mixing = job.recipe.mixing_entries
        self._drawer = Drawer(job.recipe)
        self._has_originals = job.recipe.originals == "copy"
        self._outputs = job.outputs[arc.members].tolist()
        self._hashes = job.hashes[arc.members].tolist()

    def copies(self, position: int) -> range:
        """Return the copy numbers of a sample's outputs, an original first; none if it is only a partner."""
        outputs = self._outputs[position - self._arc.start]
        return range(ORIGINAL if self._has_originals else 0, outputs - self._has_originals)

    def plan_ahead(self, start: int, stop: int, most: int) -> dict[tuple[int, int], OutputPlan]:
        """Plan the outputs of some positions, at most so many, by position and copy."""
        every = ((position, copy) for position in range(start, stop) for copy in self.copies(position))
        places = list(itertools.islice(every, most))
        drawn = self._draw_many([place for place in places if place[1] != ORIGINAL])
        return {place: self._plan(*place, drawn.get(place)) for place in places}

    def _draw_many(self, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], list[Drawn]]:
        """Draw the operations of many outputs at once, by position and copy."""
        addresses = [(copy, self._hash(position)) for position, copy in places]
        shapes = [self._around.shape(position) for position, _ in places]
        return dict(zip(places, self._drawer.draw_many(addresses, shapes), strict=True))

    def plan(self, position: int, copy: int) -> OutputPlan:
        """Plan one output; its partners are expected from what is known so far."""
        if copy == ORIGINAL:
            return self._plan(position, copy, None)
        return self._plan(position, copy, self._drawer.draw(copy, self._hash(position)))

    def _plan(self, position: int, copy: int, drawn: Sequence[Drawn] | None) -> OutputPlan:
        """Plan one output from the operations that it gets; an original's are None."""
        if not drawn:
            is_asked = drawn is not None and self._recipe.entries
            return OutputPlan(copy, reasons=("not drawn",) if is_asked else ())
        shape = self._around.shape(position)
        if shape is None:  # it cannot be read, as whoever makes the output will find
            return OutputPlan(copy)
        return self._chain(position, copy, drawn, shape)

    def _chain(self, position: int, copy: int, drawn: Sequence[Drawn], shape: Shape) -> OutputPlan:
        """Plan the steps of all operations of an output, one after the other."""
        steps: Program = ()
        kinds: list[str] = []
        places: list[int] = []
        partners: list[int] = []
        reasons: list[str] = []
        for entry, operation, draws in drawn:
            boxes = self._around.boxes(position) if operation.needs_boxes else ()
            plan = operation.plan(draws, shape, len(partners), boxes)
            reason = plan.reason
            if plan.steps and operation.mixes:
                reason = self._add_partner(position, copy, entry, places, partners)
            if reason:
                reasons.append(f"{operation.name}: {reason}")
            else:
                steps += plan.steps
                kinds.append(operation.name)
        shapes = self._shapes(partners)
        output = mixed_shape(shape, shapes)
        if output != shape:  # drawn colours are grey on grey alone
            return self._chain(position, copy, drawn, output)
        return OutputPlan(
            copy,
            True,
            steps,
            tuple(kinds),
            tuple(places),
            tuple(partners),
            tuple(reasons),
            None if _asks_for_mean(steps) else tabulate(steps, shape, _sizes(shapes)),
            self._around.surprises,
        )

    def tabulate(self, program: Program, shape: Shape, partners: Sequence[int]) -> Table:
        """Turn a program into the table that backends take.

        Args:
            program: The steps of an output.
            shape: Shape of its base.
            partners: Positions of its partners.
        """
        shapes = self._shapes(partners)
        return tabulate(program, mixed_shape(shape, shapes), _sizes(shapes))

    def _shapes(self, partners: Sequence[int]) -> list[Shape]:
        """Return the shapes of partners, as far as they are known."""
        shapes = [self._around.shape(position) for position in partners]
        return [shape for shape in shapes if shape is not None]

    def _hash(self, position: int) -> int:
        return int(self._hashes[position - self._arc.start])

    def _add_partner(
        self, position: int, copy: int, entry: int, places: list[int], partners: list[int]
    ) -> str:
        """Append an entry's partner; return the reason if it has no partner, else an empty text."""
        ring = self._arc.ring
        if not ring.partners:
            return f"no partner of {self._recipe.partner_rule}"
        place = ring.place_partner(copy, self._mixing.index(entry), len(self._mixing))
        places.append(place)
        partner = self._around.expect_partner(position, place)
        if partner is None:
            return "no partner that decodes"
        partners.append(partner)
        return ""


def _sizes(shapes: Sequence[Shape]) -> list[tuple[int, int]]:
    """Return height and width of each shape."""
    return [(shape.height, shape.width) for shape in shapes]


def _asks_for_mean(program: Program) -> bool:
    """Return whether a step is filled with the mean of the base, which must be decoded first."""
    return any(isinstance(step, Fill) and isinstance(step.fill, ImageMean) for step in program)

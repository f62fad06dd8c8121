"""What is done to each output of a run: which operations are drawn, their steps, and their partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.kernels.table import Table, tabulate
from augcli.pipeline.worker.describe import ORIGINAL
from augcli.pipeline.worker.values import Planned
from augcli.program.steps import Fill, ImageMean
from augcli.rng import Draws, draw_many

if TYPE_CHECKING:
    from augcli.ops import Operation
    from augcli.pipeline.plan.chunks import Arc
    from augcli.pipeline.plan.job import Job
    from augcli.pipeline.worker.window import Neighbours
    from augcli.program.steps import Program, Step
    from augcli.samples import Shape


class Planner:
    """Plans the outputs of a run from what is known of its samples, which may be their headers alone."""

    def __init__(self, job: Job, run: Arc, near: Neighbours) -> None:
        self._job, self._run, self._near = job, run, near
        self._mixing = job.recipe.mixing_entries
        hashes = job.hashes[run.members].tolist()
        copies = int(job.outputs[run.members].max()) - (job.recipe.originals == "copy")
        self._draws: dict[tuple[int, int], list[Draws]] = {}
        for index, entry in enumerate(job.recipe.entries):
            streams = 1 + max(choice.operation.streams for choice in entry.choices)
            for copy in range(copies):
                self._draws[index, copy] = draw_many(job.recipe.seed, index, copy, hashes, streams)

    def plan(self, position: int, copy: int) -> Planned:
        """Plan one output; partners are those expected by what is known so far."""
        surprises = self._near.surprises
        drawn = self._draw(position, copy)
        if not drawn:
            could_be = self._job.recipe.entries and copy != ORIGINAL
            return Planned(copy, reasons=("not drawn",) if could_be else ())
        shape = self._near.open(position).shape
        if shape is None:  # it cannot be read, which whoever makes the output finds, too
            return Planned(copy)
        steps: list[Step] = []
        kinds: list[str] = []
        places: list[int] = []
        partners: list[int] = []
        reasons: list[str] = []
        for entry, operation, draws in drawn:
            plan = operation.plan(draws, shape, len(partners))
            reason = plan.reason
            if plan.steps and operation.mixes:
                reason = self._find_partner(position, copy, entry, places, partners)
            if reason:
                reasons.append(f"{operation.name}: {reason}")
            else:
                steps += plan.steps
                kinds.append(operation.name)
        program = tuple(steps)
        table = None
        if not any(isinstance(step, Fill) and isinstance(step.fill, ImageMean) for step in program):
            table = self.tabulate(program, shape, partners)
        return Planned(
            copy,
            True,
            program,
            tuple(kinds),
            tuple(places),
            tuple(partners),
            tuple(reasons),
            table,
            surprises,
        )

    def tabulate(self, program: Program, shape: Shape, partners: list[int] | tuple[int, ...]) -> Table:
        """Turn a program into the table that backends take."""
        shapes = [self._near.open(at).shape for at in partners]
        return tabulate(program, shape, [(one.height, one.width) for one in shapes if one is not None])

    def _draw(self, position: int, copy: int) -> list[tuple[int, Operation, Draws]]:
        """Draw which operations an output gets: place in the recipe, operation, its numbers."""
        if copy == ORIGINAL:
            return []
        drawn = []
        for index, entry in enumerate(self._job.recipe.entries):
            draws = self._draws[index, copy][position - self._run.start]
            operation = entry.draw(draws)
            if operation is not None:
                drawn.append((index, operation, draws))
        return drawn

    def _find_partner(
        self, position: int, copy: int, entry: int, places: list[int], partners: list[int]
    ) -> str:
        """Append an entry's partner, if there is one; gives the reason where there is none."""
        if not len(self._run.ring.shifts):
            return f"no partner of {self._job.recipe.partner_rule}"
        place = self._run.ring.place_partner(copy, self._mixing.index(entry), len(self._mixing))
        places.append(place)
        partner = self._near.expect_partner(position, place)
        if partner is None:
            return "no partner that decodes"
        partners.append(partner)
        return ""


def copy_numbers(job: Job, sample: int) -> range:
    """Give the copy numbers of a sample's outputs, an original first; none where it is only a partner."""
    originals = job.recipe.originals == "copy"
    return range(ORIGINAL if originals else 0, int(job.outputs[sample]) - originals)

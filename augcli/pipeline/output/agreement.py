"""Whether the plans of partitions, and the parts that stand, make one output. Pure."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.io.store.hashes import HASH_BYTES
from augcli.io.store.names import part_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from augcli.io.records.part_files import PartFacts
    from augcli.pipeline.output.plan_files import Plan, PlannedArc, PlannedChunk


class Trouble(NamedTuple):
    """What keeps partitions from being merged, and the numbers of those that are to be run again."""

    what: str
    partitions: frozenset[int]


def check_plans(plans: Mapping[int, Plan | None], count: int, recipe: str) -> list[Trouble]:
    """Find plans that are missing, and those that do not belong together.

    Args:
        plans: The plans by the number of their partition; None for one that is damaged.
        count: How many there are to be.
        recipe: Digest of the `augcli.json` that stands.
    """
    troubles = []
    missing = frozenset(number for number in range(count) if plans.get(number) is None)
    if missing:
        troubles.append(Trouble(f"no plan stands of {name_partitions(missing)}", missing))
    known = {number: plan for number, plan in plans.items() if plan is not None}
    others = frozenset(number for number, plan in known.items() if plan.recipe != recipe)
    if others:
        what = f"{name_partitions(others)} had other options than the last one, as augcli.json has them"
        troubles.append(Trouble(what, others))
    samples = sorted({plan.samples for plan in known.values()})
    if len({plan.view for plan in known.values()}) > 1:
        numbers = f" ({' or '.join(map(str, samples))} samples)" if len(samples) > 1 else ""
        what = f"SRC changed meanwhile: not all partitions listed the same{numbers}"
        troubles.append(Trouble(what, frozenset(known)))
    return troubles


def check_parts(untrue: Sequence[tuple[int, str]]) -> list[Trouble]:
    """Say that parts do not stand, or are not what their plans say.

    Args:
        untrue: Number of the partition and name of each.
    """
    if not untrue:
        return []
    partitions, first = frozenset(number for number, _ in untrue), part_key(untrue[0][1])
    more = f" (and {len(untrue) - 1} more)" if len(untrue) > 1 else ""
    what = f"{first}{more} of {name_partitions(partitions)} is missing, or not what was planned"
    return [Trouble(what, partitions)]


@dataclass(slots=True)
class Sightings:
    """What parts say of the bytes of samples, by their places on the rings of a split.

    Attributes:
        contents: Of each ring (its number and length) the hash of each sample; zeros where none is known yet.
        owners: Of each ring the number of the partition that read the sample.
        differing: Numbers of partitions that read other bytes of a sample than another one.
    """

    contents: dict[tuple[int, int], NDArray[np.uint8]] = field(default_factory=dict)
    owners: dict[tuple[int, int], NDArray[np.int64]] = field(default_factory=dict)
    differing: set[int] = field(default_factory=set)

    def add(self, partition: int, chunk: PlannedChunk, facts: PartFacts) -> bool:
        """Compare what a part says with what is known; True unless it says it of other samples."""
        hashes = np.frombuffer(facts.contents, np.uint8)
        is_whole = not chunk.arcs or len(chunk.arcs) == len(facts.ahead)
        if len(hashes) % HASH_BYTES or not is_whole or not all(map(_is_sound, chunk.arcs)):
            return False
        hashes = hashes.reshape(-1, HASH_BYTES)
        lengths = [
            min(arc.length + ahead, arc.whole) for arc, ahead in zip(chunk.arcs, facts.ahead, strict=False)
        ]
        if chunk.arcs and sum(lengths) != len(hashes):
            return False
        stops = itertools.accumulate(lengths)
        for arc, length, stop in zip(chunk.arcs, lengths, stops, strict=True):
            self._compare(partition, arc, hashes[stop - length : stop])
        return True

    def _compare(self, partition: int, arc: PlannedArc, hashes: NDArray[np.uint8]) -> None:
        """Compare the hashes that were read for an arc, and keep those that are new."""
        ring = arc.ring, arc.whole
        known = self.contents.setdefault(ring, np.zeros((arc.whole, HASH_BYTES), np.uint8))
        owners = self.owners.setdefault(ring, np.full(arc.whole, -1))
        places = np.arange(arc.start, arc.start + len(hashes)) % arc.whole
        was_read, is_known = hashes.any(axis=1), owners[places] >= 0
        differ = was_read & is_known & (known[places] != hashes).any(axis=1)
        if differ.any():
            self.differing |= {partition, *owners[places[differ]].tolist()}
        new = places[was_read & ~is_known]
        known[new], owners[new] = hashes[was_read & ~is_known], partition


def _is_sound(arc: PlannedArc) -> bool:
    """True if an arc lies on its ring."""
    return 0 <= arc.start < arc.whole and 0 < arc.length <= arc.whole


def check_sightings(sightings: Iterable[Sightings]) -> list[Trouble]:
    """Say that two partitions read other bytes of the same sample."""
    differing = frozenset[int]().union(*(seen.differing for seen in sightings))
    what = f"SRC changed meanwhile: {name_partitions(differing)} read other bytes of the same samples"
    return [Trouble(what, differing)] if differing else []


def name_partitions(numbers: Iterable[int]) -> str:
    """Return partitions in words."""
    shown = list_numbers(numbers)
    return f"partition {shown}" if shown.isdecimal() else f"partitions {shown}"


def list_numbers(numbers: Iterable[int]) -> str:
    """Return numbers as a short list, which Slurm's `--array` takes as well: `0-2,5`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)

"""An output that stands, counted for people to look at: its rows, its failures, its missing files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from augcli.errors import OutputError
from augcli.io.records.row_statistics import RowStatistics, counted_columns
from augcli.io.store.names import RECIPE
from augcli.pipeline.output.compare_documents import IMPOSSIBLE
from augcli.pipeline.output.stored_splits import open_output
from augcli.pipeline.output.troubles import Losses, explain_troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from augcli.io.records.part_files import PartFacts
    from augcli.io.store.base import Store
    from augcli.pipeline.output.documents import SplitOutput
    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.recipe import Recipe
    from augcli.samples import Failure

KEPT = 200
"""Failures, and warnings, that are kept to be shown; all are counted."""


@dataclass(slots=True)
class Incidents:
    """What did not go as it should, of all splits.

    Attributes:
        failures: The first samples that gave no output.
        reasons: All such samples, by the reason.
        warnings: The first samples that were decoded with warnings.
        warned: How many were.
        counts: How often something worth knowing was met.
        written_by: Part files by the library that wrote them.
    """

    failures: list[Failure] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    warnings: list[Failure] = field(default_factory=list)
    warned: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    written_by: Counter[str] = field(default_factory=Counter)

    def add(self, facts: PartFacts, written_by: str) -> None:
        """Take in what a part file says."""
        self.written_by[written_by] += 1
        self.failures += facts.failures[: KEPT - len(self.failures)]
        self.reasons.update(failure.reason for failure in facts.failures)
        self.warnings += facts.warnings[: KEPT - len(self.warnings)]
        self.warned += len(facts.warnings)
        self.counts.update(facts.counts)


@dataclass(frozen=True, slots=True)
class InspectedSplit:
    """A split of an output, and its rows counted."""

    output: SplitOutput
    statistics: RowStatistics


@dataclass(frozen=True, slots=True)
class Inspection:
    """An output that was looked at.

    Attributes:
        output: The output.
        splits: Its splits.
        incidents: What failed and what was worth a warning.
        troubles: Missing files in words; empty where all stands as far as names and sizes tell.
        version: The output version that `augcli.json` says.
        name: The output as users call it.
    """

    output: StoredOutput
    splits: tuple[InspectedSplit, ...]
    incidents: Incidents
    troubles: tuple[str, ...]
    version: str
    name: str

    @property
    def rows(self) -> int:
        """All outputs."""
        return sum(split.statistics.counts.rows for split in self.splits)


def inspect(
    store: Store,
    recipe: Recipe,
    advance: Callable[[int, int], None] = lambda done, total: None,
    name: str = "",
) -> Inspection:
    """Count an output; part files are read one after the other, so a million rows take little memory.

    Args:
        store: The output.
        recipe: What its `augcli.json` says.
        advance: Called with (part files read since the last call, all part files).
        name: The output as users call it; empty for the whole path.

    Raises:
        OutputError: If its `augcli.json` is damaged.
        StorageError: If the machine fails.
    """
    output = open_output(store, recipe)
    incidents, losses, splits = Incidents(), Losses(), []
    total = sum(map(len, output.list_chunks().values()))
    for split in output.list_chunks():
        inspected = _inspect_split(output, split, incidents, losses, lambda: advance(1, total))
        splits += [inspected] if inspected else []
    failed = incidents.reasons.total()
    troubles = tuple(explain_troubles(output, [split.output for split in splits], losses, failed))
    return Inspection(output, tuple(splits), incidents, troubles, read_version(store), name or store.name)


def _inspect_split(
    output: StoredOutput, split: str, incidents: Incidents, losses: Losses, advance: Callable[[], None]
) -> InspectedSplit | None:
    """Count a split; None if none of its part files can be read."""
    statistics, described = RowStatistics(), None
    facts: list[PartFacts] = []
    for part in output.parts.read(output.list_chunks()[split]):
        advance()
        try:
            if part.facts is None:
                raise OutputError("it is not a whole part file")
            rows = part.read(counted_columns(part))
            described = described or output.describe(split, [], [], rows["file_name"].to_pylist()).output
            statistics.add(part.chunk, rows)
            losses.find(output, described, part)
        except (OutputError, *IMPOSSIBLE):
            losses.damaged.append(part.chunk)
            continue
        incidents.add(part.facts, part.written_by)
        # What tells which documents there are; the rest of a million samples would take much memory.
        facts.append(
            replace(
                part.facts, contents=b"", failures=part.facts.failures[:1], warnings=part.facts.warnings[:1]
            )
        )
    if described is None:
        return None
    return InspectedSplit(replace(described, chunks=tuple(statistics.counts.chunks), facts=facts), statistics)


def read_version(store: Store) -> str:
    """Return the output version that `augcli.json` says."""
    [text] = store.read([RECIPE])
    return str(json.loads(text or b"{}").get("output_version", "unknown"))

"""What stands in DST: whether it is ours, and what of it is still true."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from augcli.errors import Option, OutputError
from augcli.io.records.counts import RowCounts, counted_columns
from augcli.io.records.document_sizes import find_changed
from augcli.io.records.parts import Parts
from augcli.io.records.seen_files import read_seen_file
from augcli.io.store.contents import Contents
from augcli.io.store.names import (
    CARD,
    CLASSES,
    FAILURES,
    SUCCESS,
    WARNINGS,
    part_key,
    part_names,
    seen_key,
)
from augcli.io.writers.choose import WRITERS
from augcli.pipeline.output.stored_recipe import find_differing_keys, refuse_newer
from augcli.pipeline.plan.digest import document
from augcli.pipeline.plan.doubts import find_doubt, list_sources
from augcli.pipeline.plan.splits import table_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from augcli.io.records.parts import Part
    from augcli.pipeline.output.look import Look
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.doubts import Doubt, Sources
    from augcli.pipeline.plan.splits import Split
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


def check(seen: Look, recipe: Recipe, annotated: Annotated, force: bool) -> bool:
    """True if DST is to be made from nothing; refuse the output of another recipe.

    Raises:
        OutputError: Naming the keys that differ.
    """
    if seen.text is None:
        return True
    differing = find_differing_keys(seen.store, seen.text, recipe, annotated)
    if differing and not force:
        refuse_newer(seen.store, seen.text)
        raise OutputError(
            f"DST {seen.store.name!r} holds another recipe's output; differing: {', '.join(differing)};"
            " give another DST, or replace it with ",
            Option("force", True),
        )
    return bool(differing)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in DST already.

    Attributes:
        contents: All that stands there.
        is_new: Whether all is to be made, over nothing or over another recipe's output.
        todo: Chunks that are to be made.
        stale: Names of the part files that no chunk bears any more.
        is_behind: Whether anything is to be written at all.
        parts: The part files that were read.
        counts: Of each split, the rows of the chunks that stand, counted.
        former: Keys of the files that outdated part files name.
        doubts: Chunks that stand if their sources, whose times are others, are still the same.
    """

    contents: Contents
    is_new: bool
    todo: list[tuple[Split, Chunk]]
    stale: set[str]
    is_behind: bool
    parts: Parts
    counts: list[RowCounts]
    former: set[str]
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def todo_names(self) -> list[str]:
        """Names of the chunks that are to be made, as part files bear them."""
        return [split.part_name(chunk) for split, chunk in self.todo]

    @property
    def lacks_only_tables(self) -> bool:
        """True if tables are to be written, but no image."""
        return self.is_behind and not self.todo


def survey(
    seen: Look,
    recipe: Recipe,
    annotated: Annotated,
    splits: Sequence[Split],
    force: bool,
    max_errors: int,
) -> Standing:
    """Compare DST with what is to stand there; the mark is, if no more than `max_errors` samples failed.

    The facts of chunks that stand are kept in their split, and which of them have other label columns.

    Raises:
        OutputError: If DST holds another recipe's output.
        StorageError: If the machine fails.
    """
    standing = survey_chunks(seen, recipe, annotated, splits, force)
    if standing.is_new:
        return standing
    stale, former = _find_stale(seen.contents, splits), standing.former
    for split in splits:
        names = sorted(name for name in stale if name.rpartition("-")[0] == split.catalogue.split)
        former = former.union(*(find_files(split, part) for part in standing.parts.read(names)))
    is_complete = _is_complete(seen, recipe, annotated, splits, max_errors)
    is_behind = bool(standing.todo or stale) or not is_complete
    return replace(standing, stale=stale, former=former, is_behind=is_behind)


def survey_chunks(
    seen: Look, recipe: Recipe, annotated: Annotated, splits: Sequence[Split], force: bool
) -> Standing:
    """Compare the chunks of some splits with what stands; of all else nothing is known, as if it stood.

    Raises:
        OutputError: If DST holds another recipe's output.
        StorageError: If the machine fails.
    """
    parts = seen.parts or Parts(seen.store)
    if check(seen, recipe, annotated, force):
        everything = [(split, chunk) for split in splits for chunk in split.chunks]
        return Standing(seen.contents, True, everything, set(), True, parts, [], set())
    todo: list[tuple[Split, Chunk]] = []
    counts: list[RowCounts] = []
    former: set[str] = set()
    doubts: list[Doubt] = []
    for split in splits:
        split.facts, split.mislabelled = {}, []
        counts.append(RowCounts())
        for chunk, part in _read_standing(split, seen.contents, parts):
            sources = part and _find_current(part, split, chunk, seen.contents, counts[-1])
            if part and sources:
                parts.keep(part)
                doubts += _find_doubts(seen, sources)
            else:
                todo.append((split, chunk))
                former |= find_files(split, part)
    return Standing(seen.contents, False, todo, set(), bool(todo), parts, counts, former, doubts)


def settle(standing: Standing, are_same: Sequence[bool]) -> Standing:
    """Return what stands once the sources of all chunks in doubt were compared; those left are without doubt.

    Args:
        standing: What stands, as far as is known without reading sources.
        are_same: For each doubt whether the sources are the same.

    Raises:
        StorageError: If the machine fails.
    """
    pairs = list(zip(standing.doubts, are_same, strict=True))
    changed = [doubt.sources for doubt, is_same in pairs if not is_same]
    former = set(standing.former)
    for split, chunk, *_ in changed:
        name = split.part_name(chunk)
        former |= find_files(split, standing.parts.read_one(name))
        standing.parts.drop(name)
        del split.facts[chunk.name]
        split.mislabelled = [other for other in split.mislabelled if other is not chunk]
    return replace(
        standing,
        todo=[*standing.todo, *((sources.split, sources.chunk) for sources in changed)],
        is_behind=standing.is_behind or bool(changed),
        former=former,
        doubts=[doubt for doubt, is_same in pairs if is_same],
    )


def _find_doubts(seen: Look, sources: Sources) -> list[Doubt]:
    """Return the doubt about a chunk, if there is one."""
    split, chunk = sources.split, sources.chunk
    name, versions = split.part_name(chunk), None
    if seen_key(name) in seen.contents.sizes:
        versions = read_seen_file(seen.store, name, split.facts[chunk.name], sources.versions.shape)
    doubt = find_doubt(sources, versions)
    return [doubt] if doubt else []


def _find_stale(contents: Contents, splits: Sequence[Split]) -> set[str]:
    """Return the names of the part files that no chunk bears any more."""
    return part_names(contents.sizes).difference(*(split.part_names() for split in splits))


def _read_standing(split: Split, contents: Contents, parts: Parts) -> Iterator[tuple[Chunk, Part | None]]:
    """Yield the chunks of a split, each with its part file; None for a chunk without one."""
    standing = [name for name in split.part_names() if part_key(name) in contents.sizes]
    read = iter(parts.read(standing))
    for chunk in split.chunks:
        is_there = part_key(split.part_name(chunk)) in contents.sizes
        yield chunk, next(read) if is_there else None


def _find_current(
    part: Part, split: Split, chunk: Chunk, contents: Contents, counts: RowCounts
) -> Sources | None:
    """Return the sources of a chunk if its part file and outputs are what it asks for; then count its rows.

    What its sources hold is not looked at yet. Its facts are kept in the split, and whether the label columns
    of its shards are to be written anew.
    """
    facts = part.facts
    if facts is None or len(facts.ahead) != len(chunk.arcs):
        return None
    try:
        is_current = facts.fingerprint == split.fingerprint(chunk, facts.ahead)
        sources = list_sources(split, chunk, facts) if is_current else None
        if sources is None or not split.job.writer.stands(part, contents.sizes):
            return None
        counts.add(part.chunk, part.rows(counted_columns(part)))
    except OutputError:  # its rows are damaged
        return None
    split.facts[chunk.name] = facts
    if facts.labels and facts.labels != table_options(split.job.recipe).text:
        split.mislabelled.append(chunk)
    return sources


def find_files(split: Split, part: Part | None) -> set[str]:
    """Return the keys of the files that an outdated part file names; none if it is damaged."""
    if part is None or part.facts is None:
        return set()
    try:
        return split.job.writer.files(part.file_names())
    except OutputError:
        return set()


def _is_complete(
    seen: Look, recipe: Recipe, annotated: Annotated, splits: Sequence[Split], max_errors: int
) -> bool:
    """True if the tables and everything else stand that a finished run of this recipe leaves."""
    facts = [fact for split in splits for fact in split.facts.values()]
    failed = sum(len(fact.failures) for fact in facts)
    wanted = [CARD, *[SUCCESS] * (failed <= max_errors), *[FAILURES] * (failed > 0)]
    wanted += [WARNINGS] * any(fact.warnings for fact in facts)
    wanted += [CLASSES] * bool(splits[0].catalogue.classes)
    wanted += [key for split in splits for key in split.job.writer.tables()]
    wanted += filter(None, [WRITERS[str(recipe.format)].index])
    sizes = seen.contents.sizes
    if failed > max_errors and SUCCESS in sizes:
        return False
    if not all(key in sizes for key in wanted) or seen.text != document(recipe, annotated).encode():
        return False
    return not find_changed(seen.store, sizes)

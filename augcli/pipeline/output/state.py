"""What stands in DST: whether it is ours, what of it is still true, and the files that close it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.errors import OutputError, UsageError
from augcli.io.records import part_files
from augcli.io.store.lease import LOCK
from augcli.io.store.local import list_sizes, read_text
from augcli.io.store.names import CARD, CLASSES, FAILURES, PART_SUFFIX, RECIPE, SUCCESS
from augcli.io.writers.boxes import describe_annotated
from augcli.pipeline.plan.digest import OUTPUT_VERSION, _name_annotations, document
from augcli.recipe import TABLE_KEYS, Recipe
from augcli.recipe_files import is_tables, read_recipe, write_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from augcli.io.records.part_files import PartFacts
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split
    from augcli.program.annotated import Annotated


def check(dst: Path, recipe: Recipe, annotated: Annotated, force: bool) -> bool:
    """Give whether DST is to be made from nothing; refuse one that is not ours, or another recipe's.

    Raises:
        OutputError: Naming what stands there, or the keys that differ.
    """
    if not dst.exists():
        return True
    if not dst.is_dir():
        raise OutputError(f"DST {str(dst)!r} is a file; give a directory")
    standing = sorted(path.name for path in dst.iterdir())
    if RECIPE not in standing:
        strange = [name for name in standing if not name.endswith(PART_SUFFIX) and name != LOCK]
        if strange:
            raise OutputError(
                f"DST {str(dst)!r} holds something else ({strange[0]!r}); give an empty directory"
            )
        return True
    differing = _differing_keys(dst, recipe, annotated)
    if differing and not force:
        raise OutputError(
            f"DST {str(dst)!r} holds another recipe's output; differing: {', '.join(differing)};"
            " give another DST, or replace it with --force"
        )
    return bool(differing)


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in DST already.

    Attributes:
        is_new: Whether all is to be made, over nothing or over another recipe's output.
        todo: Chunks that are to be made.
        stale: Names of the part files that no chunk bears any more.
        is_behind: Whether anything is to be written at all.
    """

    is_new: bool
    todo: list[tuple[Split, Chunk]]
    stale: set[str]
    is_behind: bool

    @property
    def lacks_only_tables(self) -> bool:
        """Whether tables are to be written, but no image."""
        return self.is_behind and not self.todo


def survey(
    dst: Path,
    recipe: Recipe,
    annotated: Annotated,
    splits: Sequence[Split],
    force: bool,
    max_errors: int,
) -> Standing:
    """Compare DST with what is to stand there, its mark too where no more failed than `max_errors`.

    The facts of chunks that stand are kept in their split, and which of them have other label columns.

    Raises:
        OutputError: If DST is something else or another recipe's output.
    """
    if check(dst, recipe, annotated, force):
        return Standing(True, [(split, chunk) for split in splits for chunk in split.chunks], set(), True)
    todo = _find_undone(dst, splits)
    stale = part_files.part_names(dst) - {name for split in splits for name in split.part_names()}
    return Standing(
        False,
        todo,
        stale,
        bool(todo or stale) or not _is_complete(dst, recipe, annotated, splits, max_errors),
    )


def _find_undone(dst: Path, splits: Sequence[Split]) -> list[tuple[Split, Chunk]]:
    """Find the chunks without a part file of their current fingerprint, or with outputs not as it says."""
    sizes = list_sizes(dst)
    undone = []
    for split in splits:
        split.facts, split.mislabelled = {}, []
        for chunk in split.chunks:
            facts = _read_current(dst, split, chunk, sizes)
            if facts is None:
                undone.append((split, chunk))
                continue
            split.facts[chunk.name] = facts
            if facts.labels != split.job.writer.labels:
                split.mislabelled.append(chunk)
    return undone


def _read_current(dst: Path, split: Split, chunk: Chunk, sizes: Mapping[str, int]) -> PartFacts | None:
    """Read what a chunk's part file says, where all of it is still true."""
    path = part_files.part_path(dst, split.part_name(chunk))
    facts = part_files.read_part_facts(path) if path.name in sizes else None
    if facts is None or len(facts.ahead) != len(chunk.arcs):
        return None
    try:
        is_current = facts.fingerprint == split.fingerprint(chunk, facts.ahead)
        return facts if is_current and split.job.writer.stands(path, sizes) else None
    except OutputError:  # its rows are damaged
        return None


def _is_complete(
    dst: Path, recipe: Recipe, annotated: Annotated, splits: Sequence[Split], max_errors: int
) -> bool:
    """Whether the tables and everything else stand that a finished run of this recipe leaves."""
    failed = sum(len(fact.failures) for split in splits for fact in split.facts.values())
    wanted = [CARD, *[SUCCESS] * (failed <= max_errors), *[FAILURES] * (failed > 0)]
    wanted += [CLASSES] * bool(splits[0].catalogue.classes)
    wanted += [name for split in splits for name in split.job.writer.tables()]
    is_marked_wrongly = failed > max_errors and (dst / SUCCESS).exists()
    stands = all((dst / name).exists() for name in wanted) and not is_marked_wrongly
    return stands and read_text(dst / RECIPE) == document(recipe, annotated)


def _differing_keys(dst: Path, recipe: Recipe, annotated: Annotated) -> list[str]:
    try:
        held = json.loads((dst / RECIPE).read_text("utf-8"))
        theirs, version = held["recipe"], held["output_version"]
        if not isinstance(theirs, dict) or not is_tables(theirs.get("op")):
            raise ValueError("it holds no recipe")
        theirs = _complete_recipe(theirs) | _name_annotations(held.get("annotations", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise OutputError(f"{str(dst / RECIPE)!r} is damaged; give another DST or remove it") from error
    ours: dict[str, Any] = write_recipe(recipe) | _name_annotations(describe_annotated(annotated))
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    differing = [_explain(key, ours.get(key), theirs.get(key)) for key in differing]
    differing = [key for key in differing if key.replace("-", "_") not in TABLE_KEYS]
    return (
        [] if version == OUTPUT_VERSION else [f"output_version ({version}, now {OUTPUT_VERSION})"]
    ) + differing


def _explain(key: str, ours: Any, theirs: Any) -> str:
    """Name a key that differs; of operations, which of their options do where they are the same ones."""
    if key == "name":
        return f"name ({theirs!r}, now {ours!r}; a recipe file's own name where it gives none)"
    if key != "op" or [one.keys() for one in ours] != [one.keys() for one in theirs]:
        return key
    pairs = zip(ours, theirs, strict=True)
    options = {name for our, their in pairs for name in our if our[name] != their[name]}
    return f"op ({', '.join(sorted(options))})"


def _complete_recipe(data: dict[str, Any]) -> dict[str, Any]:
    """Give a stored recipe with the keys that it lacks, since they came later; as it is where it is none."""
    try:
        return write_recipe(read_recipe(data))
    except UsageError:
        return data

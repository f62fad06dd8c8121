"""What stands in DST: whether it is ours, what of it is still true, and the files that close it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.errors import OutputError, UsageError
from augcli.io import dataset_card, outputs, tables
from augcli.io.annotation_files import describe_annotated
from augcli.io.folder import SPLIT_NAMES
from augcli.io.folder_form import FolderForm
from augcli.io.lock import LOCK
from augcli.io.parquet_form import ParquetForm
from augcli.io.storage import (
    ANNOTATIONS,
    CARD,
    CLASSES,
    FAILURES,
    PART_SUFFIX,
    RECIPE,
    SUCCESS,
    TABLES,
    hash_bytes,
    list_sizes,
    make_directory,
    remove_file,
    write_text,
    writing,
)
from augcli.recipe import TABLE_KEYS, Recipe, read_recipe, write_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from augcli.boxes import Annotated
    from augcli.io.outputs import Form
    from augcli.io.storage import Sink
    from augcli.io.tables import PartFacts
    from augcli.pipeline.chunks import Chunk
    from augcli.pipeline.split import Split, SplitOutput

OUTPUT_VERSION = 2
"""Raised whenever the same seed and input give other bytes than before."""


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
    stale = outputs.part_names(dst) - {name for split in splits for name in split.part_names()}
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
            if facts.labels != split.job.form.labels:
                split.mislabelled.append(chunk)
    return undone


def _read_current(dst: Path, split: Split, chunk: Chunk, sizes: Mapping[str, int]) -> PartFacts | None:
    """Read what a chunk's part file says, where all of it is still true."""
    path = outputs.part_path(dst, split.part_name(chunk))
    facts = tables.read_part_facts(path) if path.name in sizes else None
    if facts is None or len(facts.ahead) != len(chunk.stretches):
        return None
    try:
        is_current = facts.fingerprint == split.fingerprint(chunk, facts.ahead)
        return facts if is_current and split.job.form.stands(path, sizes) else None
    except OutputError:  # its rows are damaged
        return None


def _is_complete(
    dst: Path, recipe: Recipe, annotated: Annotated, splits: Sequence[Split], max_errors: int
) -> bool:
    """Whether the tables and everything else stand that a finished run of this recipe leaves."""
    failed = sum(len(fact.failures) for split in splits for fact in split.facts.values())
    wanted = [CARD, *[SUCCESS] * (failed <= max_errors), *[FAILURES] * (failed > 0)]
    wanted += [CLASSES] * bool(splits[0].catalogue.classes)
    wanted += [name for split in splits for name in split.job.form.tables()]
    is_marked_wrongly = failed > max_errors and (dst / SUCCESS).exists()
    stands = all((dst / name).exists() for name in wanted) and not is_marked_wrongly
    return stands and _read(dst / RECIPE) == document(recipe, annotated)


def begin(dst: Path, recipe: Recipe, annotated: Annotated, replace: bool, outdated: Iterable[str]) -> None:
    """Make DST ours and not complete; with `replace` clear what another recipe left.

    The part files that are no longer true go first: what they commit is about to be written over.
    """
    make_directory(dst)
    remove_file(dst / SUCCESS)
    for name in outdated:
        remove_file(outputs.part_path(dst, name))
    if replace:
        for name in outputs.part_names(dst):
            remove_file(outputs.part_path(dst, name))
        for directory in [dst, *(path for path in dst.iterdir() if path.name in SPLIT_NAMES)]:
            for name in (*TABLES, ANNOTATIONS):
                remove_file(directory / name)
        for name in (CLASSES, CARD, FAILURES):
            remove_file(dst / name)
        outputs.remove_strangers(dst, set())
    text = document(recipe, annotated)
    if _read(dst / RECIPE) != text:
        write_text(dst / RECIPE, text)


def choose_form(
    dst: Path,
    recipe: Recipe,
    split: str,
    classes: tuple[str, ...] | None,
    features: dict[str, Any],
    annotated: Annotated,
) -> Form:
    """Give the form in which a split's outputs lie in DST; `features` are those of carried columns."""
    options = tables.TableOptions(recipe.smoothing, recipe.smoothing_form, recipe.soft_labels)
    if recipe.format == "folder":
        return FolderForm(dst, f"{split}/" if split else "", options, features, annotated)
    return ParquetForm(dst, split, classes, options, features, annotated)


def finish(dst: Path, splits: Sequence[SplitOutput], recipe: Recipe) -> None:
    """Remove what no chunk holds, then write the tables and the other documents."""
    for directory in ["", *(f"{path.name}/" for path in dst.iterdir() if path.name in SPLIT_NAMES)]:
        current = {name for split in splits for name in split.form.tables()}
        for name in {directory + name for name in (*TABLES, ANNOTATIONS)} - current:
            remove_file(dst / name)
    outputs.remove_strangers(dst, set().union(*(split.files() for split in splits)))
    for split in splits:
        for name in split.form.tables():
            make_directory((dst / name).parent)
    write_documents(dst, splits, recipe)
    for name in {CLASSES, FAILURES} - document_names(splits):
        remove_file(dst / name)


def document_names(splits: Sequence[SplitOutput]) -> set[str]:
    """Name the files that `write_documents` writes."""
    names = {CARD, *(name for split in splits for name in split.form.tables())}
    names |= {CLASSES} if any(split.classes for split in splits[:1]) else set()
    return names | ({FAILURES} if any(fact.failures for split in splits for fact in split.facts) else set())


def write_documents(dst: Path, splits: Sequence[SplitOutput], recipe: Recipe, sink: Sink = writing) -> None:
    """Write all that follows from the part files: tables, class list, card, failures."""
    for split in splits:
        split.form.finish(split.parts, split.classes, sink)
    # Readers that number the folders take the class list as their map, so it bears the folders' names.
    classes = splits[0].class_folders or splits[0].classes
    if classes:
        lines = [name.replace("\r", "%0D").replace("\n", "%0A") for name in classes]
        write_text(dst / CLASSES, "".join(f"{line}\n" for line in lines), sink)
    patterns = [
        (split.name or "train", split.form.patterns(files)) for split in splits if (files := split.files())
    ]
    # How many there are, so that a part that is lost with its images is missed.
    counts = [sum(len(tables.read_file_names(part)) for part in split.parts) for split in splits]
    notes = [
        f"{split.name or 'train'}: {count} images"
        for split, count in zip(splits, counts, strict=True)
        if count
    ]
    card = dataset_card.write_card(str(recipe.format), patterns, [*notes, *label_notes(recipe)])
    write_text(dst / CARD, card, sink)
    failures = tables.collect_failures([fact for split in splits for fact in split.facts])
    if failures:
        tables.write_failures(dst / FAILURES, failures, sink)


def label_notes(recipe: Recipe) -> list[str]:
    """Say what a loss must know of the labels."""
    if not recipe.smoothing:
        return []
    form = f"ε = {recipe.smoothing} ({recipe.smoothing_form})"
    return [f"soft labels are smoothed, {form}; do not smooth again in the loss"]


def mark_complete(dst: Path, complete: bool) -> None:
    """Set or remove the mark that make targets and people look for; untouched where it is right."""
    if not complete:
        remove_file(dst / SUCCESS)
    elif not (dst / SUCCESS).exists():
        write_text(dst / SUCCESS, "")


def _differing_keys(dst: Path, recipe: Recipe, annotated: Annotated) -> list[str]:
    try:
        held = json.loads((dst / RECIPE).read_text("utf-8"))
        theirs, version = held["recipe"], held["output_version"]
        if not isinstance(theirs, dict) or "op" not in theirs:
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


def document(recipe: Recipe, annotated: Annotated) -> str:
    """Write `augcli.json`: what decided the output, and nothing of when, where or how fast."""
    document: dict[str, Any] = {"output_version": OUTPUT_VERSION, "recipe": write_recipe(recipe)}
    if annotated:
        document["annotations"] = describe_annotated(annotated)
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def digest(recipe: Recipe, annotated: Annotated) -> str:
    """Digest what decides the images of an output, beside its sources."""
    kept = {
        key: value for key, value in write_recipe(recipe).items() if key.replace("-", "_") not in TABLE_KEYS
    }
    text = json.dumps([kept, _name_annotations(describe_annotated(annotated))], sort_keys=True)
    return hash_bytes(text.encode())


def _name_annotations(described: dict[str, Any]) -> dict[str, Any]:
    """Give of such data what makes it another output: whether there are masks, and the form of boxes."""
    boxes = described.get("boxes")
    return {"masks": bool(described.get("masks")), "boxes": boxes and boxes["form"]}


def _complete_recipe(data: dict[str, Any]) -> dict[str, Any]:
    """Give a stored recipe with the keys that it lacks, since they came later; as it is where it is none."""
    try:
        return write_recipe(read_recipe(data))
    except UsageError:
        return data


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None

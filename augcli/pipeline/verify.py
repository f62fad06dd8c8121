"""Whether an output is what a run wrote: every file, byte and label; and what its sources still give."""

from __future__ import annotations

import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augcli.errors import DecodeError, OutputError, PlanError, StorageError, UsageError
from augcli.io import hugging_face
from augcli.io.images import codec
from augcli.io.images.index_masks import decode_mask
from augcli.io.records import part_files
from augcli.io.records.annotation_columns import MASK
from augcli.io.records.step_columns import read_label, read_program
from augcli.io.store.local import list_sizes, write_text
from augcli.io.store.names import CLASSES, RECIPE, SUCCESS, folder_names, hash_bytes
from augcli.io.writers.boxes import read_annotated
from augcli.io.writers.choose import choose_writer
from augcli.io.writers.comparison import Difference, compare_into, explain
from augcli.pipeline.engines.local import LocalEngine, count_workers
from augcli.pipeline.output import documents, summarize
from augcli.pipeline.plan import digest
from augcli.pipeline.plan.limits import DEFAULT_LIMITS, Limits
from augcli.pipeline.plan.splits import SplitOutput, table_options
from augcli.pipeline.recompute import Recomputation
from augcli.pipeline.results import Verification
from augcli.program.labels import count_shares, mix_known
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.readers.base import Source
    from augcli.io.records.part_files import PartFacts
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe

IMPOSSIBLE = (PlanError, LookupError, TypeError, ValueError, ArithmeticError)
"""What rows raise that no run of ours wrote; pyarrow's own errors are some of these."""


@dataclass(frozen=True, slots=True)
class Check:
    """How an output is verified.

    Attributes:
        source: The data set that it was made from, to make outputs again; None looks at the output alone.
        sample: How many samples to make again, evenly taken; None takes all.
        workers: Processes; None takes as many CPUs as the process may use.
        advance: Called with (pieces of work done since the last call, all pieces).
        limits: Those of the run that made the output.
    """

    source: Source | None = None
    sample: int | None = None
    workers: int | None = None
    advance: Callable[[int, int], None] = lambda done, total: None
    limits: Limits = DEFAULT_LIMITS


def verify(dst: Path, recipe: Recipe, check: Check) -> Verification:
    """Compare an output with its own records, and with what its sources give.

    Args:
        dst: The output.
        recipe: What its `augcli.json` says.
        check: How thoroughly.

    Raises:
        InputError: If the sources cannot be read as the recipe asks.
        StorageError: If the machine fails.
    """
    start = time.perf_counter()
    given, dst = dst, dst.absolute()
    sizes = list_sizes(dst)
    annotated = read_annotated(dst)
    if check.source:
        _check_kinds(annotated, check.source.annotated)
    splits, found = _read_splits(dst, recipe, annotated)
    if check.source and check.source.annotated != annotated:
        found.append(Difference(RECIPE, "its categories or other keys of boxes are not those of --boxes"))
    found += _check_files(dst, sizes, splits)
    parts = [(split, path) for split in splits for path in split.parts]
    again = Recomputation(dst, recipe, check.source, check.sample, check.limits) if check.source else None
    found += again.compare_chunks() if again else []
    tasks = len(parts) + (len(again) if again else 0)
    workers = check.workers or count_workers()
    processes = check.source is None or check.source.layout == "folder"  # the rows of shards are shared
    engine = LocalEngine(workers, processes)

    def work(task: int) -> tuple[list[Difference], int, dict[int, int]]:
        if task < len(parts):
            return _check_part(*parts[task], sizes, recipe.max_pixels)
        assert again is not None
        return (*again.compare(task - len(parts)), {})

    counted = recomputed = 0
    labels: dict[int, int] = {}
    with codec.own_pixel_bound():
        for task, (differences, number, seen) in enumerate(engine.run(work, range(tasks))):
            found += differences
            counted += number if task < len(parts) else 0
            recomputed += number if task >= len(parts) else 0
            torn = [key for key, label in seen.items() if labels.setdefault(key, label) != label]
            if torn:
                path = parts[task][1].name
                found.append(Difference(path, f"{len(torn)} sources have another label than in other parts"))
            check.advance(1, tasks)
    found += _check_recipe(splits, digest.digest(recipe, annotated))
    found += _check_documents(dst, splits, recipe, annotated)
    return Verification(
        dst=str(given),
        layout=str(recipe.format),
        outputs=counted,
        recomputed=recomputed,
        differences=tuple(sorted(set(found))),
        seconds=round(time.perf_counter() - start, 3),
        workers=workers,
        libraries=summarize.libraries("cpu (numba)" if again and recipe.entries else "none"),
    )


def _check_kinds(ours: Annotated, given: Annotated) -> None:
    """Refuse sources without the masks or boxes that the output has, or with others.

    Raises:
        UsageError: Naming the option.
    """
    box_formats = [one.boxes and one.boxes.box_format for one in (ours, given)]
    for option, held, offered in (("--masks", ours.masks, given.masks), ("--boxes", *box_formats)):
        if held != offered:
            cure = (
                f"give {option} as it was made" if held else f"leave out {option}, which it was made without"
            )
            raise UsageError(f"the output cannot be compared with these sources; {cure}")


def _read_splits(
    dst: Path, recipe: Recipe, annotated: Annotated
) -> tuple[list[SplitOutput], list[Difference]]:
    """Read what the part files say, split by split; and which of them cannot be read."""
    splits, found = [], []
    named = sorted((name.rpartition("-")[0], name) for name in part_files.part_names(dst))
    for name, group in itertools.groupby(named, key=lambda pair: pair[0]):
        paths, facts = [], []
        for _, part in group:
            path = part_files.part_path(dst, part)
            fact = _read_part(path)
            if fact is None:
                found.append(Difference(path.name, "it is damaged"))
            else:
                paths.append(path)
                facts.append(fact)
        if paths:
            splits.append(_describe_split(dst, name, recipe, annotated, paths, facts))
    if not splits:
        found.append(Difference(".", "no part file says what was written; run the command again"))
    return splits, found


def _read_part(path: Path) -> PartFacts | None:
    try:
        part_files.read_part_rows(path)
    except OutputError:
        return None
    return part_files.read_part_facts(path)


def _describe_split(
    dst: Path,
    name: str,
    recipe: Recipe,
    annotated: Annotated,
    parts: list[Path],
    facts: list[PartFacts],
) -> SplitOutput:
    """Find the classes and the features of carried columns where a table or a shard bears them."""
    classes, features = None, {}
    bearers = [dst / name / "metadata.parquet"] if recipe.format == "folder" else []
    bearers += sorted((dst / "data").glob(f"{name or 'train'}-*.parquet"))
    described = next(filter(None, map(hugging_face.read_description, bearers)), None)
    if described is not None:
        classes, known = described
        features = {
            column: known[column] for column in known if not part_files.is_ours(column, annotated.masks)
        }
    elif (dst / CLASSES).is_file():
        classes = tuple((dst / CLASSES).read_text("utf-8", "replace").splitlines())
    writer = choose_writer(str(recipe.format), dst, name, classes, table_options(recipe), features, annotated)
    places = (place for path in parts for place in part_files.read_file_names(path))
    places = (place.removeprefix(writer.images) for place in places)
    has_folders = recipe.format == "folder" and any("/" in place for place in places)
    folders = folder_names(classes) if has_folders and classes else None
    return SplitOutput(name, writer, parts, facts, classes, folders)


def _check_files(dst: Path, sizes: dict[str, int], splits: Sequence[SplitOutput]) -> list[Difference]:
    """Find what is missing, and what does not belong here."""
    promised = {RECIPE, SUCCESS, *(path.name for split in splits for path in split.parts)}
    images: set[str] = set().union(*(split.files() for split in splits))
    found = [Difference(name, "it is missing") for name in images - sizes.keys()]
    if SUCCESS not in sizes:
        found.append(Difference(SUCCESS, "it is missing: the output is not complete, or too much failed"))
    elif sizes[SUCCESS]:
        found.append(Difference(SUCCESS, "it is not empty"))
    promised |= images | documents.document_names(splits)
    for name in sizes.keys() - promised:
        hidden = name.rpartition("/")[0]
        if not any(part.startswith(".") for part in hidden.split("/")):  # a repository, say
            found.append(Difference(name, "it is not of this output"))
    for directory, inner, names in os.walk(dst):
        inner[:] = [name for name in inner if not name.startswith(".")]
        if not inner and not names:
            name = Path(directory).relative_to(dst).as_posix()
            found.append(Difference(name, "it is empty: folder readers take it for a class, and fail"))
    return found


def _check_recipe(splits: Sequence[SplitOutput], digest: str) -> list[Difference]:
    """Find a recipe that is not the one that parts were made with."""
    others = [
        path.name
        for split in splits
        for path, facts in zip(split.parts, split.facts, strict=True)
        if facts.recipe not in ("", digest)
    ]
    return [Difference(RECIPE, f"it is not what {others[0]} was made with")] if others else []


def _check_documents(
    dst: Path, splits: Sequence[SplitOutput], recipe: Recipe, annotated: Annotated
) -> list[Difference]:
    """Compare tables, class list, card, failures and recipe with what the part files give."""
    differing: dict[Path, int | None] = {}
    sink = compare_into(differing)
    found = []
    if splits:
        try:
            documents.write_documents(dst, splits, recipe, sink)
        except IMPOSSIBLE as error:
            found.append(Difference(".", f"the part files give no tables: {error}"))
    write_text(dst / RECIPE, digest.document(recipe, annotated), sink)
    return found + [explain(dst, path, place) for path, place in differing.items()]


def _check_part(
    split: SplitOutput, path: Path, sizes: dict[str, int], max_pixels: int
) -> tuple[list[Difference], int, dict[int, int]]:
    """Check a part file and its outputs; gives differences, outputs, and hashes of source keys and labels."""
    found: list[Difference] = []
    rows, facts = part_files.read_part_rows(path), part_files.read_part_facts(path)
    assert facts is not None
    differing: dict[Path, int | None] = {}
    sink = compare_into(differing)
    part_files.write_part_file(path, rows, facts, sink)
    standing = _rows_that_stand(split, rows, sizes)
    try:
        images = list(
            zip(_names(split, standing), standing.to_pylist(), split.writer.load(standing), strict=False)
        )
        split.writer.rewrite(standing, sink)
    except (OutputError, StorageError, *IMPOSSIBLE) as error:
        found.append(Difference(path.name, f"its outputs cannot be read: {error}"))
        images = []
    for name, row, pair in images:
        wrong = _check_image(row, pair.image, max_pixels) or _check_mask(row, pair.mask)
        found += [Difference(name, wrong)] if wrong else []
    found += [explain(path.parent, one, place) for one, place in differing.items()]
    labels: dict[int, int] = {}
    for name, row in zip(_names(split, rows), rows.to_pylist(), strict=True):
        wrong = _check_label(row)
        for key, label in zip([row["source"], *row["partners"]], row[part_files.SOURCES], strict=False):
            told = hash_key(repr(label))
            if labels.setdefault(hash_key(key), told) != told:
                wrong = wrong or f"{key!r} has another label than in other outputs"
        found += [Difference(name, wrong)] if wrong else []
    return found, len(rows), labels


def _rows_that_stand(split: SplitOutput, rows: Any, sizes: dict[str, int]) -> Any:
    """Leave out the rows whose files are missing, which is said already."""
    names = rows.column("file_name").to_pylist()
    standing = [at for at, name in enumerate(names) if split.writer.files([name]) <= sizes.keys()]
    return rows.take(standing) if standing else rows.slice(0, 0)


def _names(split: SplitOutput, rows: Any) -> list[str]:
    """Name the outputs of rows for a message: the file, or the shard and the row's name in it."""
    return [split.writer.place(name) for name in rows.column("file_name").to_pylist()]


def _check_image(row: dict[str, Any], data: bytes, max_pixels: int) -> str:
    """Say what is wrong with an image, or nothing."""
    if len(data) != row["bytes"]:
        return f"it has {len(data)} bytes, not {row['bytes']}"
    if hash_bytes(data) != row["hash"]:
        return "its bytes are others than were written"
    try:
        height, width, _ = codec.decode(data, codec.read_header(data, max_pixels)).shape
    except DecodeError as error:
        return f"it does not decode: {error}"
    if (height, width) != (row["height"], row["width"]):
        return f"it has {height}x{width} pixels, not {row['height']}x{row['width']}"
    return ""


def _check_mask(row: dict[str, Any], data: bytes) -> str:
    """Say what is wrong with the mask of an image that has one, or nothing."""
    held = row.get(MASK)
    if held is None:
        return ""
    if len(data) != held["bytes"]:
        return f"its mask has {len(data)} bytes, not {held['bytes']}"
    if hash_bytes(data) != held["hash"]:
        return "its mask's bytes are others than were written"
    try:
        size = decode_mask(data).indices.shape
    except DecodeError as error:
        return f"its mask does not decode: {error}"
    if size != (row["height"], row["width"]):
        return f"its mask has {size[0]}x{size[1]} pixels, not {row['height']}x{row['width']}"
    return ""


def _check_label(row: dict[str, Any]) -> str:
    """Say how a row's label is not what its steps give, or nothing."""
    try:
        program = read_program(row["steps"])
        sources = [read_label(label) for label in row[part_files.SOURCES]]
        shares = count_shares(program, row["height"], row["width"], len(row["partners"]))
        given = (*mix_known(sources, shares), shares.lam)
        held = (row["label"], read_label(row), row["lam"])
    except IMPOSSIBLE as error:
        return f"its label cannot be counted from its steps: {error}"
    # So its weights sum to 1 where those of its sources do.
    return "" if held == given else "its label is not what its steps give"

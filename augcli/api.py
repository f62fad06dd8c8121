"""The Python functions that users import; the command line calls them too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augcli.arguments import (
    check_at_least,
    check_output,
    check_paths,
    list_idle_access,
    load_stored,
    read_settings,
    remind_of_annotations,
    select,
)
from augcli.errors import Option, UsageError
from augcli.input_files import InputFiles
from augcli.recipe import Recipe
from augcli.recipe_files import load_recipe, open_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.pipeline.doctor import Diagnosis
    from augcli.pipeline.results import Summary, Verification
    from augcli.report.preview import Sheet


OF_SOURCES = (
    *(Option("sample"), ", ", Option("labels"), ", ", Option("classes"), ", ", Option("masks"), " and "),
    *(Option("boxes"), " go with ", Option("against", "SRC"), "; give it, or leave them out"),
)


def materialize(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str],
    *,
    labels: str | os.PathLike[str] | None = None,
    classes: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | Sequence[str] | None = None,
    workers: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    max_errors: int = 0,
    backend: str = "auto",
    partition: str | None = None,
    plan: int | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    engine: str = "local",
    ray_address: str | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Summary:
    """Read a data set, apply a recipe, and write images with soft labels.

    The same input, recipe and seed give the same bytes, whatever the workers or earlier interruptions;
    what already stands in `dst` is not made again.

    Every path may be an address, too: `s3://BUCKET/PATH`, `gs://` or `az://`.

    Args:
        src: Image folder or YOLO data set; or parquet shards or tar files: one, a folder, or a glob.
        dst: Directory of the output: new, empty, or made by augcli with the same recipe.
        recipe: A `Recipe`, its keys as a mapping (as in a TOML file), or the path of a TOML file or of
            the `augcli.json` of an output.
        labels: CSV, parquet or JSON lines table that labels the images of a folder.
        classes: File with one class name a line, in index order.
        masks: Directory of index masks with the names of a folder's images, or a parquet column.
        boxes: COCO JSON file, or directory of Pascal VOC XML; or a list of texts `SPLIT=FILE`.
        workers: Processes or threads; None takes as many CPUs as the process may use.
        force: Replace an output that augcli made with another recipe.
        dry_run: Say what would be done and write nothing.
        max_errors: Failed images up to which the output is marked as complete.
        backend: What applies steps, all with the same bytes: `auto`, `cpu`, `gpu` or `reference`.
        partition: Make only the chunks of one of N partitions, as `0/4`; `merge` closes the output.
        plan: List `src` once for so many partitions, write into `dst` what each needs, and make nothing.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.
        engine: What tasks are handed to: `local`, the workers of this machine, or `ray`, a cluster.
        ray_address: The Ray cluster; None takes `RAY_ADDRESS`, or begins a cluster on this machine.
        advance: Called after each piece of work with (images done since the last call, images to do).

    Returns:
        What stands in the output and what this call did; check `failures`.

    Raises:
        UsageError: If the recipe or an argument is not accepted.
        InputError: If `src` is missing, empty or cannot be labelled.
        OutputError: If `dst` is something else, holds another recipe's output, or overlaps `src`.
        StorageError: If the machine fails; call again to go on.
        MissingPartError: If CuPy, a device, obstore for addresses, Ray or its cluster is missing, or some
            machine there would write other bytes.
    """
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.run import run

    check_paths(src=src, dst=dst, recipe=recipe, labels=labels, classes=classes, masks=masks, boxes=boxes)
    settings = read_settings(
        workers=workers,
        backend=backend,
        engine=engine,
        ray_address=ray_address,
        max_errors=max_errors,
        partition=partition,
        plan=plan,
        force=force,
        dry_run=dry_run,
    )
    access = Access(endpoint_url, anonymous)
    loaded = open_recipe(recipe, access)
    selection = select(loaded.recipe, dst, InputFiles.of(labels, classes, masks, boxes), access)
    if loaded.output is not None:
        remind_of_annotations(loaded.output, selection)
    settings = replace(settings, is_stored=loaded.is_stored, advance=advance or settings.advance)
    summary = run(str(src), plain_path(dst), loaded.recipe, selection, settings)
    recipe_file = recipe if isinstance(recipe, str) else None
    idle = list_idle_access(access, (src, dst, recipe_file, *selection.files.paths))
    return replace(summary, notes=(*summary.notes, *idle))


def merge(
    dst: str | os.PathLike[str],
    *,
    max_errors: int = 0,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> Summary:
    """Close an output that was made in partitions: check what all of them made, write tables and the mark.

    It needs no source. Then the output equals what one run makes. A complete output stays as it is.

    Args:
        dst: The output.
        max_errors: Failed images up to which the output is marked as complete.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.
        advance: Called after each piece of work with (chunks checked since the last call, all chunks).

    Returns:
        What stands in the output; check `failures`.

    Raises:
        UsageError: If an argument is not accepted.
        InputError: If `dst` is missing.
        OutputError: If `dst` is not an output of augcli, or partitions are at work there.
        StorageError: If the machine fails, or something is missing; the partitions to run again are named.
        MissingPartError: If partitions were made with libraries that write other bytes.
    """
    from augcli.io.store.places import open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.merge import merge

    check_paths(dst=dst)
    check_at_least(0, "max_errors", max_errors)
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    check_output(path, access)
    recipe = load_stored(path, access)
    return merge(
        path, open_destination(path, access), recipe, max_errors, advance or (lambda done, total: None)
    )


def verify(
    dst: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    sample: int | None = None,
    labels: str | os.PathLike[str] | None = None,
    classes: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | Sequence[str] | None = None,
    workers: int | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> Verification:
    """Check that an output is what a run wrote, and with `against` what its sources still give.

    Every promised file stands and nothing else; every image has the recorded bytes, size and hash, and
    decodes; every label equals what the recorded steps give; every table, shard and document holds, byte for
    byte, what the part files say. With sources, outputs are made again and compared with what was written.

    Args:
        dst: The output.
        against: What it was made from; `labels`, `classes`, `masks` and `boxes` as it was made.
        sample: Make only so many images of the sources again, evenly spread over them; None makes all.
        labels: CSV, parquet or JSON lines table that labels the images of a folder.
        classes: File with one class name a line, in index order.
        masks: Directory of index masks with the names of a folder's images, or a parquet column.
        boxes: COCO JSON file, or directory of Pascal VOC XML; or a list of texts `SPLIT=FILE`.
        workers: Processes or threads; None takes as many CPUs as the process may use.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.
        advance: Called after each piece of work with (pieces done since the last call, all pieces).

    Returns:
        What was checked, and each difference that was found.

    Raises:
        UsageError: If an argument is not accepted.
        InputError: If `dst` or `against` is missing or cannot be read.
        OutputError: If `dst` is not an output of augcli.
        StorageError: If the machine fails.
    """
    from augcli.io.readers.source import open_source
    from augcli.io.store.urls import Access, join_path, plain_path
    from augcli.io.writers.comparison import Difference
    from augcli.pipeline.results import Verification
    from augcli.pipeline.verify import Check, verify

    check_paths(dst=dst, against=against, labels=labels, classes=classes, masks=masks, boxes=boxes)
    check_at_least(1, "workers", workers)
    check_at_least(1, "sample", sample)
    of_sources = (sample, labels, classes, masks, boxes)
    if against is None and any(option is not None for option in of_sources):
        raise UsageError(*OF_SOURCES)
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    check_output(path, access)
    try:
        recipe = load_recipe(join_path(path, "augcli.json"), access)
    except UsageError as error:  # only a change by hand makes it unacceptable
        damage = Difference("augcli.json", f"it is not a recipe: {error}")
        return Verification(str(dst), "unknown", 0, 0, (damage,), 0.0, 0, {})
    selection = select(recipe, path, InputFiles.of(labels, classes, masks, boxes), access)
    source = None if against is None else open_source(str(against), selection)
    check = Check(source, sample, workers, access, advance or (lambda done, total: None))
    return verify(path, recipe, check)


def preview(
    src: str | os.PathLike[str],
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str],
    sheet: str | os.PathLike[str] | None = None,
    *,
    count: int = 6,
    dst: str | os.PathLike[str] | None = None,
    force: bool = False,
    labels: str | os.PathLike[str] | None = None,
    classes: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | Sequence[str] | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
) -> Sheet:
    """Draw what a recipe makes of a data set before it is run, or what stands in an output, as one picture.

    It shows sources, results and labels, masks and boxes with them. Outputs of a recipe have the bytes that
    `materialize` would write, but nothing is written, and no more images are read than these are made from,
    and a few that turn out to give no changed output. They lie evenly over the shuffled order of the images;
    changed ones come first.

    Args:
        src: Image folder or YOLO data set; or parquet shards or tar files: one, a folder, or a glob.
        recipe: What `materialize` takes; or the directory of an output, whose own images are then drawn.
            Columns and links of `src` are read as its recipe says.
        sheet: Path of a PNG to write; None writes none.
        count: How many outputs to show, at least 1.
        dst: Where `materialize` would write; it may be left out. What a run would refuse there is refused.
        force: Whether `materialize` would replace the output of another recipe in `dst`.
        labels: CSV, parquet or JSON lines table that labels the images of a folder, as the output was made.
        classes: File with one class name a line, in index order.
        masks: Directory of index masks with the names of a folder's images, or a parquet column.
        boxes: COCO JSON file, or directory of Pascal VOC XML; or a list of texts `SPLIT=FILE`.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.

    Returns:
        The picture, which notebooks show.

    Raises:
        UsageError: If the recipe or an argument is not accepted.
        InputError: If `src` is missing or another one, cannot be labelled, or nothing can be shown of it.
        OutputError: If a directory is not an output of augcli, or damaged, `dst` lies in `src` or is
            something else, or `sheet` lies in one of them.
        StorageError: If the machine fails, or `dst` cannot be made.
    """
    from augcli.io.readers.source import open_source
    from augcli.io.store.locations import Kind, find_kind
    from augcli.io.store.places import check_sheet, open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.report.preview import draw_preview, draw_recipe, write_sheet

    check_paths(
        src=src, dst=dst, recipe=recipe, sheet=sheet, labels=labels, classes=classes, masks=masks, boxes=boxes
    )
    check_at_least(1, "count", count)
    files, access = InputFiles.of(labels, classes, masks, boxes), Access(endpoint_url, anonymous)
    if isinstance(recipe, Recipe | Mapping) or find_kind(plain_path(recipe), access) is Kind.FILE:
        if sheet is not None:
            check_sheet(sheet, src, dst)
        opened = open_recipe(recipe, access)
        selection = select(opened.recipe, dst, files, access)
        if opened.output is not None:
            remind_of_annotations(opened.output, selection)
        place = None if dst is None else str(dst)
        drawn = draw_recipe(str(src), opened.recipe, selection, place, count, force)
    else:
        output = plain_path(recipe)
        check_output(output, access)
        if sheet is not None:
            check_sheet(sheet, src, output)
        stored = load_stored(output, access)
        source = open_source(str(src), select(stored, output, files, access))
        drawn = draw_preview(source, open_destination(output, access), stored, count)
    if sheet is not None:
        write_sheet(drawn, Path(sheet))
    return drawn


def diagnose() -> Diagnosis:
    """Return what this machine has, and what each missing part costs; nothing is written or compiled."""
    from augcli.pipeline.doctor import diagnose

    return diagnose()

"""The Python functions that show what an output holds; the command line calls them too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from augcli.arguments import (
    check_at_least,
    check_output,
    check_paths,
    load_stored,
    locate_report,
    select,
)
from augcli.errors import Option, UsageError
from augcli.input_files import InputFiles
from augcli.recipe_files import load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.io.store.urls import Access
    from augcli.pipeline.differences import Differences
    from augcli.pipeline.inspection import Inspection
    from augcli.recipe import Recipe
    from augcli.report.drawing import SourceImages
    from augcli.report.shown import Shown

OF_SHOWN_SOURCES = (
    *(Option("labels"), ", ", Option("classes"), ", ", Option("masks"), " and ", Option("boxes")),
    *(" go with ", Option("src", "SRC"), "; give it, or leave them out"),
)


def write_report(
    dst: str | os.PathLike[str],
    file: str | os.PathLike[str] | None = None,
    *,
    src: str | os.PathLike[str] | None = None,
    count: int = 48,
    labels: str | os.PathLike[str] | None = None,
    classes: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | Sequence[str] | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> str:
    """Write one page on what an output holds: what was done, counts, classes, shares, failures and samples.

    The page needs no network. It is also written of an output that is not complete, and says what is missing.

    Args:
        dst: The output.
        file: Path of the page to write, not among the files of `dst`, but for `report.html` at its root;
            None writes none.
        src: What the output was made from, to show samples beside their sources; `labels`, `classes`,
            `masks` and `boxes` as it was made. None shows the outputs alone.
        count: How many samples to show, drawn by the seed.
        labels: CSV, parquet or JSON lines table that labels the images of a folder.
        classes: File with one class name a line, in index order.
        masks: Directory of index masks with the names of a folder's images, or a parquet column.
        boxes: COCO JSON file, or directory of Pascal VOC XML; or a list of texts `SPLIT=FILE`.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.
        advance: Called after each piece of work with (part files read since the last call, all of them).

    Returns:
        The page.

    Raises:
        UsageError: If an argument is not accepted.
        InputError: If `dst` is missing, or `src` is missing or another one.
        OutputError: If `dst` is not an output of augcli, or `file` lies among its files.
        StorageError: If the machine fails.
        MissingPartError: If Jinja2 is missing.
    """
    from augcli.io.store.base import write_text
    from augcli.io.store.places import open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.inspection import inspect
    from augcli.report.gallery import draw_gallery
    from augcli.report.html import check_jinja, render
    from augcli.report.page import describe_report

    check_paths(dst=dst, file=file, src=src, labels=labels, classes=classes, masks=masks, boxes=boxes)
    check_at_least(0, "count", count)
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    files = InputFiles.of(labels, classes, masks, boxes)
    check_sources(src, files)
    check_output(path, access)
    place = None if file is None else locate_report(file, path, access)
    check_jinja()
    recipe = load_stored(path, access)
    sources = None if src is None else _open_sources(src, recipe, path, files, access)
    inspection = inspect(open_destination(path, access), recipe, advance or (lambda done, total: None), path)
    page = render(describe_report(inspection, draw_gallery(inspection, count, sources), sources))
    if place is not None:
        write_text(place.store, place.key, page)
    return page


def show(
    dst: str | os.PathLike[str],
    key: str,
    sheet: str | os.PathLike[str] | None = None,
    *,
    src: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    classes: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    boxes: str | os.PathLike[str] | Sequence[str] | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
) -> Shown:
    """Return what is known of an output: sources, steps, label, boxes; and draw it.

    Args:
        dst: The output.
        key: The file name of an output, or the key of a sample, whose outputs are all shown; or the last part
            of either.
        sheet: Path of a PNG to draw them to; None draws nothing.
        src: What the output was made from, to draw the sources, too; `labels`, `classes`, `masks` and `boxes`
            as it was made.
        labels: CSV, parquet or JSON lines table that labels the images of a folder.
        classes: File with one class name a line, in index order.
        masks: Directory of index masks with the names of a folder's images, or a parquet column.
        boxes: COCO JSON file, or directory of Pascal VOC XML; or a list of texts `SPLIT=FILE`.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.

    Returns:
        The outputs, and the samples of this name that failed.

    Raises:
        UsageError: If an argument is not accepted.
        InputError: If `dst` is missing, or no output bears this name; the nearest names are named.
        OutputError: If `dst` is not an output of augcli, or damaged, or `sheet` lies in it or in `src`.
        StorageError: If the machine fails.
    """
    from augcli.io.store.places import check_sheet, open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.output.stored_splits import open_output
    from augcli.report.shown import find_outputs

    check_paths(
        dst=dst, key=key, sheet=sheet, src=src, labels=labels, classes=classes, masks=masks, boxes=boxes
    )
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    files = InputFiles.of(labels, classes, masks, boxes)
    check_sources(src, files)
    check_output(path, access)
    if sheet is not None:
        check_sheet(sheet, src, path)
    recipe = load_stored(path, access)
    output = open_output(open_destination(path, access), recipe)
    shown = find_outputs(output, key, path)
    if sheet is not None:
        from augcli.report.preview import write_sheet
        from augcli.report.shown_sheet import draw_shown

        sources = None if src is None else _open_sources(src, recipe, path, files, access)
        write_sheet(draw_shown(output, shown, sources), Path(sheet))
    return shown


def look(
    dst: str | os.PathLike[str],
    *,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Return what an output holds, counted, and what of it is missing; see `show` and `write_report`.

    Args:
        dst: The output.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.
        advance: Called after each piece of work with (part files read since the last call, all of them).

    Raises:
        InputError: If `dst` is missing.
        OutputError: If `dst` is not an output of augcli, or damaged.
        StorageError: If the machine fails.
    """
    from augcli.io.store.places import open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.inspection import inspect

    check_paths(dst=dst)
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    check_output(path, access)
    advance = advance or (lambda done, total: None)
    return inspect(open_destination(path, access), load_stored(path, access), advance, path)


def diff(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    *,
    endpoint_url: str | None = None,
    anonymous: bool = False,
) -> Differences:
    """Compare two outputs, or two recipes: which keys differ, and which outputs in bytes, labels or partners.

    Outputs are those of the same sample and copy; bytes are compared by their recorded hashes. Classes, and
    what files of boxes say of all boxes, are compared, too. Where one of the two is a recipe, recipes alone
    are compared.

    Args:
        first: An output; or a TOML file, or the `augcli.json` of an output.
        second: Another one.
        endpoint_url: Server that speaks the protocol of the addresses, in the place of the cloud's own.
        anonymous: Whether requests are not signed, as for public buckets.

    Returns:
        What differs; false where nothing does.

    Raises:
        UsageError: If an argument or a recipe is not accepted.
        InputError: If one does not exist.
        OutputError: If one is a directory of something else, or damaged.
        StorageError: If the machine fails.
    """
    from augcli.io.store.locations import Kind, find_kind
    from augcli.io.store.places import open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.differences import Differences, compare_outputs, compare_recipes
    from augcli.pipeline.document_differences import compare_documents, compare_writers
    from augcli.pipeline.output.stored_splits import open_output

    check_paths(first=first, second=second)
    paths, access = [plain_path(path) for path in (first, second)], Access(endpoint_url, anonymous)
    are_outputs = [find_kind(path, access) is Kind.DIRECTORY for path in paths]
    recipes = []
    for path, is_output in zip(paths, are_outputs, strict=True):
        if is_output:
            check_output(path, access)
        recipes.append(load_stored(path, access) if is_output else load_recipe(path, access))
    keys = compare_recipes(recipes[0], recipes[1], (not are_outputs[0], not are_outputs[1]))
    if not all(are_outputs):
        return Differences(paths[0], paths[1], keys)
    opened = [
        open_output(open_destination(path, access), recipe)
        for path, recipe in zip(paths, recipes, strict=True)
    ]
    compared = compare_outputs(opened[0], opened[1])
    documents, writers = compare_documents(opened[0], opened[1]), compare_writers(*compared.writers)
    return Differences(paths[0], paths[1], keys, compared.outputs, compared.number, documents, writers)


def check_sources(src: object, files: InputFiles) -> None:
    """Refuse files that go with sources, where none are given.

    Raises:
        UsageError: Naming the options.
    """
    if src is None and files:
        raise UsageError(*OF_SHOWN_SOURCES)


def _open_sources(
    src: str | os.PathLike[str], recipe: Recipe, dst: str, files: InputFiles, access: Access
) -> SourceImages:
    """Open what an output was made from, to draw it."""
    from augcli.io.readers.source import open_source
    from augcli.report.drawing import SourceImages

    return SourceImages(open_source(str(src), select(recipe, dst, files, access)), recipe.max_pixels)

"""The Python functions that show what an output holds; the command line calls them too."""

from __future__ import annotations

import os
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
from augcli.samples import InputFiles

if TYPE_CHECKING:
    from collections.abc import Callable

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
    boxes: str | os.PathLike[str] | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
    advance: Callable[[int, int], None] | None = None,
) -> str:
    """Write one page on what an output holds: what was done, counts, classes, shares, failures and samples.

    The page needs no network. It is written of an output that is not complete, too, and says what is missing.

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
        boxes: COCO JSON file, or directory of Pascal VOC XML.
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
    from augcli.io.readers.source import open_source
    from augcli.io.store.base import write_text
    from augcli.io.store.places import open_destination
    from augcli.io.store.urls import Access, plain_path
    from augcli.pipeline.inspection import inspect
    from augcli.report.drawing import SourceImages
    from augcli.report.gallery import draw_gallery
    from augcli.report.html import check_jinja, render
    from augcli.report.page import describe_report

    check_paths(dst=dst, file=file, src=src, labels=labels, classes=classes, masks=masks, boxes=boxes)
    check_at_least(0, "count", count)
    if src is None and any(option is not None for option in (labels, classes, masks, boxes)):
        raise UsageError(*OF_SHOWN_SOURCES)
    path, access = plain_path(dst), Access(endpoint_url, anonymous)
    check_output(path, access)
    place = None if file is None else locate_report(file, path, access)
    check_jinja()
    recipe = load_stored(path, access)
    sources = None
    if src is not None:
        selection = select(recipe, path, InputFiles.of(labels, classes, masks, boxes), access)
        sources = SourceImages(open_source(str(src), selection), recipe.max_pixels)
    inspection = inspect(open_destination(path, access), recipe, advance or (lambda done, total: None))
    page = render(describe_report(inspection, draw_gallery(inspection, count, sources)))
    if place is not None:
        write_text(place.store, place.key, page)
    return page

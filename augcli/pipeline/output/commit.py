"""Where an output may begin, its beginning, and the mark that it is complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from augcli.io.readers.folder import SPLIT_NAMES
from augcli.io.records import part_files
from augcli.io.store import local
from augcli.io.store.local import (
    make_directory,
    read_text,
    remove_file,
    remove_strangers,
    write_text,
)
from augcli.io.store.names import (
    ANNOTATIONS,
    CARD,
    CLASSES,
    FAILURES,
    RECIPE,
    SUCCESS,
    TABLES,
)
from augcli.pipeline.plan.digest import document
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.io.readers.base import Selection
    from augcli.program.annotated import Annotated


def check_apart(src: str, dst: Path, selection: Selection) -> None:
    """Refuse a DST that overlaps what is read.

    Raises:
        OutputError: If it does.
    """
    local.check_apart(src, dst)
    if selection.boxes:
        local.check_apart(selection.boxes, dst, "--boxes")
    if selection.masks and Path(selection.masks).is_dir():  # else it names a column
        local.check_apart(selection.masks, dst, "--masks")


def begin(dst: Path, recipe: Recipe, annotated: Annotated, replace: bool, outdated: Iterable[str]) -> None:
    """Make DST ours and not complete; with `replace` clear what another recipe left.

    The part files that are no longer true go first: what they commit is about to be written over.
    """
    make_directory(dst)
    remove_file(dst / SUCCESS)
    for name in outdated:
        remove_file(part_files.part_path(dst, name))
    if replace:
        for name in part_files.part_names(dst):
            remove_file(part_files.part_path(dst, name))
        for directory in [dst, *(path for path in dst.iterdir() if path.name in SPLIT_NAMES)]:
            for name in (*TABLES, ANNOTATIONS):
                remove_file(directory / name)
        for name in (CLASSES, CARD, FAILURES):
            remove_file(dst / name)
        remove_strangers(dst, set())
    text = document(recipe, annotated)
    if read_text(dst / RECIPE) != text:
        write_text(dst / RECIPE, text)


def mark_complete(dst: Path, complete: bool) -> None:
    """Set or remove the mark that make targets and people look for; untouched where it is right."""
    if not complete:
        remove_file(dst / SUCCESS)
    elif not (dst / SUCCESS).exists():
        write_text(dst / SUCCESS, "")

"""Where an output may begin, its beginning, and the mark that it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import Option, OutputError
from augcli.io.records.seen_files import write_seen_file
from augcli.io.store import places
from augcli.io.store.base import write_text
from augcli.io.store.locations import Kind, find_kind
from augcli.io.store.names import RECIPE, SUCCESS, find_idle_caches, is_unfinished, part_key, part_names
from augcli.pipeline.output.documents import is_removable
from augcli.pipeline.plan.digest import document
from augcli.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.readers.base import Selection
    from augcli.io.store.base import Store
    from augcli.io.store.contents import Contents
    from augcli.pipeline.output.state import Standing
    from augcli.pipeline.plan.doubts import Doubt
    from augcli.program.annotated import Annotated


def check_apart(src: str, dst: str, selection: Selection) -> None:
    """Refuse a DST that overlaps what is read.

    Raises:
        OutputError: If it does.
    """
    places.check_apart(src, dst)
    files = selection.files
    for boxes in files.box_paths:
        places.check_apart(boxes, dst, Option("boxes"))
    masks = files.without_none().masks
    if masks and find_kind(masks, selection.access) is Kind.DIRECTORY:  # else it names a column
        places.check_apart(masks, dst, Option("masks"))


def begin(store: Store, standing: Standing, recipe: Recipe, annotated: Annotated) -> None:
    """Make DST ours and not complete, and remove what is in the way: all of it if it is another recipe's.

    Outdated part files go first: what they commit is about to be written over. Then
    `augcli.json` is written, always, for by that another run finds that this one has begun.

    Raises:
        OutputError: If another run has begun meanwhile, where the file system has no locks.
        StorageError: If the machine fails.
    """
    keys = standing.contents.sizes
    outdated = standing.stale.union(standing.todo_names)
    outdated = part_names(keys) if standing.is_new else outdated & part_names(keys)
    first = [key for key in (SUCCESS, *map(part_key, sorted(outdated))) if key in keys]
    store.delete([*first, *find_idle_caches(keys, outdated)])
    text = document(recipe, annotated)
    if RECIPE in keys:
        write_text(store, RECIPE, text)
    elif not store.create(RECIPE, text.encode()):
        raise OutputError(f"DST {store.name!r} is in use by another run; wait until it ends")
    unfinished = [key for key in standing.contents.visible() if is_unfinished(key)]
    former = [key for key in standing.contents.visible() if standing.is_new and is_removable(key)]
    store.delete([*unfinished, *former])


def renew_caches(store: Store, doubts: Sequence[Doubt]) -> None:
    """Note which versions of its sources a chunk stands for whose doubt was cleared, if that is possible."""
    for sources, _ in doubts:
        split, chunk = sources.split, sources.chunk
        facts = split.facts[chunk.name]
        write_seen_file(store, split.part_name(chunk), facts, sources.versions)


def renew_mark(store: Store, contents: Contents) -> None:
    """Set the time of the mark, if there is one: make compares it with the times of sources."""
    if SUCCESS in contents.sizes:
        write_text(store, SUCCESS, "")


def mark_complete(store: Store, complete: bool) -> None:
    """Set the mark that make targets and people look for, once all else is written, or leave it away."""
    if complete:
        store.create(SUCCESS, b"")

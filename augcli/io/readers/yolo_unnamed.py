"""Images of SRC and of a YOLO data set that no split of it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import quantity
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.store.locations import path_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.readers.base import Input
    from augcli.io.readers.yolo_paths import Paths
    from augcli.io.readers.yolo_places import Found
    from augcli.io.store.listing import Tree


def describe_outside(src: Input, paths: Paths, images: Found) -> list[str]:
    """Return a note on images of SRC outside of the directory of the data set, if no split names them."""
    if src.tree is None or path_below(src.store.name, paths.root) is not None:
        return []
    inner = path_below(paths.root, src.store.name)
    lost = _list_lost(src.store.name, src.tree, paths, images)
    return _describe(
        [key for key in lost if inner is None or not key.startswith(inner)], f"outside of {paths.root!r}"
    )


def describe_unnamed(paths: Paths, images: Found) -> list[str]:
    """Return a note on images in the directory of the data set that no split names."""
    return _describe(_list_lost(paths.root, paths.tree, paths, images), f"of no split of {paths.name!r}")


def _describe(lost: Sequence[str], where: str) -> list[str]:
    return [f"left out: {quantity(len(lost), 'image')} {where} ({lost[0]!r} first)"] if lost else []


def _list_lost(root: str, tree: Tree, paths: Paths, images: Found) -> list[str]:
    """Return the keys of images below a directory that are neither those of a split nor masks."""
    keys = {key for files in images.splits.values() for key in files.keys}
    named = _move(keys, images.store.name, root)
    masks = paths.selection.files.masks
    holder = path_below(masks, root) if masks is not None else None
    image_keys = tree.ending_in(IMAGE_SUFFIXES).keys
    return [key for key in image_keys if key not in named and (holder is None or not key.startswith(holder))]


def _move(keys: Iterable[str], origin: str, root: str) -> set[str]:
    """Return keys below one directory as keys below another, without those that do not lie there."""
    inner, outer = path_below(origin, root), path_below(root, origin)
    if inner is not None:
        return {inner + key for key in keys}
    if outer is not None:
        return {key[len(outer) :] for key in keys if key.startswith(outer)}
    return set()

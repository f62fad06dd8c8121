"""What tells a Pascal VOC tree: the names of its directories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augcli.io.store.listing import Tree

IMAGES, BOXES, MASKS, LISTS = "JPEGImages", "Annotations", "SegmentationClass", "ImageSets"
"""Directories of such a tree: images, XML, index masks, and lists of the images of splits."""

INNER = re.compile(r"(.+)/JPEGImages")


def is_tree(tree: Tree, prefix: str = "") -> bool:
    """True if a directory holds images as Pascal VOC does, beside boxes or lists of splits.

    Where images lie in the directory of boxes, they are masks, as DAVIS has them: that is another layout.
    """
    beside = {f"{prefix}{BOXES}", f"{prefix}{LISTS}"}
    if f"{prefix}{IMAGES}" not in tree.directories or beside.isdisjoint(tree.directories):
        return False
    masks = f"{prefix}{BOXES}/"
    return not any(key.startswith(masks) for files in tree.by_suffix.values() for key in files.keys)


def list_inner(tree: Tree) -> list[str]:
    """Return the directories that are such trees themselves, with lists of splits."""
    inner = [match[1] for name in tree.directories if (match := INNER.fullmatch(name))]
    return [name for name in inner if f"{name}/{LISTS}" in tree.directories and is_tree(tree, f"{name}/")]

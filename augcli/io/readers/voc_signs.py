"""What tells a Pascal VOC tree: the names of its directories."""

from __future__ import annotations

import re

IMAGES, BOXES, MASKS, LISTS = "JPEGImages", "Annotations", "SegmentationClass", "ImageSets"
"""Directories of such a tree: images, XML, index masks, and lists of the images of splits."""

INNER = re.compile(r"([^/]+)/JPEGImages")


def is_tree(directories: set[str], prefix: str) -> bool:
    """True if a directory holds images as Pascal VOC does, beside boxes or lists of splits."""
    return f"{prefix}{IMAGES}" in directories and bool({f"{prefix}{BOXES}", f"{prefix}{LISTS}"} & directories)


def list_inner(directories: set[str]) -> list[str]:
    """Return the directories that are such trees themselves, with lists of splits."""
    inner = [found[1] for name in sorted(directories) if (found := INNER.fullmatch(name))]
    return [name for name in inner if f"{name}/{LISTS}" in directories]

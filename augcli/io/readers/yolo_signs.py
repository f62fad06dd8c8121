"""What tells a YOLO data set: a file that describes it, or labels where YOLO has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from augcli.io.split_words import find_words
from augcli.io.store.locations import read_known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.io.readers.base import Input
    from augcli.io.store.listing import Tree

DESCRIPTION_SUFFIXES = frozenset([".yaml", ".yml", ".data"])
LABEL_SUFFIX = ".txt"

LOOKED_AT = 16
"""Images whose labels are looked for, where nothing else tells what a folder is."""

MOST_LABEL = 16 << 20

LINE = re.compile(rb"(\xef\xbb\xbf)?\s*[0-9]{1,5}(\.0*)?([ \t]+-?[0-9.]+([eE]-?[0-9]+)?){4,}[ \t]*(\r?\n|$)")
"""How a label file begins that is not empty."""


def find_descriptions(src: Input) -> list[str]:
    """Return the files that describe a YOLO data set: those at SRC's root, else those one directory below.

    Of those at the root only one if it is called so. Below it those alone that are called so, or of darknet,
    whose programs run above `data/obj.data`.
    """
    from augcli.io.boxes.yolo_sets import USUAL_NAMES
    from augcli.io.boxes.yolo_yaml import MOST_BYTES

    tree = src.tree
    assert tree is not None
    files = [file for file in tree.ending_in(DESCRIPTION_SUFFIXES) if file.size <= MOST_BYTES]
    described = _keep_described(src, [file.key for file in files if "/" not in file.key])
    usual = [key for key in described if key.lower() in ("data.yaml", "data.yml")]
    if described:
        return usual[:1] or described
    below = [file.key for file in files if file.key.count("/") == 1]
    so_called = [key for key in below if _base_name(key) in USUAL_NAMES or key.lower().endswith(".data")]
    return _keep_described(src, so_called)


def _keep_described(src: Input, keys: list[str]) -> list[str]:
    """Return the files that describe a YOLO data set."""
    from augcli.io.boxes.yolo_sets import looks_described

    data = src.store.read(keys)
    return [
        key for key, text in zip(keys, data, strict=True) if looks_described(_base_name(key), text or b"")
    ]


def _base_name(key: str) -> str:
    return key.rpartition("/")[2].lower()


def label_directories(tree: Tree, keys: Iterable[str]) -> list[str]:
    """Return the directories of labels beside directories of images: `labels` beside `images`, no images."""
    holders = {key.rpartition("/")[0] for key in keys}
    directories = []
    for directory in tree.directories:
        parent, _, name = directory.rpartition("/")
        images = f"{parent}/images".lstrip("/")
        if name != "labels" or any(_lies_in(holder, directory) for holder in holders):
            continue
        if any(_lies_in(holder, images) for holder in holders):
            directories.append(directory)
    return directories


def has_labels_beside(src: Input, keys: list[str]) -> bool:
    """True if labels lie beside images, with their names, in a flat folder or in flat folders of splits.

    Texts beside images are captions as often, so the labels of some images are looked at.
    """
    holders = {key.rpartition("/")[0] for key in keys}
    if any("/" in holder or (holder and not find_words(holder)) for holder in holders):
        return False
    step = max(len(keys) // LOOKED_AT, 1)
    names = [key.rpartition(".")[0] + LABEL_SUFFIX for key in keys[::step][:LOOKED_AT]]
    texts = [data for data in read_known(src.store, names, MOST_LABEL) if data]
    return bool(texts) and all(LINE.match(data) for data in texts)


def _lies_in(directory: str, outer: str) -> bool:
    return directory == outer or directory.startswith(f"{outer}/")

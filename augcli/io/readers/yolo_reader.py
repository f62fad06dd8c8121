"""The reader of YOLO data sets: whether SRC is such. What opens them is loaded when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.readers.base import register
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.yolo_signs import (
    DESCRIPTION_SUFFIXES,
    LABEL_SUFFIX,
    find_descriptions,
    has_labels_beside,
    label_directories,
)

if TYPE_CHECKING:
    from augcli.io.readers.base import ClassList, Input, Selection, Source


class YoloReader:
    """Reads YOLO data sets: a `data.yaml`, or a folder with one, or with labels where YOLO has them."""

    name = "yolo"
    accepts = "a YOLO data set"
    is_called = "a YOLO data set"
    suffixes = DESCRIPTION_SUFFIXES

    def is_own(self, src: Input) -> bool:
        """True if SRC is a description of such a data set, or a folder of images that is laid out as one."""
        tree = src.tree
        if tree is None:
            return len(src.files) == 1 and src.files.keys[0].lower().endswith((*self.suffixes,))
        if tree.by_suffix.keys() & self.suffixes and find_descriptions(src):
            return True
        keys = tree.ending_in(IMAGE_SUFFIXES).keys if LABEL_SUFFIX in tree.others else []
        return bool(keys) and (bool(label_directories(tree, keys)) or has_labels_beside(src, keys))

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """List the images and read their labels; see `Reader.open`."""
        from augcli.io.readers.yolo import open_yolo

        return open_yolo(src, selection, classes)


register(YoloReader())

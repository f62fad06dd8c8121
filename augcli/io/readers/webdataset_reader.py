"""The reader of tar files of samples: whether SRC is such. What opens them is loaded when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.readers.base import register
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.passed_over import PACKED_SUFFIXES, SHARD_SUFFIXES, TAR_SUFFIXES, is_tar

if TYPE_CHECKING:
    from augcli.io.readers.base import ClassList, Input, Selection, Source


class WebdatasetReader:
    """Reads tar files of samples: a file, a pattern, or a directory that holds tar files, and no images."""

    name = "webdataset"
    accepts = "tar files of samples"
    is_called = "a tar file"
    suffixes = TAR_SUFFIXES | PACKED_SUFFIXES

    def is_own(self, src: Input) -> bool:
        """True if SRC is tar files; compressed ones are refused when they are opened."""
        if src.tree is None:
            return is_tar(src.name) or any(map(is_tar, src.files.keys))
        if not (IMAGE_SUFFIXES | SHARD_SUFFIXES).isdisjoint(src.tree.by_suffix):
            return False
        return any(map(is_tar, src.tree.ending_in(self.suffixes).keys))

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """List the samples of tar files, and read their labels; see `Reader.open`."""
        from augcli.io.readers.webdataset import open_tars

        return open_tars(src, selection, classes)


register(WebdatasetReader())

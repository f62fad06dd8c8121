"""The reader of Pascal VOC trees: whether SRC is such. What opens them is loaded when they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import InputError
from augcli.io.readers.base import register
from augcli.io.readers.pairs import join_root
from augcli.io.readers.voc_signs import is_tree, list_inner

if TYPE_CHECKING:
    from augcli.io.readers.base import ClassList, Input, Selection, Source


class VocReader:
    """Reads Pascal VOC as it is published: `JPEGImages/` beside `Annotations/` or `ImageSets/`."""

    name = "voc"
    accepts = "a Pascal VOC tree"
    is_called = "a Pascal VOC tree"
    suffixes = frozenset([".jpg"])

    def is_own(self, src: Input) -> bool:
        """True if SRC is such a tree, or holds some, of which one is to be given."""
        return src.tree is not None and (is_tree(src.tree) or bool(list_inner(src.tree)))

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """List the images and find their boxes; see `Reader.open`.

        Raises:
            InputError: If SRC holds such trees and is not one itself.
        """
        from augcli.io.readers.voc import open_voc

        assert src.tree is not None
        if not is_tree(src.tree):
            inner = list_inner(src.tree)
            shown = " and ".join(map(repr, inner[:3]))
            several = ", and so each other one" if len(inner) > 1 else ""
            raise InputError(
                f"{src.name!r} holds Pascal VOC in {shown}, which would become classes; give"
                f" {join_root(src.name, inner[0])!r} as SRC{several}"
            )
        return open_voc(src, selection, classes)


register(VocReader())

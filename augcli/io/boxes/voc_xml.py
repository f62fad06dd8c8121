"""XML of Pascal VOC, parsed.

XML comes from anywhere: no entity is resolved, nothing outside a file is read, depth is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from augcli.errors import InputError
from augcli.io.boxes.base import BadBoxError
from augcli.io.encodings import explain_encoding

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_LEVELS = 50


class _Builder(ElementTree.TreeBuilder):
    """Builds the tree of a file, and stops at hostile parts."""

    levels = 0

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        """Refuse a document type: entities are declared in it."""
        raise InputError(
            "names entities or a document type, which are never resolved; remove the <!DOCTYPE ...> line"
        )

    def start(self, tag: str, attributes: dict[str, str], /) -> Element:
        """Open an element."""
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise InputError(f"is nested more than {MOST_LEVELS} levels deep; give Pascal VOC XML")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> Element:
        """Close an element."""
        self.levels -= 1
        return super().end(tag)


def parse_xml(data: bytes) -> Element:
    """Return the root of a file; what fails in expat names the line.

    Raises:
        BadBoxError: If it cannot be parsed.
        InputError: If it is hostile, or not Pascal VOC XML.
    """
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        parser.feed(data)
        root: Element = parser.close()
    # An encoding that nobody knows is a LookupError, one of several bytes a ValueError.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        cure = explain_encoding(data)[1] or "give Pascal VOC XML"
        raise BadBoxError("XML that cannot be parsed", f"cannot be parsed: {error}", cure) from error
    if root.tag != "annotation":
        raise InputError(f"its root must be <annotation>, got <{root.tag[:40]}>; give Pascal VOC XML")
    return root

"""The files beside SRC: tables, class lists, masks and boxes, by their paths."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

from augcli.errors import Option, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike


NONE = "none"
"""What is given for masks or boxes where those are not to be read that are found by themselves; a file or a
directory of this name is `./none`."""


@dataclass(frozen=True, slots=True)
class InputFiles:
    """The files that are given beside SRC; None for a file that is not given.

    Attributes:
        labels: CSV, parquet or JSON lines table that labels the images of a folder.
        classes: File with one class name a line.
        masks: Directory of index masks, or a column of shards; or `NONE`.
        boxes: File or directory of boxes; or pairs of a split and its own; or `NONE`.
    """

    labels: str | None = None
    classes: str | None = None
    masks: str | None = None
    boxes: str | tuple[tuple[str, str], ...] | None = None

    @classmethod
    def of(
        cls,
        labels: str | PathLike[str] | None = None,
        classes: str | PathLike[str] | None = None,
        masks: str | PathLike[str] | None = None,
        boxes: str | PathLike[str] | Sequence[str] | None = None,
    ) -> InputFiles:
        """Return the value for paths of any type; `boxes` may be a list of texts SPLIT=FILE.

        Raises:
            UsageError: If a text is not SPLIT=FILE, or a split comes twice.
        """
        plain = [None if path is None else str(path) for path in (labels, classes, masks)]
        if isinstance(boxes, list | tuple):
            return cls(plain[0], plain[1], plain[2], _read_split_files(boxes))
        return cls(plain[0], plain[1], plain[2], None if boxes is None else str(boxes))

    @property
    def paths(self) -> tuple[str, ...]:
        """All that is given."""
        files = (self.labels, self.classes, None if self.masks == NONE else self.masks)
        return (*(path for path in files if path is not None), *self.box_paths)

    @property
    def box_paths(self) -> tuple[str, ...]:
        """All files and directories of boxes that are given."""
        if isinstance(self.boxes, tuple):
            return tuple(path for _, path in self.boxes)
        return () if self.boxes in (None, NONE) else (self.boxes,)

    def or_else(self, other: InputFiles) -> InputFiles:
        """Return the files given here, and for each that is not, the file given in another value."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return InputFiles(*(here if here is not None else elsewhere for here, elsewhere in pairs))

    def without_none(self) -> InputFiles:
        """Return what is given, without `NONE`."""
        masks = None if self.masks == NONE else self.masks
        return InputFiles(self.labels, self.classes, masks, None if self.boxes == NONE else self.boxes)

    def __bool__(self) -> bool:
        return any(value is not None for value in astuple(self))


def _read_split_files(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return splits and files of texts SPLIT=FILE."""
    parted = [str(text).partition("=") for text in texts]
    pairs = [(split, path) for split, _, path in parted]
    if not pairs or not all(split and path for split, path in pairs):
        shown = ", ".join(map(repr, texts))
        message = f" given {len(texts)} times must be SPLIT=FILE each, as in train=train.json, got {shown}"
        raise UsageError(Option("boxes"), f"{message}; give one of them, or name their splits")
    if len({split for split, _ in pairs}) < len(pairs):
        raise UsageError(Option("boxes"), f" names a split twice: {', '.join(map(repr, texts))}; leave one")
    return tuple(pairs)

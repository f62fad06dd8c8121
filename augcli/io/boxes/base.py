"""What a box format is: it says whether a file or folder is of its kind, and reads and writes boxes.

A format is one module of this package that registers it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol

import numpy as np

from augcli.errors import InputError, Option
from augcli.io import boxes as formats
from augcli.program.annotated import SKIP, BoxHeader
from augcli.samples import ImageBoxes, SkippedBox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.io.store.locations import Location
    from augcli.program.annotated import BoxedImage

NO_AREA = "boxes of no area"
"""What `BoxFile.dropped` calls such boxes."""

NEGATIVE, NOT_NUMBERS = "negative size", "not four finite numbers"
"""Faults of boxes, as a `BadBoxError` names them."""

NOT_TEXT = "file that is not UTF-8"
"""The fault of all boxes of a file that is not written so."""

OF_NO_IMAGE = "boxes of unknown images"
"""What `BoxFile.dropped` calls boxes that are not right, whose image is not known."""

ANEW = ("visibility", "weight", "source")
"""What we write of each box: found in our own output read again, it is out of date."""

COLUMN = "column"
"""Name of the box format of a column, and the key of `BoxHeader.keys` that describes the column."""

YOLO = "yolo"
"""Name of the box format of YOLO labels."""

WITH_IMAGES = frozenset([COLUMN, YOLO])
"""Box formats that are read with their images: no file of boxes is given."""

BOX_FILES = "annotations"
"""Name of the one file of all boxes of an output, before its suffix, or of the directory of all files."""

EMPTY = ImageBoxes(0, 0, np.empty((0, 4)), (), (), "{}")
"""What an image has of which no file of boxes knows."""
EMPTY.edges.setflags(write=False)


class BadBoxError(InputError):
    """A box that is not right: it stops the run, or is left out; see `stop_or_skip`.

    Attributes:
        reason: What is wrong with it, in few words, by which such boxes are counted.
        detail: Where it stands, what it must be, and what stands there.
        cure: What can be done beside leaving it out, as words.
    """

    def __init__(self, reason: str, detail: str, *cure: object) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail
        self.cure = cure or ("correct or remove it",)


def stop_or_skip(error: BadBoxError, bad_boxes: str) -> SkippedBox:
    """Return a box that is not right as one that is left out: a format puts it among its image's `skipped`.

    Args:
        error: What is wrong with it.
        bad_boxes: What becomes of such boxes, one of `BAD_BOXES`.

    Raises:
        InputError: If they stop the run.
    """
    if bad_boxes == SKIP:
        return SkippedBox(error.reason, error.detail)
    skip = Option("bad_boxes", SKIP)
    raise InputError(error.detail, "; ", *error.cure, ", or leave such boxes out with ", skip) from error


def name_skipped(box: SkippedBox) -> str:
    """Return what boxes are counted as that were left out for the same reason."""
    return f"bad boxes left out ({box.reason})"


class BoxFile(NamedTuple):
    """What a file or folder of boxes says.

    Attributes:
        header: What is true of all of its boxes.
        images: The boxes of each image by the name that the file gives it: a POSIX path, with or without its
            suffix (see `BoxFormat.names_have_suffix`).
        dropped: How often something was left out, by what: `boxes of no area`, ...
        notes: What was taken as what, where a file is not as it should be, in words.
    """

    header: BoxHeader
    images: dict[str, ImageBoxes]
    dropped: dict[str, int]
    notes: tuple[str, ...] = ()


class BoxFormat(Protocol):
    """Reads and writes boxes in one format.

    Attributes:
        name: As `augcli.json` and `BoxHeader.box_format` have it.
        accepts: What it reads, as messages ask for it: `give ...`; empty where it reads no file.
        names_have_suffix: Whether it knows images by names with their suffix.
        file_per_image: Whether each output has a file of its own; else one file holds a whole split's boxes.
        suffix: What the names of written files end in, with its dot.
    """

    name: str
    accepts: str
    names_have_suffix: bool
    file_per_image: bool
    suffix: str

    def is_own(self, boxes: Location) -> bool:
        """True if a file or directory is of this format."""

    def read(self, boxes: Location, bad_boxes: str) -> BoxFile:
        """Read boxes.

        Args:
            boxes: The file or directory.
            bad_boxes: What becomes of boxes that are not right; see `stop_or_skip`.

        Raises:
            InputError: If the file or directory has no boxes, or contradicts itself.
            StorageError: If the machine fails.
        """

    def write(self, file: BinaryIO, header: BoxHeader, images: Iterable[BoxedImage]) -> None:
        """Write the boxes of images: all of a split, or a single image where each has its own file.

        Args:
            file: Where they go.
            header: As it was read.
            images: The images.
        """


class ReadWithImages:
    """What formats have in common whose boxes are read with their images: a file of these is COCO's."""

    accepts = ""
    names_have_suffix = True
    file_per_image = False
    suffix = ".json"

    def is_own(self, boxes: Location) -> bool:
        """Return False: no file or directory is of such a format."""
        return False

    def read(self, boxes: Location, bad_boxes: str) -> BoxFile:
        """Refuse: SRC reads them."""
        raise NotImplementedError


_FORMATS: dict[str, BoxFormat] = {}


def register(box_format: BoxFormat) -> None:
    """Make a box format known; it is asked before formats that were registered earlier."""
    _FORMATS[box_format.name] = box_format


def box_formats() -> dict[str, BoxFormat]:
    """Return all box formats by name; their modules are loaded when somebody asks, not by every run."""
    _load_formats()
    return _FORMATS


@cache
def _load_formats() -> None:
    """Load the formats of augcli; formats that others registered before still stand behind them."""
    for module in sorted(info.name for info in pkgutil.iter_modules(formats.__path__)):
        importlib.import_module(f"{formats.__name__}.{module}")
    for name in [name for name, box_format in _FORMATS.items() if not _is_ours(box_format)]:
        _FORMATS[name] = _FORMATS.pop(name)


def _is_ours(box_format: BoxFormat) -> bool:
    return type(box_format).__module__.startswith(f"{formats.__name__}.")


def accepted_boxes() -> str:
    """Return which boxes are read, as messages ask for them."""
    known = sorted(box_formats().values(), key=lambda box_format: (not _is_ours(box_format), box_format.name))
    return "give " + " or ".join(filter(None, (box_format.accepts for box_format in known)))


def choose_box_format(boxes: Location) -> BoxFormat:
    """Return the box format of a file or directory.

    Raises:
        InputError: If no format knows it.
    """
    for box_format in reversed(box_formats().values()):
        if box_format.is_own(boxes):
            return box_format
    raise InputError(f"boxes {boxes.name!r} are of no known format; {accepted_boxes()}")

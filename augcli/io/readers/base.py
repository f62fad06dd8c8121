"""What a reader is: it says whether SRC is a data set of its kind, and opens it as a `Source`.

A reader is one module of this package that registers it, and one line in `__init__`. A `Source` holds the
splits as catalogues, and a small opener for the bytes of their samples: with its catalogues left out it
pickles, and a worker opens a chunk by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import pyarrow as pa

from augcli.errors import InputError
from augcli.input_files import NONE, InputFiles
from augcli.io.labels.facts import LabelFacts
from augcli.io.store.listing import Files
from augcli.io.store.locations import Location, locate
from augcli.io.store.urls import HERE, Access
from augcli.program.annotated import STOP, Annotated
from augcli.samples import Catalogue, RowGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store
    from augcli.io.store.listing import Tree
    from augcli.io.store.locations import Location

ClassList: TypeAlias = "tuple[str, ...] | None"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of SRC is read, and how it is labelled.

    Attributes:
        files: Files that are given beside SRC.
        finds_masks: Whether masks are read that are found by themselves.
        finds_boxes: Whether boxes are read that are found by themselves.
        image_col: Column of the images in shards; None takes the usual names.
        label_col: Column of the labels in shards and tables; None takes the usual names.
        box_order: Order of the boxes in a column of shards; `skip` leaves the column out, None finds it out.
        yolo_task: What YOLO labels are of, one of `YOLO_TASKS`; None finds it out.
        layout: How the output is to lie on disk; None as the input does.
        bad_boxes: What becomes of boxes that are not right, one of `BAD_BOXES`.
        unboxed: What becomes of images that the boxes do not name, one of `UNBOXED`; None stops where some
            names nearly match, and else keeps them.
        changes_pixels: Whether images are changed, so that columns that describe their pixels must follow.
        file_col: Column of tables that names the images; None takes the usual names.
        label_sep: What stands between several labels in one text; None takes a text as one label.
        links: Whether symbolic links are followed.
        split: The split that is augmented; its classes are the classes of all splits.
        splits: Whether names of folders and shards tell splits; else all are one.
        skip: A directory that is never read, though a link may lead there: DST.
        access: How object stores are reached.
    """

    files: InputFiles = field(default_factory=InputFiles)
    finds_masks: bool = True
    finds_boxes: bool = True
    image_col: str | None = None
    label_col: str | None = None
    box_order: str | None = None
    yolo_task: str | None = None
    layout: str | None = None
    bad_boxes: str = STOP
    unboxed: str | None = None
    changes_pixels: bool = True
    file_col: str | None = None
    label_sep: str | None = None
    links: bool = True
    split: str = "train"
    splits: bool = True
    skip: str | None = None
    access: Access = HERE

    def without_none(self) -> Selection:
        """Return the same with flags where `NONE` is given, which then nobody takes for a path."""
        masks, boxes = self.files.masks != NONE, self.files.boxes != NONE
        return replace(self, files=self.files.without_none(), finds_masks=masks, finds_boxes=boxes)

    def locate(self, path: str) -> Location:
        """Return where a path or an address leads, of SRC or beside it.

        Raises:
            InputError: If it is an address of a kind that is not read.
            StorageError: If the machine does not say what stands there.
        """
        return locate(path, self.links, self.skip, self.access)


@dataclass(frozen=True, slots=True)
class Input:
    """What SRC leads to.

    Attributes:
        name: SRC as it was given.
        store: The directory, or the deepest common directory of the files.
        tree: What stands in the directory; None where SRC names files.
        files: The files that SRC names, by a path or by a pattern; empty for a directory.
        is_pattern: Whether SRC is a pattern of names.
    """

    name: str
    store: Store
    tree: Tree | None = None
    files: Files = field(default_factory=Files)
    is_pattern: bool = False


class Samples(Protocol):
    """Access to the bytes of a chunk's samples."""

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Begin to read samples that are wanted soon, where that helps; return how many of them it took."""

    def read(self, sample: int) -> tuple[bytes, str]:
        """Return a sample's encoded image and the name that its stem is made from."""

    def read_mask(self, sample: int) -> bytes:
        """Return a sample's encoded mask, where the data set has masks."""

    def hash_columns(self, sample: int) -> bytes:
        """Return the hash of what else of a row its outputs depend on; empty where samples are not rows."""

    def release(self, sample: int) -> None:
        """Let go of a sample: it is hardly read again, so its memory can be used for others."""

    def carry(self, samples: Sequence[int]) -> Any:
        """Return the columns that are carried along, one row for each sample, or None."""


class Opener(Protocol):
    """Opens samples for reading; a small value that pickles."""

    def for_groups(self, groups: Sequence[RowGroup]) -> Opener:
        """Return what opens these row groups alone, and so pickles smaller."""

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> Samples:
        """Open a chunk's samples; `groups` and `portions` as a chunk has them."""


class Carried(NamedTuple):
    """The columns of shards that are carried along, and Hugging Face's features of these and of boxes."""

    schema: pa.Schema = pa.schema([])
    features: dict[str, Any] = {}  # noqa: RUF012 - nobody writes to it


@dataclass(frozen=True, slots=True)
class Source:
    """An opened data set.

    Attributes:
        catalogues: One for each split; its name is empty where there are no splits.
        layout: How an output of it lies on disk, unless the recipe says otherwise.
        opener: What opens its samples.
        has_class_folders: Whether folder outputs get a folder for each class.
        lies_in_class_folders: Whether the input's own directories bear class names.
        main: The split that is augmented; None leaves it to the recipe's own word.
        notes: What was taken as what, and what was passed over, in words.
        has_table: Whether a table of labels was looked at, the input's own or one that was given.
        groups: Row groups by split; empty where samples are files of their own.
        carried: The columns that are carried along.
        annotated: What belongs to the images beside their labels.
        labelled: Facts about the labels beside their values.
        places: Where it was read: one of its files, then what was given beside it.
        image_names: Where keys of samples are not names of images, one name for each suffix of these.
    """

    catalogues: tuple[Catalogue, ...]
    layout: str
    opener: Opener
    has_class_folders: bool
    lies_in_class_folders: bool = False
    main: str | None = None
    has_table: bool = False
    notes: tuple[str, ...] = ()
    groups: dict[str, list[RowGroup]] = field(default_factory=dict)
    carried: Carried = field(default_factory=Carried)
    annotated: Annotated = field(default_factory=Annotated)
    labelled: LabelFacts = field(default_factory=LabelFacts)
    places: tuple[Location, ...] = ()
    image_names: tuple[str, ...] = ()

    @property
    def rows_are_shared(self) -> bool:
        """True if a chunk's samples are read together into the memory of one process."""
        return bool(self.groups)

    @property
    def mixes_within_chunks(self) -> bool:
        """True if each chunk has rings of its own, so that partners never come from another one."""
        return bool(self.groups)

    def samples(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> Samples:
        """Open a chunk's samples for reading."""
        return self.opener.open(catalogue, groups, portions)


class Reader(Protocol):
    """Reads data sets of one layout.

    Attributes:
        name: The layout.
        accepts: What it reads, as messages ask for it: `give ...`.
        is_called: One such input, as messages name it: `is neither ... nor ...`.
        suffixes: What the names of the files end in that it wants listed, in lower case.
    """

    name: str
    accepts: str
    is_called: str
    suffixes: frozenset[str]

    def is_own(self, src: Input) -> bool:
        """True if SRC is a data set of this layout."""

    def open(self, src: Input, selection: Selection, classes: ClassList) -> Source:
        """Open a data set; `classes` is the class list that the user gives.

        Raises:
            InputError: If it is empty, or cannot be labelled; the message names the cure.
            StorageError: If the machine fails.
        """


READERS: dict[str, Reader] = {}
"""All readers by name."""


def register(reader: Reader) -> None:
    """Make a reader known; it is asked before readers that were registered earlier."""
    READERS[reader.name] = reader


def accepted_inputs() -> str:
    """Return what SRC may be, in words."""
    return " or ".join(reader.accepts for reader in READERS.values())


def choose_reader(src: Input) -> Reader:
    """Return the reader whose own SRC is.

    Raises:
        InputError: If no reader reads it.
    """
    for reader in reversed(READERS.values()):
        if reader.is_own(src):
            return reader
    known = " nor ".join(reader.is_called for reader in READERS.values())
    raise InputError(f"{src.name!r} is neither {known}; give one of these")


def labels_fit_folders(catalogues: Sequence[Catalogue]) -> bool:
    """True if the labels can be shown as folders: some are there, and all are shares of one whole."""
    labels = {id(label): label for catalogue in catalogues for label in catalogue.labels if label is not None}
    return bool(labels) and all(label.sums_to_one for label in labels.values())

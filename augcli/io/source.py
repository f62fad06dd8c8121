"""A data set to read: its splits as catalogues, and its samples' bytes."""

from __future__ import annotations

import glob
import itertools
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from augcli.boxes import Annotated
from augcli.datatypes import Catalogue, RowGroup
from augcli.errors import DecodeError, InputError
from augcli.io import annotated_input, folder, label_columns, label_tables, parquet, tables
from augcli.io.dataset_card import read_features
from augcli.io.masks import read_mask_header
from augcli.io.storage import read_unchanged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.label_columns import Labelling


OWN_TABLE = "metadata.parquet"

ClassList: TypeAlias = "tuple[str, ...] | None"
LabelledSplit: TypeAlias = "tuple[str, folder.Files, Labelling]"


class Samples(Protocol):
    """Access to the bytes of a chunk's samples."""

    def read(self, sample: int) -> tuple[bytes, str]:
        """Give a sample's encoded image and the name that its stem is made from."""

    def read_mask(self, sample: int) -> bytes:
        """Give a sample's encoded mask, where the data set has masks."""

    def release(self, sample: int) -> None:
        """Say that a sample is hardly read again, so that its memory can be used for others."""

    def carry(self, samples: Sequence[int]) -> Any:
        """Give the columns that are carried along, one row for each sample, or None."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of SRC is read, and how it is labelled; fields as in `Recipe` and `materialize`.

    `skip` is a directory that is never read, though a link may lead there: DST.
    """

    labels: Path | None = None
    classes: Path | None = None
    image_col: str | None = None
    label_col: str | None = None
    masks: str | None = None
    boxes: str | None = None
    links: bool = True
    skip: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An opened data set.

    Attributes:
        catalogues: One for each split, the name empty where there are no splits.
        form: `folder` or `parquet`.
        has_class_folders: Whether folder outputs get a folder for each class.
        lies_in_class_folders: Whether the input's own directories bear class names.
        notes: What was passed over, in words.
        root: Directory that the keys of a folder lie below.
        groups: Row groups by split (parquet).
        shards: Shards by name (parquet).
        columns: What the shards hold (parquet).
        carried: Schema of the columns that are carried along (parquet).
        features: Hugging Face's features of the input's columns (parquet).
        annotated: What belongs to the images beside their labels.
    """

    catalogues: tuple[Catalogue, ...]
    form: str
    has_class_folders: bool
    lies_in_class_folders: bool = False
    notes: tuple[str, ...] = ()
    root: Path = Path()
    groups: dict[str, list[RowGroup]] = field(default_factory=dict)
    shards: dict[str, parquet.Shard] = field(default_factory=dict)
    columns: parquet.Columns | None = None
    carried: pa.Schema = field(default_factory=lambda: pa.schema([]))
    features: dict[str, Any] = field(default_factory=dict)
    annotated: Annotated = field(default_factory=Annotated)

    def samples(self, catalogue: Catalogue, groups: Sequence[RowGroup], slices: int) -> Samples:
        """Open a chunk's samples for reading."""
        if self.columns is None:
            return FolderSamples(str(self.root), catalogue)
        return parquet.Rows(self.shards, groups, slices, self.columns, self.carried)


@dataclass(frozen=True, slots=True)
class FolderSamples:
    """The files of a folder."""

    root: str
    catalogue: Catalogue

    def read(self, sample: int) -> tuple[bytes, str]:
        """Read a file, which must not have changed since it was listed."""
        key = self.catalogue.keys[sample]
        size, version = int(self.catalogue.sizes[sample]), int(self.catalogue.versions[sample])
        return read_unchanged(f"{self.root}/{key}", size, version), key

    def read_mask(self, sample: int) -> bytes:
        """Read the file of a sample's mask, which must not have changed since it was listed."""
        masks = self.catalogue.masks
        assert masks is not None
        path = masks.paths[sample]
        if path is None:
            name = self.catalogue.keys[sample].rsplit(".", 1)[0]
            raise DecodeError("no mask", f"--masks holds no {name}.png; put it there")
        return read_unchanged(path, int(masks.sizes[sample]), int(masks.versions[sample]))

    def release(self, sample: int) -> None:
        """Do nothing: a file is not held."""

    def carry(self, samples: Sequence[int]) -> None:
        """Carry nothing: a folder has no columns."""


def open_source(src: str, selection: Selection) -> Source:
    """List a data set.

    Raises:
        InputError: If it is missing, empty, or cannot be labelled; the message names the cure.
        StorageError: If the machine fails.
    """
    classes = label_columns.read_class_file(selection.classes) if selection.classes else None
    if not src:
        raise InputError("SRC is empty; give an image folder or parquet shards (`.` is this directory)")
    if selection.masks == "":
        raise InputError("--masks is empty; give the folder of the masks")
    if selection.boxes == "":
        raise InputError("--boxes is empty; give a COCO JSON file or a folder of VOC XML")
    root = Path(src)
    if root.is_dir():
        tree = folder.list_tree(root, selection.links, selection.skip)
        if tree.files or not tree.shards:
            return _open_folder(src, tree, selection, classes)
        return _open_parquet(parquet.name_shards(root, tree.shards), selection, classes)
    if not root.exists() and not glob.has_magic(src):
        raise InputError(f"{src!r} does not exist; give an image folder or parquet shards as SRC")
    if root.exists() and not src.lower().endswith(folder.SHARD_SUFFIXES):
        raise InputError(f"{src!r} is neither an image folder nor a parquet file")
    return _open_parquet(parquet.find_shards(src), selection, classes)


def _open_folder(src: str, tree: folder.Tree, selection: Selection, classes: ClassList) -> Source:
    root, notes = Path(src), folder.describe_others(tree.others)
    if not tree.files:
        raise InputError(f"no images in {src!r}; accepted: {' '.join(sorted(folder.IMAGE_SUFFIXES))}")
    splits = folder.find_splits(tree.directories) if any("/" in key for key in tree.files.keys) else []
    tables_here = [(f"{split}/" if split else "", root / split / OWN_TABLE) for split in splits or [""]]
    named = {
        prefix + image: prefix + mask
        for prefix, path in tables_here
        for image, mask in label_tables.read_mask_names(path).items()
    }
    if named:  # an output of ours, whose masks lie beside its images
        images, masks = annotated_input.take_masks(tree.files, named)
        tree = tree._replace(files=images)
    parts = []
    for split in splits or [""]:
        prefix = f"{split}/" if split else ""
        files = tree.files.below(prefix)
        directories = [d[len(prefix) :] for d in tree.directories if d.startswith(prefix)]
        if files:
            names = [key[len(prefix) :] for key in files.keys]
            labelling = _label_files(root / split, names, directories, selection, classes)
            parts.append((split, files, labelling))
        else:
            notes.append(f"split {split!r} holds no images and is left out")
    parts = _unite_classes(parts)
    catalogues = tuple(_catalogue(split, files, labelling) for split, files, labelling in parts)
    depth = 1 if splits else 0
    folders = {key.split("/")[depth] for one in catalogues for key in one.keys if key.count("/") > depth}
    fit = bool(folders) and _fit_folders(catalogues)
    bear_classes = bool(folders) and folders <= set(catalogues[0].classes or ())
    if named and selection.masks is None:
        catalogues = tuple(annotated_input.place_masks(one, root, masks) for one in catalogues)
    elif selection.masks:
        annotated_input.check_masks_apart(root, selection.masks)
        catalogues = annotated_input.find_masks(catalogues, Path(selection.masks), selection.links)
    header = None
    if selection.boxes:
        known = [[_names_of(key, one.split) for key in one.keys] for one in catalogues]
        catalogues, header, found = annotated_input.find_boxes(
            catalogues, known, Path(selection.boxes), selection.links
        )
        notes += found
    annotated = Annotated(header, bool(named) or selection.masks is not None)
    return Source(catalogues, "folder", fit, bear_classes, tuple(notes), root, annotated=annotated)


def _label_files(
    root: Path,
    names: list[str],
    directories: list[str],
    selection: Selection,
    classes: ClassList,
) -> Labelling:
    """Label the files of a split: by --labels, by the folder's own table, or by class folders."""
    own = next((root / name for name in folder.LABEL_TABLES if (root / name).is_file()), None)
    table = selection.labels or own
    if table is not None:
        labelling = label_tables.read_label_table(
            table, names, selection.label_col, classes, selection.labels is not None
        )
        if labelling is not None:
            return labelling
    return label_columns.label_by_name(folder.class_names(names, directories, str(root)), classes)


def _unite_classes(parts: list[LabelledSplit]) -> list[LabelledSplit]:
    """Give all splits the class list of all of them, so that an index means the same everywhere."""
    lists = {labelling.classes for _, _, labelling in parts}
    if len(lists) < 2:
        return parts
    united = tuple(sorted({name for names in lists for name in names or ()}))
    return [(split, files, label_columns.rename_classes(own, united)) for split, files, own in parts]


def _open_parquet(shards: Sequence[parquet.Shard], selection: Selection, classes: ClassList) -> Source:
    if selection.labels:
        raise InputError("--labels is for image folders; parquet shards hold their labels: give --label-col")
    schema = parquet.unite_schemas(shards)
    columns = parquet.find_columns(
        schema, selection.image_col, selection.label_col, selection.masks, shards[0].path
    )
    kept = []
    if columns.mask and selection.masks is None and not _are_masks(shards, columns.mask):
        kept = [f"column {columns.mask!r} holds no index masks, so it is carried along as it is"]
        rest = tuple(name for name in schema.names if name not in (columns.image, columns.label))
        columns = columns._replace(mask=None, others=rest)
    replaced = tuple(name for name in columns.others if tables.is_ours(name, columns.mask is not None))
    notes = [*kept, *[f"replaced the input columns {', '.join(replaced)}"] * bool(replaced)]
    names = {shard.name: _split_of(shard.name) for shard in shards}
    has_splits = all(names.values())
    ordered = sorted(shards, key=lambda shard: names[shard.name]) if has_splits else shards
    labelling = _label_shards(ordered, columns, classes)
    catalogues: list[Catalogue] = []
    groups, first = {}, 0
    for split in sorted(set(names.values())) if has_splits else [""]:
        mine = [shard for shard in ordered if not has_splits or names[shard.name] == split]
        catalogue = _catalogue_shards(split, mine, labelling, first)
        first += len(catalogue)
        if len(catalogue):
            groups[split] = parquet.list_groups(mine)
            catalogues.append(catalogue)
    if not any(len(catalogue) for catalogue in catalogues):
        raise InputError(f"{shards[0].path!r} holds no rows")
    others = (schema.field(name) for name in columns.others if name not in replaced)
    carried = pa.schema([tables.plain_field(field) for field in others])
    by_name = {shard.name: shard for shard in shards}
    held = tuple(catalogues)
    header = None
    if selection.boxes:
        paths = iter(parquet.read_paths(ordered, columns.image))
        known = [[[path] for path in itertools.islice(paths, len(one))] for one in held]
        held, header, found = annotated_input.find_boxes(held, known, Path(selection.boxes), selection.links)
        notes += found
    return Source(
        catalogues=held,
        form="parquet",
        has_class_folders=_fit_folders(held),
        notes=tuple(notes),
        groups=groups,
        shards=by_name,
        columns=columns,
        carried=carried,
        features=read_features(schema),
        annotated=Annotated(header, columns.mask is not None),
    )


def _are_masks(shards: Sequence[parquet.Shard], column: str) -> bool:
    """Whether a column that nobody named holds index masks, by its first image."""
    first = parquet.find_first(shards, column)
    try:
        return first is not None and bool(read_mask_header(first))
    except DecodeError:
        return False


def _names_of(key: str, split: str) -> list[str]:
    """Give the names by which files of annotations may know an image: below SRC, and below its split."""
    return [key, key.removeprefix(f"{split}/")] if split else [key]


def _label_shards(
    shards: Sequence[parquet.Shard], columns: parquet.Columns, classes: ClassList
) -> Labelling | None:
    """Label the rows of all splits at once, so that an index means the same everywhere."""
    if columns.label is None:
        return None
    return label_columns.label_column(parquet.read_column(shards, columns.label), columns.names, classes)


def _catalogue_shards(
    split: str, shards: Sequence[parquet.Shard], labelling: Labelling | None, first: int
) -> Catalogue:
    """Make a split's rows a catalogue; `first` is its first row's place among the labels."""
    rows = [parquet.open_shard(shard).metadata.num_rows for shard in shards]
    keys = [f"{shard.name}#{row}" for shard, n in zip(shards, rows, strict=True) for row in range(n)]
    # A row is as old as its shard.
    sizes = np.repeat(np.array([shard.size for shard in shards], np.int64), rows)
    versions = np.repeat(np.array([shard.version for shard in shards], np.int64), rows)
    if labelling is None:
        return Catalogue(split, keys, sizes, versions, [None] * len(keys), None)
    labels = labelling.labels[first : first + len(keys)]
    return Catalogue(split, keys, sizes, versions, labels, labelling.classes)


def _catalogue(split: str, files: folder.Files, labelling: Labelling) -> Catalogue:
    sizes, versions = np.array(files.sizes, np.int64), np.array(files.versions, np.int64)
    return Catalogue(split, files.keys, sizes, versions, labelling.labels, labelling.classes)


def _fit_folders(catalogues: tuple[Catalogue, ...]) -> bool:
    """Whether the labels can be shown as folders: some are there, and all are shares of one whole."""
    labels = {label for catalogue in catalogues for label in catalogue.labels if label is not None}
    return bool(labels) and all(label.sums_to_one for label in labels)


def _split_of(shard: str) -> str:
    """Give the split that a shard's file name starts with, or nothing."""
    match = re.match(r"[a-z]+(?=[-_.])", shard.rsplit("/", 1)[-1])
    return match[0] if match and match[0] in folder.SPLIT_NAMES else ""

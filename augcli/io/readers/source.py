"""A data set to read: its splits as catalogues, and its samples' bytes."""

from __future__ import annotations

import glob
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

from augcli.errors import DecodeError, InputError
from augcli.io.hugging_face import read_features
from augcli.io.images.index_masks import read_mask_header
from augcli.io.labels.columns import label_by_name, label_column, read_class_file, rename_classes
from augcli.io.labels.tables import read_label_table, read_mask_names
from augcli.io.readers import folder, parquet
from augcli.io.readers.annotations import check_masks_apart, find_boxes, find_masks, place_masks, take_masks
from augcli.io.readers.base import ClassList, Selection, Source
from augcli.io.records import part_files
from augcli.io.store import listing
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.labels.columns import Labelling


OWN_TABLE = "metadata.parquet"

LabelledSplit: TypeAlias = "tuple[str, listing.Files, Labelling]"


def open_source(src: str, selection: Selection) -> Source:
    """List a data set.

    Raises:
        InputError: If it is missing, empty, or cannot be labelled; the message names the cure.
        StorageError: If the machine fails.
    """
    classes = read_class_file(selection.classes) if selection.classes else None
    if not src:
        raise InputError("SRC is empty; give an image folder or parquet shards (`.` is this directory)")
    if selection.masks == "":
        raise InputError("--masks is empty; give the folder of the masks")
    if selection.boxes == "":
        raise InputError("--boxes is empty; give a COCO JSON file or a folder of VOC XML")
    root = Path(src)
    if root.is_dir():
        tree = listing.list_tree(root, selection.links, selection.skip)
        if tree.files or not tree.shards:
            return _open_folder(src, tree, selection, classes)
        return _open_parquet(parquet.name_shards(root, tree.shards), selection, classes)
    if not root.exists() and not glob.has_magic(src):
        raise InputError(f"{src!r} does not exist; give an image folder or parquet shards as SRC")
    if root.exists() and not src.lower().endswith(listing.SHARD_SUFFIXES):
        raise InputError(f"{src!r} is neither an image folder nor a parquet file")
    return _open_parquet(parquet.find_shards(src), selection, classes)


def _open_folder(src: str, tree: listing.Tree, selection: Selection, classes: ClassList) -> Source:
    root, notes = Path(src), folder.describe_others(tree.others)
    if not tree.files:
        raise InputError(f"no images in {src!r}; accepted: {' '.join(sorted(listing.IMAGE_SUFFIXES))}")
    splits = folder.find_splits(tree.directories) if any("/" in key for key in tree.files.keys) else []
    tables_here = [(f"{split}/" if split else "", root / split / OWN_TABLE) for split in splits or [""]]
    named = {
        prefix + image: prefix + mask
        for prefix, path in tables_here
        for image, mask in read_mask_names(path).items()
    }
    if named:  # an output of ours, whose masks lie beside its images
        images, masks = take_masks(tree.files, named)
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
        catalogues = tuple(place_masks(one, root, masks) for one in catalogues)
    elif selection.masks:
        check_masks_apart(root, selection.masks)
        catalogues = find_masks(catalogues, Path(selection.masks), selection.links)
    header = None
    if selection.boxes:
        known = [[_names_of(key, one.split) for key in one.keys] for one in catalogues]
        catalogues, header, found = find_boxes(catalogues, known, Path(selection.boxes), selection.links)
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
    own = next((root / name for name in listing.LABEL_TABLES if (root / name).is_file()), None)
    table = selection.labels or own
    if table is not None:
        labelling = read_label_table(table, names, selection.label_col, classes, selection.labels is not None)
        if labelling is not None:
            return labelling
    return label_by_name(folder.class_names(names, directories, str(root)), classes)


def _unite_classes(parts: list[LabelledSplit]) -> list[LabelledSplit]:
    """Give all splits the class list of all of them, so that an index means the same everywhere."""
    lists = {labelling.classes for _, _, labelling in parts}
    if len(lists) < 2:
        return parts
    united = tuple(sorted({name for names in lists for name in names or ()}))
    return [(split, files, rename_classes(own, united)) for split, files, own in parts]


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
    replaced = tuple(name for name in columns.others if part_files.is_ours(name, columns.mask is not None))
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
    carried = pa.schema([part_files.plain_field(field) for field in others])
    by_name = {shard.name: shard for shard in shards}
    held = tuple(catalogues)
    header = None
    if selection.boxes:
        paths = iter(parquet.read_paths(ordered, columns.image))
        known = [[[path] for path in itertools.islice(paths, len(one))] for one in held]
        held, header, found = find_boxes(held, known, Path(selection.boxes), selection.links)
        notes += found
    return Source(
        catalogues=held,
        layout="parquet",
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
    return label_column(parquet.read_column(shards, columns.label), columns.names, classes)


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


def _catalogue(split: str, files: listing.Files, labelling: Labelling) -> Catalogue:
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

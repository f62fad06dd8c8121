"""Data sets in parquet shards: their splits, rows and labels, and the columns carried along."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.errors import InputError, Option, quantity
from augcli.io.boxes.columns import column_feature
from augcli.io.hugging_face import list_class_names, read_features
from augcli.io.labels.choice import Kind, describe_unlike
from augcli.io.labels.class_list import describe_missing
from augcli.io.labels.facts import LabelFacts, describe_unread
from augcli.io.labels.kinds import holds_lists, holds_texts, plain_kind
from augcli.io.labels.labelling import Labelling, gives_all
from augcli.io.labels.pieces import Piece, Rules, label_pieces
from augcli.io.labels.split_columns import describe_splits_in, list_split_columns, refuse_splits_in
from augcli.io.readers.base import Carried, Source, labels_fit_folders
from augcli.io.readers.described import (
    describe_boxes,
    find_described,
    give_boxes,
    list_shard_categories,
    read_column_boxes,
)
from augcli.io.readers.own_boxes import find_own_boxes
from augcli.io.readers.passed_over import SHARD_SUFFIXES, describe_passed_over
from augcli.io.readers.portions import Portions
from augcli.io.readers.row_keys import RowKeys
from augcli.io.readers.rows import Rows
from augcli.io.readers.shard_splits import choose_main, describe_division, keep_classes
from augcli.io.readers.shards import (
    Columns,
    Shard,
    find_columns,
    list_groups,
    read_columns,
    read_each,
    read_paths,
    unite_schemas,
)
from augcli.io.readers.split_boxes import find_given_boxes
from augcli.io.readers.split_doubts import note_missing_shards
from augcli.io.readers.splits import Division, divide_shards
from augcli.io.records import part_files
from augcli.io.store.arrow_files import plain_field
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.boxes.columns import BoxColumn
    from augcli.io.labels.choice import LabelChoice
    from augcli.io.readers.base import ClassList, Input, Selection
    from augcli.io.readers.categories import Listed
    from augcli.program.annotated import BoxHeader
    from augcli.samples import RowGroup


NO_NAMES = "{}"
"""The class names of a column that has none, as `_write_class_names` gives them."""


def open_shards(src: Input, selection: Selection, classes: ClassList) -> Source:
    """Read the footers and labels of shards, and find their masks and boxes; see `Reader.open`."""
    shards = _list_shards(src)
    if selection.files.labels is not None:
        why = " is for image folders; parquet shards hold their labels: give "
        raise InputError(Option("labels"), why, Option("label_col"))
    schema = unite_schemas(shards)
    columns = find_columns(
        schema, selection.image_col, selection.label_col, selection.files.masks, shards[0].name
    )
    columns, box_column, notes = find_described(schema, shards, columns, selection)
    renamed, described, more = _compare_class_names(shards, columns.others)
    columns = columns._replace(others=tuple(name for name in columns.others if name not in renamed))
    notes += more
    carried, replaced = _choose_carried(schema, columns)
    notes += [] if columns.labels else describe_unlike(schema, columns.others)
    notes += [f"columns of the input that the output has anew: {', '.join(replaced)}"] if replaced else []
    rows = _divide_rows(src, shards, schema, columns, selection, classes)
    notes = [*rows.notes, *notes, *describe_passed_over(src, SHARD_SUFFIXES, selection)]
    known = read_features(schema) | described
    features = {name: known[name] for name in carried.names if name in known}
    categories = list_shard_categories(rows.shards, box_column) if box_column is not None else None
    boxes = None if box_column is None or categories is None else (box_column, categories)
    catalogues, header, more = _find_boxes(rows, columns, boxes, src, selection)
    notes += more
    if boxes is not None and (feature := column_feature(boxes[1].feature, boxes[0])):
        features[boxes[0].name] = feature
    return Source(
        catalogues=catalogues,
        layout="parquet",
        opener=ShardOpener({shard.key: replace(shard) for shard in shards}, columns, carried),
        has_class_folders=labels_fit_folders(catalogues),
        main=rows.main,
        notes=tuple(notes),
        groups={split.split: list_groups(rows.splits[split.split]) for split in catalogues},
        carried=Carried(carried, features),
        annotated=Annotated(header, columns.mask is not None),
        labelled=_describe_labels(columns.labels, rows.labelling),
    )


@dataclass(frozen=True, slots=True)
class ShardOpener:
    """Opens rows of shards.

    Attributes:
        shards: The shards by key.
        columns: What they hold.
        carried: The columns that are carried along.
    """

    shards: Mapping[str, Shard]
    columns: Columns
    carried: pa.Schema

    def for_groups(self, groups: Sequence[RowGroup]) -> ShardOpener:
        """Return what opens these row groups alone."""
        return replace(self, shards={group.shard: self.shards[group.shard] for group in groups})

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> Rows:
        """Return what reads the rows of some row groups."""
        return Rows(Portions(self.shards, groups, portions, self.columns, self.carried))


def _list_shards(src: Input) -> list[Shard]:
    files = src.files if src.tree is None else src.tree.ending_in(SHARD_SUFFIXES)
    if not len(files):
        raise InputError(f"no parquet files match {src.name!r}; correct the pattern, and quote it")
    shards = [Shard(src.store, *file) for file in files]
    read_each(lambda shard: shard.footer, shards)
    return shards


class _Divided(NamedTuple):
    """The rows of shards by split: shards, samples, the split that is augmented, and labels."""

    splits: dict[str, list[Shard]]
    catalogues: tuple[Catalogue, ...]
    main: str
    labelling: Labelling | None
    notes: list[str]

    @property
    def shards(self) -> list[Shard]:
        """All shards, in the order of the splits."""
        return [shard for of_split in self.splits.values() for shard in of_split]


def _divide_rows(
    src: Input,
    shards: Sequence[Shard],
    schema: pa.Schema,
    columns: Columns,
    selection: Selection,
    classes: ClassList,
) -> _Divided:
    """Divide the rows into splits, and label them.

    Raises:
        InputError: If there are no rows, names tell splits in two ways, or labels are not understood.
    """
    division = Division()
    if selection.splits:
        division = divide_shards([shard.key for shard in shards], src.name)
        if not division.parts:
            _check_split_columns(shards, schema, selection.label_col)
    splits = _part_splits(shards, division)
    ordered = [shard for of_split in splits.values() for shard in of_split]
    labelling, said = _label_rows(ordered, columns, Rules(classes, selection.label_sep))
    catalogues = _make_catalogues(splits, labelling)
    if not catalogues:
        raise InputError(f"{shards[0].name!r} holds no rows; give shards that hold some")
    main = choose_main([catalogue.split for catalogue in catalogues], src, selection)
    lost: list[str] = []
    if classes is None and _holds_texts(schema, columns.labels):
        catalogues, lost = keep_classes(catalogues, main)
    missing = [] if src.tree is None else note_missing_shards(shard.key for shard in shards)
    notes = [*describe_division(division, catalogues), *missing, *said, *lost]
    return _Divided(splits, catalogues, main, labelling, notes)


def _find_boxes(
    rows: _Divided,
    columns: Columns,
    box_column: tuple[BoxColumn, Listed] | None,
    src: Input,
    selection: Selection,
) -> tuple[tuple[Catalogue, ...], BoxHeader | None, list[str]]:
    """Find the samples' boxes: of a column, of --boxes, or of an output of augcli."""
    catalogues = rows.catalogues

    def names() -> list[list[list[str]]]:
        paths = iter(read_paths(rows.shards, columns.image))
        return [[[path] for path in itertools.islice(paths, len(split))] for split in catalogues]

    if box_column is not None:
        column, categories = box_column
        cells = read_column_boxes(rows.shards, columns.image, column, categories, selection)
        notes = [*describe_boxes(column, cells), *categories.notes]
        return give_boxes(catalogues, cells.images), cells.header, notes
    if selection.files.boxes:
        return find_given_boxes(catalogues, names(), selection)
    if not selection.finds_boxes:
        return catalogues, None, []
    return find_own_boxes(catalogues, names, src, selection)


def _check_split_columns(shards: Sequence[Shard], schema: pa.Schema, label_col: str | None) -> None:
    """Refuse rows of several splits in shards whose names tell none."""
    names = list_split_columns(schema.names, label_col)
    if not names:
        return
    rows = pa.concat_tables(read_columns(shards, names), promote_options="permissive")
    if what := describe_splits_in(rows):
        raise refuse_splits_in(shards[0].name, what, "write each split into a shard of its name")


def _part_splits(shards: Sequence[Shard], division: Division) -> dict[str, list[Shard]]:
    """Return the shards of each split; all as one without a name where there are no splits."""
    by_key = {shard.key: shard for shard in shards}
    parts = division.parts or {"": tuple(by_key)}
    return {split: [by_key[key] for key in keys] for split, keys in parts.items()}


def _holds_texts(schema: pa.Schema, choice: LabelChoice) -> bool:
    """True if labels are class names in the rows, one or several in each."""
    if choice.kind is not Kind.COLUMN:
        return False
    kind = plain_kind(schema.field(choice.columns[0]).type)
    return holds_texts(kind) or (holds_lists(kind) and holds_texts(plain_kind(kind.value_type)))


def _choose_carried(schema: pa.Schema, columns: Columns) -> tuple[pa.Schema, list[str]]:
    """Return the columns that are carried along, and the names of columns that outputs have themselves."""
    replaced = [name for name in columns.others if part_files.is_ours(name, columns.mask is not None)]
    kept = [schema.field(name) for name in columns.others if name not in replaced]
    return pa.schema([plain_field(field) for field in kept]), replaced


def _compare_class_names(
    shards: Sequence[Shard], names: Sequence[str]
) -> tuple[list[str], dict[str, Any], list[str]]:
    """Compare the class names of carried columns, shard by shard.

    Returns:
        The columns whose names differ, so that numbers would mean other classes; the features of columns that
        some shards do not describe, which take the names of the others; and notes.
    """
    features = [read_features(shard.schema) for shard in shards]
    renamed, taken, notes = [], {}, []
    for name in names:
        listed = [_write_class_names(known.get(name)) for known in features]
        told = {text: number for number, text in enumerate(listed) if text != NO_NAMES}
        if len(told) > 1:
            renamed.append(name)
        elif told and NO_NAMES in listed:
            taken[name] = features[next(iter(told.values()))][name]
            count = quantity(listed.count(NO_NAMES), "shard")
            notes.append(
                f"the classes of column {name!r} of {count} have no names and take those of the others"
            )
    notes += [f"left out: {', '.join(renamed)}, whose class names differ between shards"] if renamed else []
    return renamed, taken, notes


def _write_class_names(feature: Any) -> str:
    """Return the class names of a column's feature, and of what is in it, as text."""
    named = {place: names for place, names in list_class_names(feature).items() if names}
    return json.dumps(named, sort_keys=True)


def _label_rows(
    shards: Sequence[Shard], columns: Columns, rules: Rules
) -> tuple[Labelling | None, list[str]]:
    """Label the rows of all splits at once, so that an index means the same everywhere.

    Returns:
        The labels, None if no column holds any, and what was taken as labels in words.
    """
    choice = columns.labels
    if not choice:
        return None, describe_unread(choice.candidates)
    pieces = [
        Piece(table, shard.schema, shard.name)
        for shard, table in zip(shards, read_columns(shards, choice.columns), strict=True)
    ]
    labelling, notes = label_pieces(pieces, choice, rules)
    return labelling, [f"labels: by {choice}", *notes, *describe_missing(labelling.classes)]


def _describe_labels(choice: LabelChoice, labelling: Labelling | None) -> LabelFacts:
    """Return the facts about the labels beside their values."""
    is_smoothed = choice.is_smoothed or (choice.kind is Kind.SHARES and gives_all(labelling))
    return LabelFacts(choice.candidates, choice.smoothing, is_smoothed)


def _make_catalogues(
    splits: Mapping[str, Sequence[Shard]], labelling: Labelling | None
) -> tuple[Catalogue, ...]:
    """Return a catalogue for each split that has rows; the labels are in the order of the splits' shards."""
    catalogues = []
    first = 0
    for split, shards in splits.items():
        catalogue = _make_catalogue(split, shards, labelling, first)
        first += len(catalogue)
        if len(catalogue):
            catalogues.append(catalogue)
    return tuple(catalogues)


def _make_catalogue(
    split: str, shards: Sequence[Shard], labelling: Labelling | None, first: int
) -> Catalogue:
    """Make a split's rows a catalogue; the first of them has the label at index `first`."""
    rows = [shard.footer.num_rows for shard in shards]
    keys = RowKeys([shard.key for shard in shards], rows)
    # A row is as old as its shard.
    sizes = np.repeat(np.array([shard.size for shard in shards], np.int64), rows)
    versions = np.repeat(np.array([shard.version for shard in shards], np.int64), rows)
    if labelling is None:
        return Catalogue(split, keys, sizes, versions, [None] * len(keys), None)
    labels = labelling.labels[first : first + len(keys)]
    return Catalogue(split, keys, sizes, versions, labels, labelling.classes)

"""Data sets in tar files of samples, as webdataset has them: splits, samples, labels, masks and boxes."""

from __future__ import annotations

from collections import Counter
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from augcli.errors import InputError, Option
from augcli.io.labels.choice import Kind, LabelChoice
from augcli.io.labels.class_list import describe_missing, some
from augcli.io.labels.facts import as_candidates, describe_unread
from augcli.io.labels.kinds import holds_texts
from augcli.io.labels.labelling import Labelling
from augcli.io.labels.pieces import Piece, Rules, label_pieces
from augcli.io.readers.base import Source, labels_fit_folders
from augcli.io.readers.passed_over import (
    PACKED_SUFFIXES,
    TAR_SUFFIXES,
    describe_passed_over,
    is_tar,
)
from augcli.io.readers.shard_splits import choose_main, describe_division, keep_classes
from augcli.io.readers.shards import read_each
from augcli.io.readers.split_boxes import find_given_boxes
from augcli.io.readers.splits import Division, divide_shards
from augcli.io.readers.tar_look import Plan, check_alike, look
from augcli.io.readers.tar_rows import TarOpener
from augcli.io.readers.tar_scan import Scan, Wanted, open_tar, scan_tar
from augcli.io.store.base import full_name
from augcli.io.store.names import JSON_MEMBER
from augcli.program.annotated import Annotated
from augcli.samples import Catalogue, RowGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from augcli.io.readers.base import ClassList, Input, Selection
    from augcli.io.store.listing import File
    from augcli.program.annotated import BoxHeader


def open_tars(src: Input, selection: Selection, classes: ClassList) -> Source:
    """List the samples of tar files, and read their labels; see `Reader.open`."""
    if selection.files.labels is not None:
        why = " is for image folders; tar files hold their labels: give "
        raise InputError(Option("labels"), why, Option("label_col"))
    files = _list_tars(src)
    division = divide_shards([file.key for file in files], src.name) if selection.splits else Division()
    by_key = {file.key: file for file in files}
    keys = division.parts or {"": tuple(by_key)}
    ordered = [by_key[key] for keys_of_split in keys.values() for key in keys_of_split]
    plan, scans = _scan_all(src, ordered, selection)
    labelling, label_notes = _label(plan, scans, selection, classes)
    catalogues = _make_catalogues(keys, scans, labelling)
    main = choose_main([catalogue.split for catalogue in catalogues], src, selection)
    lost: list[str] = []
    if classes is None and plan.own is None and labelling and not labelling.is_numbered:
        catalogues, lost = keep_classes(catalogues, main)
    catalogues, header, box_notes = _give_boxes(catalogues, plan, scans, keys, selection)
    return Source(
        catalogues=catalogues,
        layout="webdataset",
        opener=TarOpener({key: scan.shard for key, scan in scans.items()}),
        has_class_folders=labels_fit_folders(catalogues),
        main=main,
        notes=(
            *describe_division(division, catalogues),
            *label_notes,
            *lost,
            *plan.notes,
            *box_notes,
            *_describe_scans(list(scans.values())),
            *describe_passed_over(src, TAR_SUFFIXES, selection),
        ),
        groups={split.split: _list_groups(keys[split.split], scans) for split in catalogues},
        annotated=Annotated(header, plan.wanted.mask is not None),
        labelled=plan.describe_labels(labelling is not None),
        image_names=_name_suffixes(scans.values()),
    )


def _list_tars(src: Input) -> list[File]:
    """Return the tar files of SRC; refuse compressed ones."""
    listed = src.files if src.tree is None else src.tree.ending_in(TAR_SUFFIXES | PACKED_SUFFIXES)
    files = [file for file in listed if is_tar(file.key)]
    packed = [file.key for file in files if not file.key.lower().endswith(".tar")]
    if packed:
        why = "is compressed, so that each sample would be unpacked from its beginning; unpack it first"
        raise InputError(f"{full_name(src.store, packed[0])!r} {why}: gunzip {quote(packed[0])}")
    if not files:
        raise InputError(f"no tar files match {src.name!r}; correct the pattern, and quote it")
    return files


def _scan_all(src: Input, files: Sequence[File], selection: Selection) -> tuple[Plan, dict[str, Scan]]:
    """Scan all tar files, as a look at the first samples says.

    Many are scanned at once: in a bucket the header of each member takes as long as an answer takes.

    Raises:
        InputError: If one cannot be read, or none holds an image.
    """
    plan, first = None, ""
    found: list[Scan] = []
    for file in files:
        with open_tar(src.store, file) as tar:
            if tar.samples:
                plan, first = look(tar, selection), tar.name
            found.append(scan_tar(tar, plan.wanted if plan else Wanted(lambda *_: None)))
        if plan is not None:
            break

    def scan(file: File) -> Scan:
        assert plan is not None
        with open_tar(src.store, file) as tar:
            if tar.samples and selection.label_col is None:
                check_alike(tar, plan, first)
            return scan_tar(tar, plan.wanted)

    found += read_each(scan, files[len(found) :])
    scans = {file.key: scanned for file, scanned in zip(files, found, strict=True)}
    if plan is None or not any(scan.keys for scan in scans.values()):
        seen = sorted(sum((scan.unread for scan in scans.values()), Counter()))
        what = f"; their members are {some(seen)}" if seen else ""
        option = (" that ", Option("image_col"), " names") if selection.image_col else ()
        raise InputError(f"the tar files of {src.name!r} hold no images", *option, what)
    masks = [scan.shard.masks for scan in scans.values() if scan.shard.masks is not None]
    if selection.files.masks and not any(places[:, 1].any() for places in masks):
        mask_member = selection.files.masks
        raise InputError(
            Option("masks"),
            f" {mask_member!r}: no sample of {src.name!r} has such a member; give the suffix of one",
        )
    return plan, scans


def _label(
    plan: Plan, scans: Mapping[str, Scan], selection: Selection, classes: ClassList
) -> tuple[Labelling | None, list[str]]:
    """Label the samples of all tar files, one behind the other; None where nothing does."""
    rules = Rules(classes, selection.label_sep)
    if plan.own is not None:
        pieces = [plan.own.piece(scan.values, scan.shard.name) for scan in scans.values()]
        choice = LabelChoice(Kind.EXACT, plan.own.columns, smoothing=plan.smoothing)
        if not any(piece.table.column(0).null_count < len(piece.table) for piece in pieces):
            return None, []
        said = f"labels: by 'classes' and 'weights' of the members {JSON_MEMBER!r} (exact)"
    else:
        if not any(value is not None for scan in scans.values() for value in scan.values):
            if selection.label_col is not None:
                offered = some(plan.offers, 12) or "nothing but images"
                have = f"no sample has {plan.label!r}; the first one has {offered}; give "
                raise InputError(have, Option("label_col"), *as_candidates(plan.likely))
            return None, [*describe_unread(plan.likely), *_note_folders(scans.values())]
        pieces = [_make_piece(scan.values, plan.label, scan.shard.name) for scan in scans.values()]
        choice = LabelChoice(Kind.COLUMN, (plan.label,))
        said = f"labels: by member {plan.label!r}"
    labelling, notes = label_pieces(pieces, choice, rules)
    return labelling, [said, *notes, *describe_missing(labelling.classes)]


def _note_folders(scans: Iterable[Scan]) -> list[str]:
    """Return a note if samples without labels lie in several folders, which may be their classes."""
    tops = sorted({key.split("/", 1)[0] for scan in scans for key in scan.keys if "/" in key})
    if len(tops) < 2:
        return []
    folders = some([repr(top) for top in tops], 2)
    return [
        f"samples lie in folders ({folders}); if these are classes, unpack the tar files and give the folder"
    ]


def _make_piece(values: Sequence[Any], label: str, name: str) -> Piece:
    """Return the labels of a tar file as a column: texts, which may be numbers, or values of JSON.

    Raises:
        InputError: If values of JSON are not of one type.
    """
    try:
        column = pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:  # half of a surrogate pair
        why = str(error).partition("\n")[0]
        raise InputError(
            f"{name!r}: values of {label!r} are not labels of one type ({why}); give ", Option("label_col")
        ) from error
    table = pa.table({label: column})
    return Piece(
        table, table.schema, name, is_text=holds_texts(column.type) and not label.startswith(JSON_MEMBER)
    )


def _make_catalogues(
    keys: Mapping[str, Sequence[str]], scans: Mapping[str, Scan], labelling: Labelling | None
) -> tuple[Catalogue, ...]:
    """Return a catalogue for each split that has samples; labels are in the order of the tar files."""
    catalogues, first = [], 0
    for split, tars in keys.items():
        of_split = [scans[tar] for tar in tars]
        names = [f"{scan.shard.key}#{key}" for scan in of_split for key in scan.keys]
        counts = [len(scan.keys) for scan in of_split]
        # A sample is as old as its tar file.
        sizes, versions = (
            np.repeat(np.array([scan.shard.version[place] for scan in of_split], np.int64), counts)
            for place in (0, 1)
        )
        labels = labelling.labels[first : first + len(names)] if labelling else [None] * len(names)
        first += len(names)
        if names:
            known = labelling.classes if labelling else None
            catalogues.append(Catalogue(split, names, sizes, versions, labels, known))
    return tuple(catalogues)


def _list_groups(tars: Sequence[str], scans: Mapping[str, Scan]) -> list[RowGroup]:
    """Return a row group for each tar file of a split that holds samples."""
    groups, first = [], 0
    for tar in tars:
        count = len(scans[tar].keys)
        if count:
            groups.append(RowGroup(tar, 0, first, count, scans[tar].shard.bytes))
        first += count
    return groups


def _give_boxes(
    catalogues: tuple[Catalogue, ...],
    plan: Plan,
    scans: Mapping[str, Scan],
    keys: Mapping[str, Sequence[str]],
    selection: Selection,
) -> tuple[tuple[Catalogue, ...], BoxHeader | None, list[str]]:
    """Find the samples' boxes: of --boxes, or in the `json` of an output of augcli."""
    scans_of = [[scans[tar] for tar in keys[split.split]] for split in catalogues]
    if selection.files.boxes:
        names = [
            [[name, name.rpartition("/")[2]] for scan in tars for name in scan.names] for tars in scans_of
        ]
        return find_given_boxes(catalogues, names, selection)
    if plan.own is None or plan.own.boxes is None or not selection.finds_boxes:
        return catalogues, None, []
    boxed = tuple(
        plan.own.give_boxes(split, [value for scan in tars for value in scan.values])
        for split, tars in zip(catalogues, scans_of, strict=True)
    )
    return boxed, plan.own.boxes, [f"boxes: those of the members {JSON_MEMBER!r}"]


def _describe_scans(scans: Sequence[Scan]) -> list[str]:
    """Return what was found in tar files and is not used."""
    unread = sum((scan.unread for scan in scans), Counter[str]())
    without = [f"{scan.shard.name}#{key}" for scan in scans for key in scan.without_image]
    others = sum(scan.others for scan in scans)
    notes = [
        f"{scan.shard.name!r} ends without the end of a tar file; it may have been cut off"
        for scan in scans
        if scan.is_cut
    ]
    if unread:
        kinds = [f"{suffix} ({count})" for suffix, count in sorted(unread.items())]
        notes.append(f"members that are not read: {some(kinds, 12)}")
    if without:
        notes.append(f"left out: {len(without)} samples without an image ({without[0]!r} first)")
    if others:
        notes.append(f"passed over {others} links or the like in tar files")
    return notes


def _name_suffixes(scans: Iterable[Scan]) -> tuple[str, ...]:
    """Return the name of one image of each suffix."""
    suffixes = {name.rpartition(".")[2].lower(): name for scan in scans for name in scan.names}
    return tuple(suffixes[suffix] for suffix in sorted(suffixes))

"""The samples of an output of augcli in tar files, read again: exact labels, and boxes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from augcli.errors import InputError, OutputError
from augcli.io import hugging_face
from augcli.io.boxes.base import EMPTY
from augcli.io.boxes.coco_outlines import read_outline
from augcli.io.boxes.extras import to_text
from augcli.io.boxes.recorded import read_annotated
from augcli.io.labels.choice import EXACT
from augcli.io.labels.pieces import Piece
from augcli.io.store.names import CLASS_MEMBER, CLASSES, JSON_MEMBER, RECIPE, SOFT_MEMBER
from augcli.samples import ImageBoxes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augcli.io.readers.tar_scan import Sample, Tar
    from augcli.io.store.base import Store
    from augcli.program.annotated import BoxHeader
    from augcli.samples import Catalogue

OWN_FIELDS = frozenset("lam source partners op copy hash width height".split())
"""Fields of the `json` of every sample that augcli wrote."""


class OwnValue(NamedTuple):
    """The facts in the `json` of a sample that augcli wrote.

    Attributes:
        classes: Classes of its exact label; None without a label.
        weights: Their weights.
        name: Index and name of its dominant class.
        boxes: Its boxes; None where the output has none.
    """

    classes: Any
    weights: Any
    name: tuple[Any, Any]
    boxes: ImageBoxes | None


@dataclass(frozen=True, slots=True)
class OwnOutput:
    """What is known of an output beside its samples.

    Attributes:
        classes: Class names; None where no class list stands beside the tar files.
        smoothing: ε by which its soft labels are smoothed.
        boxes: What is true of all boxes; None without boxes.
    """

    classes: tuple[str, ...] | None
    smoothing: float
    boxes: BoxHeader | None
    columns: tuple[str, ...] = EXACT
    members: frozenset[str] = frozenset([CLASS_MEMBER, JSON_MEMBER, SOFT_MEMBER])

    def read(self, tar: Tar, sample: Sample) -> OwnValue | None:
        """Read the `json` of a sample; None if it has no such member.

        Raises:
            InputError: If it is not as we wrote it.
        """
        fields = tar.read_json(sample)
        if not isinstance(fields, dict):
            return None
        where = f"{tar.name!r}: '{sample.key}.{JSON_MEMBER}'"
        boxes = _read_boxes(fields, self.boxes, where) if self.boxes is not None else None
        name = (fields.get("label"), fields.get("label_name"))
        return OwnValue(fields.get(EXACT[0]), fields.get(EXACT[1]), name, boxes)

    def piece(self, values: Sequence[OwnValue | None], name: str) -> Piece:
        """Return the exact labels of the samples of a tar file as columns, as shards have them.

        Raises:
            InputError: If they are not as we wrote them.
        """
        kinds = {EXACT[0]: pa.list_(pa.int64()), EXACT[1]: pa.list_(pa.float64())}
        try:
            columns = {
                column: pa.array([value and value[place] for value in values], kind)
                for place, (column, kind) in enumerate(kinds.items())
            }
            table = pa.table(columns)
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise InputError(
                f"{name!r}: labels in {JSON_MEMBER!r} are not as they were written: {error}; make it anew"
            ) from error
        schema = pa.schema([("label", pa.int64()), *table.schema])
        classes = self.classes or _list_names(values)
        return Piece(table, hugging_face.describe(schema, classes, {}, b"{}"), name)

    def give_boxes(self, catalogue: Catalogue, values: Sequence[OwnValue | None]) -> Catalogue:
        """Return the samples of a split with their boxes."""
        return replace(catalogue, boxes=[value.boxes if value and value.boxes else EMPTY for value in values])


def find_own_output(store: Store, fields: Mapping[str, Any]) -> OwnOutput | None:
    """Return what is known of the output that tar files are; None if augcli did not write them.

    Args:
        store: What holds the tar files.
        fields: The `json` of the first sample.

    Raises:
        InputError: If `augcli.json` beside the tar files is damaged.
        StorageError: If the machine fails.
    """
    if not fields.keys() >= OWN_FIELDS:
        return None
    recipe, names = store.read([RECIPE, CLASSES])
    if recipe is None:
        return OwnOutput(None, 0.0, None)
    try:
        boxes = read_annotated(store).boxes
        smoothing = float(json.loads(recipe)["recipe"].get("smoothing", 0))
    except (OutputError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{RECIPE!r} in {store.name!r} is damaged; take it away, or restore it") from error
    classes = tuple((names or b"").decode("utf-8", "replace").split("\n"))[:-1]
    return OwnOutput(classes or None, smoothing, boxes)


def _list_names(values: Sequence[OwnValue | None]) -> tuple[str, ...] | None:
    """Return the class names that samples bear, if these are all; else None, and classes are numbers."""
    by_index = dict(value.name for value in values if value and isinstance(value.name[0], int))
    used = {index for value in values if value and value.classes for index in value.classes}
    if not by_index or by_index.keys() != set(range(len(by_index))) or not used <= by_index.keys():
        return None
    names = tuple(str(by_index[index]) for index in range(len(by_index)))
    return names if len(set(names)) == len(names) else None


def _read_boxes(fields: Mapping[str, Any], header: BoxHeader, where: str) -> ImageBoxes:
    """Return the boxes in the `json` of a sample.

    Raises:
        InputError: If they are not as we wrote them.
    """
    try:
        boxes = json.loads(fields["boxes"])
        sides = np.array([box["bbox"] for box in boxes], np.float64).reshape(-1, 4)
        categories = tuple(box["category_index"] for box in boxes)
        extras = tuple(to_text(box["extra"], where) for box in boxes)
        outlines = tuple(read_outline(box, where) for box in boxes)
        edges = np.stack(
            [sides[:, 1], sides[:, 0], sides[:, 1] + sides[:, 3], sides[:, 0] + sides[:, 2]], axis=1
        )
        is_fine = np.isfinite(edges).all() and (sides[:, 2:] > 0).all()
        if not is_fine or not all(0 <= index < len(header.names) for index in categories):
            raise ValueError("a box of no area, or of no category")
        return ImageBoxes(
            fields["height"],
            fields["width"],
            edges,
            categories,
            extras,
            to_text(json.loads(fields["image"]), where),
            outlines if any(outlines) else (),
        )
    except (InputError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{where}: its boxes are not as they were written ({error}); make it anew"
        ) from error

"""How the samples of tar files are read, by a look at the first ones: image, mask, and what labels them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import DecodeError, InputError, Option
from augcli.io.images.index_masks import read_mask_header
from augcli.io.labels.choice import HINTS
from augcli.io.labels.facts import LabelFacts
from augcli.io.readers.mask_look import LOOKED_AT, describe_masks
from augcli.io.readers.own_samples import OWN_FIELDS, OwnOutput, find_own_output
from augcli.io.readers.tar_scan import Sample, Tar, Wanted, is_image, read_value
from augcli.io.store.names import CARRIED, CLASS_MEMBER, JSON_MEMBER, MASK_MEMBER

if TYPE_CHECKING:
    from augcli.io.readers.base import Selection

SOFT_FIELD = f"{JSON_MEMBER}.soft_label"
"""What labels samples where nothing but our smoothed weights is read."""


class Plan(NamedTuple):
    """How the samples of a data set are read, by a look at the first ones.

    Attributes:
        wanted: Which members are read.
        own: What is known of the output that they are; None if it is not one of ours.
        label: What labels them as messages name it: `cls`, `json.field`.
        smoothing: ε by which the soft labels of the samples are smoothed, where that is known.
        offers: What could label them: members and fields of the first sample.
        notes: What was taken as what, in words.
    """

    wanted: Wanted
    own: OwnOutput | None
    label: str
    smoothing: float
    offers: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def likely(self) -> tuple[str, ...]:
        """What could label samples, by its name."""
        return tuple(name for name in self.offers if any(hint in name.lower() for hint in HINTS))

    def describe_labels(self, are_read: bool) -> LabelFacts:
        """Return the facts about the labels beside their values; `are_read`: whether labels are read."""
        is_smoothed = bool(self.smoothing) and self.label == SOFT_FIELD
        return LabelFacts(() if are_read else self.likely, self.smoothing, is_smoothed)


def look(tar: Tar, selection: Selection) -> Plan:
    """Find out by the first samples of a data set how it is read."""
    first, fields = _read_first(tar)
    mask, notes = _find_mask(tar, selection)
    unread = frozenset([mask] if mask and not selection.finds_masks else [])
    mask, notes = (None, ()) if unread else (mask, notes)
    offers = [suffix for suffix in first.members if suffix != JSON_MEMBER and not is_image(suffix)]
    offers += [f"{JSON_MEMBER}.{name}" for name in fields]
    own_output = find_own_output(tar.store, fields)
    smoothing = own_output.smoothing if own_output else 0.0
    image = selection.image_col and selection.image_col.lower()
    if own_output is not None and CARRIED in fields:
        notes += (f"the columns of an earlier input ({CARRIED!r} in {JSON_MEMBER!r}) are not carried on",)
    if own_output is not None and selection.label_col is None:
        return Plan(
            Wanted(own_output.read, image, mask, own_output.members | unread),
            own_output,
            "",
            smoothing,
            tuple(offers),
            notes,
        )
    label = selection.label_col or CLASS_MEMBER
    is_field = label.startswith(f"{JSON_MEMBER}.")
    suffix, path = (JSON_MEMBER, tuple(label.split(".")[1:])) if is_field else (label.lower(), ())
    wanted = Wanted(partial(read_value, suffix=suffix, path=path), image, mask, unread | {suffix})
    return Plan(wanted, None, label, smoothing, tuple(offers), notes)


def check_alike(tar: Tar, plan: Plan, first: str) -> None:
    """Refuse tar files of augcli beside others, whose labels mean something else.

    Args:
        tar: A tar file that holds samples.
        plan: How all are read, by a look at the first one.
        first: Name of the first one.

    Raises:
        InputError: If samples of one are as an output of ours has them, and those of the other are not.
    """
    _, fields = _read_first(tar)
    if (fields.keys() >= OWN_FIELDS) == (plan.own is not None):
        return
    exact, other = (first, tar.name) if plan.own is not None else (tar.name, first)
    why = (
        f"{exact!r} is of an output of augcli, with exact labels, and {other!r} is not; give each alone, or "
    )
    raise InputError(why, Option("label_col"), " for what labels both")


def _read_first(tar: Tar) -> tuple[Sample, dict[str, Any]]:
    """Return the first sample that has an image, and the fields of its `json`."""
    first = next((sample for sample in tar.samples if any(map(is_image, sample.members))), tar.samples[0])
    fields = tar.read_json(first)
    return first, fields if isinstance(fields, dict) else {}


def _find_mask(tar: Tar, selection: Selection) -> tuple[str | None, tuple[str, ...]]:
    """Return the suffix of the masks, and notes: `mask.png` where it holds index masks."""
    member = selection.files.masks
    suffix = member.lower() if member else MASK_MEMBER
    masked = [
        sample
        for sample in tar.samples
        if suffix in sample.members and sum(map(is_image, sample.members)) > 1
    ]
    encoded = [tar.read(sample, suffix) for sample in masked[:LOOKED_AT]]
    if member is None:
        try:
            is_mask = bool(encoded) and bool(read_mask_header(encoded[0] or b""))
        except DecodeError:
            is_mask = False
        if not is_mask or suffix == selection.image_col:
            return None, ()
    return suffix, (f"masks: those of members {suffix!r}", *describe_masks(encoded))

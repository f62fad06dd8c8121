"""Who meets whom in a batch: partners that are given, or the next ones of a ring, as on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from augcli.arrays.interchange import read_integers
from augcli.errors import PlanError
from augcli.pipeline.plan.rings import form_rings
from augcli.samples import Catalogue, SoftLabel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.streams import Streams


def check_can_mix(count: int) -> None:
    """Refuse to mix a batch in which nobody has a partner.

    Raises:
        PlanError: If there are fewer than two images.
    """
    if count < 2:
        raise PlanError(
            f"mixing needs at least 2 images, got {count}; give a batch, and of a loader leave out a last one"
            " that is shorter (drop_last)"
        )


def read_partners(indices: ArrayLike, count: int) -> NDArray[np.int64]:
    """Read the partner of each of `count` images.

    Raises:
        PlanError: If an index is not an image of the batch, naming it.
    """
    partners = read_integers(indices, (count,), "indices")
    outside = (partners < 0) | (partners >= count)
    if outside.any():
        first = int(outside.argmax())
        raise PlanError(f"indices must be in 0..{count - 1}, got {partners[first]} at indices[{first}]")
    return partners


def find_partners(
    streams: Streams, weights: NDArray[np.float64] | None, rule: str, slots: int = 1
) -> NDArray[np.int64]:
    """Find the partners of each image, (N, slots): those that a data set of these keys would have.

    Args:
        streams: The numbers of the call.
        weights: (N, K) labels, from which a rule takes classes; weights that are all 0 have no class.
        rule: `any`, `other-class` or `same-class`.
        slots: How many operations of the recipe mix.

    Returns:
        Indices; an image's own where it has no partner under the rule.

    Raises:
        PlanError: If a rule on classes has no labels.
    """
    if rule != "any" and weights is None:
        raise PlanError(f"partner {rule} needs labels, got None; give labels, or partner any")
    count, hashes = len(streams.samples), streams.hashes
    order = np.argsort(hashes, kind="stable")
    partners = np.repeat(np.arange(count)[:, None], slots, axis=1)
    for ring in form_rings(order, hashes, _catalogue(count, weights), rule):
        for slot in range(slots if ring.partners else 0):
            shift = int(ring.shifts[ring.place_partner(0, slot, slots)])
            partners[ring.members, slot] = np.roll(ring.members, -shift)
    return partners


def _catalogue(count: int, weights: NDArray[np.float64] | None) -> Catalogue:
    """Return the images as the samples of a data set, each labelled by the class that weighs most."""
    labels: list[Any] = [None] * count
    classes: tuple[str, ...] = ()
    if weights is not None:
        classes = tuple(map(str, range(weights.shape[1])))
        largest, has_class = weights.argmax(axis=1).tolist(), (weights.max(axis=1) > 0).tolist()
        known = {number: SoftLabel((number,), (1.0,)) for number in set(largest)}
        pairs = zip(largest, has_class, strict=True)
        labels = [known[number] if is_known else None for number, is_known in pairs]
    nothing = np.zeros(count, np.int64)
    return Catalogue("", [str(number) for number in range(count)], nothing, nothing, labels, classes)

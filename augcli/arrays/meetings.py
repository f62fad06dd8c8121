"""Images of a batch that are mixed in pairs: who meets whom, and what becomes of pixels and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.arrays.labels import read_labels
from augcli.arrays.partners import check_can_mix, find_partners, read_partners
from augcli.arrays.planning import count_all_shares, mix_weights
from augcli.errors import Option, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from augcli.arrays.batch import Batch
    from augcli.arrays.streams import Streams
    from augcli.ops.base import MixOperation
    from augcli.program.steps import Program


class Meeting(NamedTuple):
    """Who meets whom.

    Attributes:
        partners: (N, 1) int64.
        weights: (N, K) float64 labels; None if none were given.
        lonely: (N,) bool: True where an image has no partner under the rule, and is left alone.
    """

    partners: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    lonely: NDArray[np.bool_]


class Pairs(NamedTuple):
    """Mixed images, and what was done to them; the attributes mean the same as in `Mixed`."""

    images: Any
    labels: NDArray[np.float64] | None
    lam: NDArray[np.float64]
    indices: NDArray[np.int64]
    programs: list[Program]


def meet(
    batch: Batch,
    streams: Streams,
    labels: Any,
    num_classes: int | None,
    operation: MixOperation,
    indices: ArrayLike | None,
) -> Meeting:
    """Read labels, and find each image's partner: given, or the next one in the order of a keyed hash.

    Raises:
        PlanError: If there are fewer than two images, labels or partners are not accepted, or a rule on
            classes has no labels.
        UsageError: If partners are given beside such a rule.
    """
    check_can_mix(len(batch))
    weights = None if labels is None else read_labels(labels, len(batch), num_classes).values
    lonely = np.zeros(len(batch), np.bool_)
    if indices is None:
        partners = find_partners(streams, weights, operation.partner)
        if operation.partner != "any":
            lonely = partners[:, 0] == np.arange(len(batch))
        return Meeting(partners, weights, lonely)
    if operation.partner != "any":
        both = Option("indices"), " and ", Option("partner")
        raise UsageError(f"{operation.name}: ", *both, " both decide who meets whom; give one of them")
    return Meeting(read_partners(indices, len(batch))[:, None], weights, lonely)


def mix(batch: Batch, meeting: Meeting, programs: Sequence[Program]) -> Pairs:
    """Mix pairs; images without a partner are left alone."""
    done = [() if alone else steps for steps, alone in zip(programs, meeting.lonely.tolist(), strict=True)]
    shares = count_all_shares(batch, done, 1)
    weights = meeting.weights
    labels = None if weights is None else mix_weights(weights, shares, meeting.partners)
    lam = np.array([share.lam for share in shares])
    return Pairs(batch.apply(done, meeting.partners), labels, lam, meeting.partners[:, 0].copy(), done)

"""The samples of tar files, read one by one from where they lie."""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from augcli.errors import DecodeError
from augcli.io.store.base import Version, full_name
from augcli.io.store.errors import storage_errors
from augcli.io.store.tar_files import Member, read_member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from augcli.io.store.base import Store
    from augcli.samples import Catalogue, RowGroup

CUT = -1
"""The length of a member that is cut off."""


@dataclass(frozen=True, slots=True, eq=False)
class TarShard:
    """A tar file, and where its samples lie in it.

    Attributes:
        store: Where it lies.
        key: Its key.
        version: Its size and version when it was listed.
        images: (n, 2) first byte and length of the image of each sample; `CUT` if it is not whole.
        masks: The same of the masks, 0 long for a sample without a mask; None where no sample has a mask.
    """

    store: Store
    key: str
    version: Version
    images: NDArray[np.int64]
    masks: NDArray[np.int64] | None

    @property
    def name(self) -> str:
        """Its path, for messages."""
        return full_name(self.store, self.key)

    @property
    def bytes(self) -> int:
        """Bytes of all images and masks."""
        both = [self.images] if self.masks is None else [self.images, self.masks]
        return int(sum(places[:, 1].clip(0).sum() for places in both))


@dataclass(frozen=True, slots=True)
class TarOpener:
    """Opens samples of tar files; `shards` are these by key."""

    shards: Mapping[str, TarShard]

    def for_groups(self, groups: Sequence[RowGroup]) -> TarOpener:
        """Return what opens these tar files alone."""
        return replace(self, shards={group.shard: self.shards[group.shard] for group in groups})

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> TarRows:
        """Return what reads the samples of some tar files; they are not read in portions."""
        return TarRows(self.shards, catalogue, groups)


class TarRows:
    """The samples of some tar files. Each file is opened once, and read where a sample lies.

    Threads may share it.
    """

    def __init__(
        self, shards: Mapping[str, TarShard], catalogue: Catalogue, groups: Sequence[RowGroup]
    ) -> None:
        self._shards, self._keys = shards, catalogue.keys
        self._groups = sorted(groups, key=lambda group: group.first)
        self._firsts = [group.first for group in self._groups]
        self._files: dict[str, BinaryIO] = {}
        self._lock = threading.Lock()

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Do nothing: a tar file is read by ranges."""
        return len(samples)

    def read(self, sample: int) -> tuple[bytes, str]:
        """Return a sample's encoded image and its key, from which outputs are named.

        Raises:
            DecodeError: If the tar file ends before the sample does.
            StorageError: If the machine fails, or the tar file is another one by now.
        """
        shard, row = self._locate(sample)
        data = self._read(shard, shard.images[row])
        return data, self._keys[sample][len(shard.key) + 1 :]

    def read_mask(self, sample: int) -> bytes:
        """Return a sample's encoded mask.

        Raises:
            DecodeError: If it has no mask, or the tar file ends before the mask does.
            StorageError: As in `read`.
        """
        shard, row = self._locate(sample)
        if shard.masks is None or not shard.masks[row][1]:
            raise DecodeError("no mask", "the sample has no member of masks")
        return self._read(shard, shard.masks[row])

    def hash_columns(self, sample: int) -> bytes:
        """Return nothing: all else of a sample stands in the catalogue."""
        return b""

    def release(self, sample: int) -> None:
        """Do nothing: no sample is kept in memory."""

    def carry(self, samples: Sequence[int]) -> Any:
        """Return None: no columns are carried along."""

    def _locate(self, sample: int) -> tuple[TarShard, int]:
        """Return the tar file that holds a sample, and the sample's number in it."""
        group = self._groups[bisect_right(self._firsts, sample) - 1]
        row = sample - group.first
        return self._shards[group.shard], row if group.wanted is None else group.wanted[row]

    def _read(self, shard: TarShard, place: NDArray[np.int64]) -> bytes:
        start, length = place.tolist()
        with self._lock, storage_errors(f"cannot read {shard.name!r}"):
            if shard.key not in self._files:
                self._files[shard.key] = shard.store.open(shard.key, shard.version)
            data = read_member(self._files[shard.key], Member("", start, max(length, 0)))
        if length == CUT or len(data) < length:
            raise DecodeError("cut off", "the tar file ends before the sample does")
        return data

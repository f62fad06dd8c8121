"""The samples of an image folder: files, and the masks that lie apart from them or beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from augcli.errors import DecodeError
from augcli.io.boxes.image_names import without_suffix
from augcli.io.readers.ahead import FilesAhead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.store.base import Store
    from augcli.samples import Catalogue, RowGroup


@dataclass(frozen=True, slots=True)
class FolderOpener:
    """Opens the files of a folder.

    Attributes:
        store: Where the images lie.
        mask_store: Where the masks lie; None without masks.
    """

    store: Store
    mask_store: Store | None = None

    def for_groups(self, groups: Sequence[RowGroup]) -> FolderOpener:
        """Return itself: files are not grouped."""
        return self

    def open(self, catalogue: Catalogue, groups: Sequence[RowGroup], portions: int) -> FolderSamples:
        """Return what reads the samples of a catalogue."""
        return FolderSamples(self.store, self.mask_store, catalogue)


class FolderSamples:
    """The files of a folder."""

    def __init__(self, store: Store, mask_store: Store | None, catalogue: Catalogue) -> None:
        self._catalogue, masks = catalogue, catalogue.masks
        self._images = FilesAhead(store, catalogue.keys, catalogue.sizes, catalogue.versions)
        self._masks = FilesAhead(mask_store, *masks) if mask_store and masks else None

    def read_ahead(self, samples: Sequence[int]) -> int:
        """Begin to read files and masks; see `Samples.read_ahead`."""
        count = self._images.begin(samples)
        return self._masks.begin(samples[:count]) if self._masks else count

    def read(self, sample: int) -> tuple[bytes, str]:
        """Read a file, which must not have changed since it was listed."""
        return self._images.read(sample), self._catalogue.keys[sample]

    def read_mask(self, sample: int) -> bytes:
        """Read the file of a sample's mask, which must not have changed since it was listed.

        Raises:
            DecodeError: If the sample has no mask.
        """
        masks = self._catalogue.masks
        assert masks is not None
        assert self._masks is not None
        if masks.keys[sample] is None:
            name = without_suffix(self._catalogue.keys[sample])
            raise DecodeError("no mask", f"the masks hold no {name}.png; put it there")
        return self._masks.read(sample)

    def hash_columns(self, sample: int) -> bytes:
        """Return nothing: a folder has no columns."""
        return b""

    def release(self, sample: int) -> None:
        """Do nothing: nothing of a file is kept."""

    def carry(self, samples: Sequence[int]) -> None:
        """Carry nothing: a folder has no columns."""

"""What is read of a sample, and the hash of all of it: by that a later run knows whether it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import DecodeError
from augcli.io.store.hashes import digest_bytes

if TYPE_CHECKING:
    from augcli.io.readers.base import Samples


class SampleBytes(NamedTuple):
    """What is read of a sample.

    Attributes:
        image: Its encoded image, and the name that the stem of its outputs is made from; or why it has none.
        mask: Its encoded mask, or why it has none; None where the data set has no masks.
        content: Hash of all of it, and of the cells of its row.
    """

    image: tuple[bytes, str] | DecodeError
    mask: bytes | DecodeError | None
    content: bytes


def read_sample(samples: Samples, sample: int, has_masks: bool) -> SampleBytes:
    """Read a sample, and hash it while it is in memory.

    Raises:
        StorageError: If the machine fails.
    """
    image = _read_image(samples, sample)
    mask = _read_mask(samples, sample) if has_masks else None
    columns = samples.hash_columns(sample)
    pieces = [image[0] if isinstance(image, tuple) else b""]
    if has_masks or columns or isinstance(image, DecodeError):
        is_there = bytes([isinstance(image, tuple), isinstance(mask, bytes)])
        pieces += [mask if isinstance(mask, bytes) else b"", columns, is_there]
    return SampleBytes(image, mask, digest_bytes(*pieces))


def _read_image(samples: Samples, sample: int) -> tuple[bytes, str] | DecodeError:
    try:
        return samples.read(sample)
    except DecodeError as error:
        return error


def _read_mask(samples: Samples, sample: int) -> bytes | DecodeError:
    try:
        return samples.read_mask(sample)
    except DecodeError as error:
        return error

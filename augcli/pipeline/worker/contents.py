"""The bytes of a sample, and their hash, by which a later run knows whether the sample changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import DecodeError
from augcli.io.store.hashes import digest_bytes

if TYPE_CHECKING:
    from augcli.io.readers.base import Samples


class SampleBytes(NamedTuple):
    """The bytes that are read of a sample.

    Attributes:
        image: Its encoded image, and the name that the stem of its outputs is made from; or why it cannot be
            read.
        mask: Its encoded mask, or why it cannot be read; None where the data set has no masks.
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
    try:
        image: tuple[bytes, str] | DecodeError = samples.read(sample)
    except DecodeError as error:
        image = error
    data, is_read = (b"", False) if isinstance(image, DecodeError) else (image[0], True)
    columns = samples.hash_columns(sample)
    if is_read and not has_masks and not columns:  # a file and nothing else, as most are
        return SampleBytes(image, None, digest_bytes(data))
    mask = _read_mask(samples, sample) if has_masks else None
    is_there = bytes([is_read, isinstance(mask, bytes)])
    pieces = [data, mask if isinstance(mask, bytes) else b"", columns, is_there]
    return SampleBytes(image, mask, digest_bytes(*pieces))


def _read_mask(samples: Samples, sample: int) -> bytes | DecodeError:
    try:
        return samples.read_mask(sample)
    except DecodeError as error:
        return error

"""The hash by which bytes are known: BLAKE3, 128 bits of it."""

from __future__ import annotations

from blake3 import blake3

HASH_BYTES = 16
"""Bytes of a hash; its text is twice as long."""


def hash_bytes(data: bytes) -> str:
    """Return the hash of some bytes as hex digits, as tables hold it of an output's file."""
    return blake3(data).hexdigest(length=HASH_BYTES)


def digest_bytes(*pieces: bytes) -> bytes:
    """Return the hash of pieces of bytes: of one piece its own; of several, one that tells them apart."""
    if len(pieces) == 1:
        return blake3(pieces[0]).digest(length=HASH_BYTES)
    hasher = blake3()
    for piece in pieces:
        hasher.update(len(piece).to_bytes(8, "little"))
        hasher.update(piece)
    return hasher.digest(length=HASH_BYTES)

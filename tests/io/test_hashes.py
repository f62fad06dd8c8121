"""The hash by which bytes are known."""

from __future__ import annotations

from augcli.io.store.hashes import digest_bytes, hash_bytes

EMPTY = "af1349b9f5f9a1a6a0404dea36dcc949"
"""The first 128 bits of BLAKE3 of no bytes, as in the vectors of its authors (test_vectors.json)."""


def test_it_is_blake3():
    assert hash_bytes(b"") == EMPTY
    assert digest_bytes(b"") == bytes.fromhex(EMPTY)


def test_pieces_are_told_apart():
    cuts = [(b"ab", b""), (b"a", b"b"), (b"", b"ab"), (b"ab",), (b"ab", b"", b"")]
    assert len({digest_bytes(*pieces) for pieces in cuts}) == len(cuts)

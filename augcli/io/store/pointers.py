"""Git LFS pointers: small texts that stand in the place of files which were not fetched."""

from __future__ import annotations

LFS_BEGIN = b"version https://git-lfs.github.com/spec/"

LFS_CURE = "a Git LFS pointer stands in its place; run `git lfs pull`"


def is_lfs_pointer(data: bytes) -> bool:
    """True if a file's bytes, or its first ones, are a Git LFS pointer."""
    return data[: len(LFS_BEGIN)] == LFS_BEGIN

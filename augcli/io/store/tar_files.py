"""Tar files: members written with nothing of when, where and by whom, and found again by their headers."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing import BinaryIO

READABLE = 0o444

DAMAGE = (tarfile.TarError, ValueError, OverflowError, IndexError)
"""What `tarfile` raises on headers that are damaged, or not of a tar file at all."""


class Member(NamedTuple):
    """A regular file in a tar file: its name, its first byte and its length."""

    name: str
    start: int
    size: int


class Members(NamedTuple):
    """What a tar file holds.

    Attributes:
        files: Its regular files, in order; the last one may promise more than there is.
        others: How many links, devices and the like it holds; directories do not count.
        is_cut: Whether it ends before its end, as it does where who wrote it was killed.
        damage: Why nothing more was found though it goes on, in words; empty if it does not.
    """

    files: list[Member]
    others: int = 0
    is_cut: bool = False
    damage: str = ""


def write_member(file: BinaryIO, name: str, data: bytes) -> int:
    """Write a member behind what a tar file holds; return how many bytes that took.

    The plain header (USTAR) has room for 100 bytes of a name, and every reader understands it. It bears no
    time, no user and no group, so that the same members give the same bytes.

    Raises:
        ValueError: If the name is longer.
    """
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), READABLE
    header = entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
    rest = bytes(-len(data) % tarfile.BLOCKSIZE)
    file.write(header)
    file.write(data)
    file.write(rest)
    return len(header) + len(data) + len(rest)


def end_tar(file: BinaryIO, length: int) -> None:
    """Write the end of a tar file whose members take `length` bytes: two empty blocks, in a full record."""
    ends = 2 * tarfile.BLOCKSIZE
    file.write(bytes(ends + -(length + ends) % tarfile.RECORDSIZE))


def list_members(file: BinaryIO) -> Members:
    """List what a tar file holds, from header to header; names are as long as they like (PAX, GNU).

    Raises:
        tarfile.ReadError: If it does not begin as a tar file does.
        OSError: If the machine fails.
    """
    length = file.seek(0, 2)
    file.seek(0)
    found: list[Member] = []
    others = end = 0
    try:
        tar = tarfile.TarFile(fileobj=file, mode="r", encoding="utf-8", errors="surrogateescape")
    except DAMAGE as error:
        raise tarfile.ReadError(str(error)) from error
    damage = ""
    try:
        while (entry := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if entry.size < 0:
                return Members(found, others, damage="a member of negative length")
            if entry.isreg() and not entry.issparse():
                found.append(Member(entry.name, entry.offset_data, entry.size))
            else:
                others += not entry.isdir()
            end = tar.offset
    except DAMAGE as error:
        damage = str(error)
    if end > length:
        return Members(found, others, is_cut=True)
    file.seek(end)
    block = file.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        return Members(found, others, is_cut=True)
    return Members(found, others, damage=damage or ("a damaged header" if any(block) else ""))


def read_member(file: BinaryIO, member: Member) -> bytes:
    """Return the bytes of a member; fewer than its size if the file is cut off."""
    file.seek(member.start)
    data: bytes = file.read(member.size)
    return data

"""Tar files: members written with nothing of when, where and by whom, and found again by their headers."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO, TypeAlias

    Header: TypeAlias = "tuple[Member | None, int]"  # what it is of, if that is a file; where the next one is

READABLE = 0o444

NAME_BYTES, SIZE_DIGITS = 100, 11
"""What a plain header has room for: of a name, and for the octal digits of a size."""


def _plain_header() -> bytes:
    """Return the header of a member that has neither name nor bytes."""
    entry = tarfile.TarInfo()
    entry.mode = READABLE
    return entry.tobuf(tarfile.USTAR_FORMAT)


OWNER, TIME, REST = (_plain_header()[part] for part in (slice(100, 124), slice(135, 148), slice(156, 512)))
"""What stands in all headers alike: between name and size, between size and checksum, and behind that."""

OF_OTHERS = sum(OWNER + TIME + REST) + 8 * ord(" ")
"""What these add to the checksum, which counts itself as blanks."""

DAMAGE = (tarfile.TarError, ValueError, OverflowError, IndexError)
"""What `tarfile` raises on headers that are damaged, or not of a tar file at all."""


USUAL = frozenset(b"path size mtime atime ctime uid gid uname gname".split())
"""What PAX headers mostly say."""


class Member(NamedTuple):
    """A regular file in a tar file: its name, its first byte and its length."""

    name: str
    start: int
    size: int


def write_member(file: BinaryIO, name: str, data: bytes) -> int:
    """Write a member behind what a tar file holds; return how many bytes that took.

    The plain header (USTAR) has room for 100 bytes of a name, and every reader understands it. It bears no
    time, no user and no group, so that the same members give the same bytes.

    Raises:
        ValueError: If the name is longer, or the member is of 8 GiB or more.
    """
    raw, size = name.encode(), b"%011o" % len(data)
    if len(raw) > NAME_BYTES or len(size) > SIZE_DIGITS:
        raise ValueError(f"a member of {len(data)} bytes called {name!r} does not fit into a plain header")
    # As `TarInfo.tobuf` gives it, in a fifth of the time.
    checksum = b"%06o\0 " % (OF_OTHERS + sum(raw) + sum(size))
    header = b"".join((raw.ljust(NAME_BYTES, b"\0"), OWNER, size, TIME, checksum, REST))
    rest = bytes(-len(data) % tarfile.BLOCKSIZE)
    file.write(header)
    file.write(data)
    file.write(rest)
    return len(header) + len(data) + len(rest)


def end_tar(file: BinaryIO, length: int) -> None:
    """Write the end of a tar file whose members take `length` bytes: two empty blocks, in a full record."""
    ends = 2 * tarfile.BLOCKSIZE
    file.write(bytes(ends + -(length + ends) % tarfile.RECORDSIZE))


def count_taken(size: int) -> int:
    """Return how many bytes a member of a size takes: its header, and itself in full blocks."""
    return tarfile.BLOCKSIZE + _padded(size)


def is_whole_length(size: int) -> bool:
    """True if a tar file of ours may have this size: it is some full records long."""
    return size > 0 and size % tarfile.RECORDSIZE == 0


class TarWalk:
    """The regular files of a tar file, from header to header; names may be of any length (PAX, GNU).

    Most headers are plain, and are read here, in a third of the time that `tarfile` takes; it reads all
    others.

    Attributes:
        others: How many links, devices and the like were met so far; directories do not count.
        is_cut: Whether the file ended before its end, as where who wrote it was killed.
        damage: Why nothing more was found though the file goes on, in words; empty if it does not.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Prepare to walk along a file, which may be read elsewhere meanwhile."""
        self._file = file
        self.others, self.is_cut, self.damage = 0, False, ""

    def __iter__(self) -> Iterator[Member]:
        """Yield the files; the last one may promise more than there is.

        Raises:
            tarfile.ReadError: If it does not begin as a tar file does.
            OSError: If the machine fails.
        """
        file, length = self._file, self._file.seek(0, 2)
        end = 0
        while True:
            file.seek(end)
            header = _read_header(file, end)
            if header is None:
                header = self._read_other(end)
                if header is None:
                    break
            member, end = header
            if member is not None:
                yield member
        self.is_cut = end > length or length - end < tarfile.BLOCKSIZE
        if not self.is_cut and not self.damage:
            file.seek(end)
            self.damage = "a damaged header" * any(file.read(tarfile.BLOCKSIZE))

    def _read_other(self, start: int) -> Header | None:
        """Read any header; None at the end, and where the bytes are not a header."""
        self._file.seek(start)
        try:
            tar = tarfile.TarFile(fileobj=self._file, mode="r", encoding="utf-8", errors="surrogateescape")
            entry = tar.next()
        except DAMAGE as error:
            if not start:
                raise tarfile.ReadError(str(error)) from error
            self.damage = str(error)
            return None
        if entry is None or entry.size < 0:
            self.damage = "" if entry is None else "a member of negative length"
            return None
        if entry.isreg() and not entry.issparse():
            return Member(entry.name, entry.offset_data, entry.size), tar.offset
        self.others += not entry.isdir()
        return None, tar.offset


def _read_header(file: BinaryIO, start: int) -> Header | None:
    """Read a plain header, with a PAX header before it that says nothing unusual; None if it is another."""
    block, known = file.read(tarfile.BLOCKSIZE), None
    if block[156:157] == tarfile.XHDTYPE:
        plain = _read_block(block)
        known = plain and _read_records(file.read(_padded(plain[1]))[: plain[1]])
        if plain is None or known is None:
            return None
        start += tarfile.BLOCKSIZE + _padded(plain[1])
        block = file.read(tarfile.BLOCKSIZE)
    if block[156:157] not in (tarfile.REGTYPE, tarfile.AREGTYPE):
        return None
    plain = _read_block(block)
    if plain is None:
        return None
    name, size = plain
    if known:
        name, size = known.get("path", name), int(known.get("size", size))
    if name.endswith("/") or size < 0:
        return None
    start += tarfile.BLOCKSIZE
    return Member(name, start, size), start + _padded(size)


def _read_block(block: bytes) -> tuple[str, int] | None:
    """Return the name and the size that a block says; None if it is not a header, or an unusual one."""
    if len(block) < tarfile.BLOCKSIZE or block[257:262] != b"ustar":
        return None
    checksum = block[148:156]
    try:
        size, total = int(block[124:136].strip(b" \0"), 8), int(checksum.strip(b" \0"), 8)
    except ValueError:  # as numbers beyond 8 GiB
        return None
    if sum(block) - sum(checksum) + 8 * ord(" ") != total or size < 0:
        return None
    name, prefix = block[:100].partition(b"\0")[0], block[345:500].partition(b"\0")[0]
    whole = prefix + b"/" + name if prefix else name
    return whole.decode("utf-8", "surrogateescape"), size


def _read_records(data: bytes) -> dict[str, str] | None:
    """Return the records of a PAX header; None where they are damaged, or say anything unusual."""
    records: dict[str, str] = {}
    while data:
        digits = data.partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 20 else 0
        key, equals, value = data[len(digits) + 1 : length].partition(b"=")
        if key not in USUAL or not equals or value[-1:] != b"\n":
            return None
        try:
            records[key.decode()] = value[:-1].decode()
        except UnicodeDecodeError:
            return None
        data = data[length:]
    return records if records.get("size", "0").isdecimal() else None


def _padded(size: int) -> int:
    """Return a size in full blocks."""
    return size + -size % tarfile.BLOCKSIZE


def read_member(file: BinaryIO, member: Member) -> bytes:
    """Return the bytes of a member; fewer than its size if the file is cut off."""
    file.seek(member.start)
    data: bytes = file.read(member.size)
    return data

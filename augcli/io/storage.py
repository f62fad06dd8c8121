"""Paths and bytes on the disk: guarded reads, atomic writes, names that fit every file system.

Every `OSError` of the machine becomes a `StorageError` here, so that nothing above handles errnos.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from augcli.errors import OutputError, StorageError
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

PART_SUFFIX = ".part"
"""Ending of a file that is not finished; no finished file bears it."""

CLASSES, CARD, RECIPE = "classes.txt", "README.md", "augcli.json"
FAILURES, SUCCESS = "failures.jsonl", "_SUCCESS"
TABLES = ("metadata.parquet", "labels.csv")
ANNOTATIONS = "annotations.json"
ROOT_NAMES = frozenset([CLASSES, CARD, RECIPE, FAILURES, SUCCESS, ANNOTATIONS, *TABLES])
"""Files that stand beside the class folders of an output."""

WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
"""How unfinished files are opened: never through a link, which might lead out of DST."""

STEM_BYTES = 120
"""A stem longer than this is cut, so that class, operation and hash always fit into 255 bytes."""

FOLDER_BYTES = 255
"""What file systems take for one name."""

UNSAFE = re.compile(r"[/\\\x00-\x1f]")


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn an `OSError` into a `StorageError` that says what was being done."""
    try:
        yield
    except OSError as error:
        raise _storage_error(doing, error) from error


def read_unchanged(path: str, size: int, version: int) -> bytes:
    """Read a whole file that must still be the one that was listed.

    Args:
        path: The file.
        size: Bytes when it was listed.
        version: Modification time in nanoseconds when it was listed.

    Raises:
        StorageError: If it cannot be read or is no longer the same: a fault of the moment, not of the
            data, so nothing about it may be recorded.
    """
    # Plain system calls: a file object makes twice as many, and each one lets go of the interpreter's lock.
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            status = os.fstat(file)
            data = os.read(file, size + 1)
            while len(data) < size and (more := os.read(file, size + 1 - len(data))):
                data += more
        finally:
            os.close(file)
    except OSError as error:
        raise _storage_error(f"cannot read {path!r}", error) from error
    if status.st_size != size or status.st_mtime_ns != version or len(data) != size:
        raise StorageError(f"{path!r} changed since it was listed; run again")
    return data


def write_part(path: str, data: bytes) -> None:
    """Write a file under its unfinished name; `finish_part` gives it its own."""
    try:
        file = os.open(path + PART_SUFFIX, WRITE, 0o666)
        try:
            written = os.write(file, data)
            while written < len(data):  # one write may take less than all of it
                written += os.write(file, memoryview(data)[written:])
        finally:
            os.close(file)
    except OSError as error:
        raise _storage_error(f"cannot write {path!r}", error) from error


def finish_part(path: str) -> None:
    """Rename an unfinished file to its own name."""
    with storage_errors(f"cannot write {path!r}"):
        os.replace(path + PART_SUFFIX, path)  # noqa: PTH105 - called once per output


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Write a file whole or not at all, power loss included: yields the file under its unfinished name.

    What was written there is synced, then renamed, and its directory synced.
    """
    part = path.with_name(path.name + PART_SUFFIX)
    with storage_errors(f"cannot write {str(path)!r}"):
        try:
            with open(os.open(part, WRITE, 0o666), "wb") as file:  # noqa: PTH123 - a descriptor
                yield file
            _sync(part, os.O_RDWR)
            os.replace(part, path)  # noqa: PTH105 - as in `finish_part`, so that tests can let both fail
            if os.name != "nt":  # which opens no directories
                with _ignoring_refusal():
                    _sync(path.parent, os.O_RDONLY)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


Sink: TypeAlias = "Callable[[Path], AbstractContextManager[BinaryIO]]"
"""What gives a file to write to: `writing`, or a comparison with what stands there."""


def write_text(path: Path, text: str, sink: Sink = writing) -> None:
    """Write a UTF-8 text with LF line ends, whole or not at all."""
    with sink(path) as file:
        file.write(text.encode())


def hash_bytes(data: bytes) -> str:
    """Give the hash by which an output's files are known: BLAKE2b-128, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def make_directory(path: Path) -> None:
    """Make a directory and its parents where they do not exist."""
    with storage_errors(f"cannot make {str(path)!r}"):
        path.mkdir(parents=True, exist_ok=True)


def remove_file(path: Path) -> None:
    """Remove a file that may already be gone."""
    with storage_errors(f"cannot remove {str(path)!r}"):
        path.unlink(missing_ok=True)


def list_sizes(directory: Path) -> dict[str, int]:
    """Give the size of every file below a directory, by POSIX path relative to it; links are not followed.

    What another process removes meanwhile is left out, and so are pipes and devices: reading them need not
    end.
    """
    sizes: dict[str, int] = {}
    pending = [(str(directory), "")]
    with storage_errors(f"cannot list {str(directory)!r}"):
        while pending:
            path, below = pending.pop()
            with suppress(FileNotFoundError), os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, f"{below}{entry.name}/"))
                        continue
                    if not (entry.is_file(follow_symlinks=False) or entry.is_symlink()):
                        continue
                    with suppress(FileNotFoundError):
                        sizes[below + entry.name] = entry.stat(follow_symlinks=False).st_size
    return sizes


def check_apart(source: str | os.PathLike[str], destination: Path, name: str = "SRC") -> None:
    """Refuse a destination that is, holds, or lies in the source, which messages call `name`.

    Of a glob counts the directory that it starts with; below that may DST lie unless the glob has `**`.

    Raises:
        OutputError: If the two overlap.
    """
    fixed = Path(source)
    while glob.has_magic(str(fixed)) and not fixed.exists():
        fixed = fixed.parent
    is_deep = fixed == Path(source) or "**" in str(source)
    inner, outer = (
        Path(os.path.realpath(path)) for path in (fixed, destination)
    )  # links may lead in circles
    if inner == outer or outer in inner.parents or (is_deep and inner in outer.parents):
        there = f"{name} {str(source)!r} and DST {str(destination)!r}"
        raise OutputError(f"{there} overlap; give DST a place of its own")


def printable_key(key: str) -> str:
    """Give a key as valid UTF-8: bytes that are not, and percent signs beside them, percent-encoded."""
    try:
        key.encode()
    except UnicodeEncodeError:
        raw = os.fsencode(key)
        return "".join(
            _encode_byte(part) for part in raw.replace(b"%", b"%25").decode("utf-8", "surrogateescape")
        )
    return key


def safe_stem(name: str) -> str:
    """Make a file's stem from any name: no separators, no leading dot, at most 120 bytes of UTF-8."""
    stem = printable_key(name.rsplit("/", 1)[-1])
    stem = stem[: stem.rindex(".")] if "." in stem.lstrip(".") else stem
    return _cut(safe_folder(stem), STEM_BYTES) or "row"


def safe_folder(name: str) -> str:
    """Make a directory's name from a class name: what a path or a shell cannot hold is percent-encoded."""
    safe = UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    safe = "%2E" + safe[1:] if safe.startswith(".") else safe
    return (
        safe
        if len(safe.encode()) <= FOLDER_BYTES
        else f"{_cut(safe, FOLDER_BYTES - 17)}~{hash_key(name):016x}"
    )


def folder_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Name a folder for each class; where two would share one, or a file has the name, a hash is added."""
    safe = [safe_folder(name) or "%" for name in classes]
    counts = Counter(safe)
    return tuple(
        f"{folder}~{hash_key(name):016x}"
        if folder in ROOT_NAMES or (counts[folder] > 1 and folder != name)
        else folder
        for name, folder in zip(classes, safe, strict=True)
    )


@contextmanager
def _ignoring_refusal() -> Iterator[None]:
    """Go on where a file system cannot sync directories, as some of networks and of user space."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _sync(path: Path, flags: int) -> None:
    """Bring the bytes of a file, or the names in a directory, to the disk."""
    file = os.open(path, flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _storage_error(doing: str, error: OSError) -> StorageError:
    return StorageError(f"{doing}: {error.strerror or error}; free or repair it and run again")


def _encode_byte(char: str) -> str:
    code = ord(char)
    return f"%{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else char


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")

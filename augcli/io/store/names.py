"""How files of an output are named, such that every file system and every reader takes them."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from typing import TYPE_CHECKING

from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Sequence


PART_SUFFIX = ".part"
"""Ending of a file that is not finished; no finished file bears it."""


CLASSES, CARD, RECIPE = "classes.txt", "README.md", "augcli.json"


FAILURES, SUCCESS = "failures.jsonl", "_SUCCESS"


TABLES = ("metadata.parquet", "labels.csv")


ANNOTATIONS = "annotations.json"


ROOT_NAMES = frozenset([CLASSES, CARD, RECIPE, FAILURES, SUCCESS, ANNOTATIONS, *TABLES])
"""Files that stand beside the class folders of an output."""


STEM_BYTES = 120
"""A stem longer than this is cut, so that class, operation and hash always fit into 255 bytes."""


FOLDER_BYTES = 255
"""What file systems take for one name."""


UNSAFE = re.compile(r"[/\\\x00-\x1f]")


def hash_bytes(data: bytes) -> str:
    """Give the hash by which an output's files are known: BLAKE2b-128, hex."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


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


def _encode_byte(char: str) -> str:
    code = ord(char)
    return f"%{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else char


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")


PART_NAME = re.compile(r"\.augcli-(.+)\.parquet")


IMAGE_NAME = re.compile(r".+__.+-[0-9a-f]{16}\.(jpg|png|xml)(\.part)?")


SHARD_NAME = re.compile(r"[a-z]+-([01]+|all)(-[0-9]+)?\.parquet(\.part)?")
"""How every image, mask, file of boxes and shard of ours is named; other files are never touched."""


OTHERS = re.compile("|".join([PART_NAME.pattern, *map(re.escape, sorted(ROOT_NAMES))]))
"""How everything else of ours is named."""

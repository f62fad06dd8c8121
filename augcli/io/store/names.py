"""How files of an output are named, such that every file system and every reader takes them."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


UNFINISHED_SUFFIX = ".part"
"""Ending of a file that is not finished; no finished file bears it."""


CLASSES, CARD, RECIPE = "classes.txt", "README.md", "augcli.json"


FAILURES, WARNINGS, SUCCESS = "failures.jsonl", "warnings.jsonl", "_SUCCESS"


TABLES = ("metadata.parquet", "labels.csv")


ANNOTATIONS = "annotations.json"


INDEX = "_info.json"
"""Which tar files there are and how many samples each holds, as timm reads it."""


YOLO_IMAGES, YOLO_LABELS = "images/", "labels/"
"""Directories of images and of YOLO labels: a directory for each split in either."""


YOLO_CACHE = re.compile(rf"{YOLO_LABELS}[^/]+\.cache")
"""What Ultralytics writes beside labels when it reads them."""


DATA_YAML = "data.yaml"
"""What describes an output of YOLO labels, as Ultralytics reads it."""


ROOT_NAMES = frozenset([CLASSES, CARD, RECIPE, FAILURES, WARNINGS, SUCCESS, ANNOTATIONS, *TABLES])
"""Files that stand beside the class folders of an output."""


REPORT = "report.html"
"""What `augcli report` may write at the root of an output. No part of it: nothing promises or removes it."""


OWN_NAMES = ROOT_NAMES | {INDEX, DATA_YAML}
"""All files of ours whose names do not depend on what they hold."""


STEM_BYTES = 120
"""A stem longer than this is cut, so that class, operation and hash always fit into 255 bytes."""


CLASS_MEMBER, JSON_MEMBER, SOFT_MEMBER, MASK_MEMBER = "cls", "json", "soft.npy", "mask.png"
"""Suffixes of the members of a sample in a tar file, beside its image."""


CARRIED = "columns"
"""Field of the `json` of a sample that holds the columns carried along."""


MEMBER_BYTES, LONGEST_SUFFIX = 100, f".{MASK_MEMBER}"
"""What a plain header of a tar file takes for a name, and the longest of the suffixes that we write."""


FOLDER_BYTES = 255
"""What file systems take for one name."""


UNSAFE = re.compile(r"[/\\\x00-\x1f]")


def printable_key(key: str) -> str:
    """Return a key as valid UTF-8, no two keys alike.

    Bytes that are not UTF-8, and percent signs beside them, are percent-encoded. A name that is UTF-8 stays
    as it is, unless it reads like what another name is printed as: its percent signs are encoded then.
    """
    return key.replace("%", "%25") if _reads_like_encoded(key) else percent_encoded(key)


def percent_encoded(name: str) -> str:
    """Return a name as valid UTF-8: bytes that are not, and percent signs beside them, percent-encoded."""
    if _is_unicode(name):
        return name
    raw = os.fsencode(name).replace(b"%", b"%25")
    return "".join(map(_encode_byte, raw.decode("utf-8", "surrogateescape")))


def safe_stem(name: str) -> str:
    """Return a file's stem made from any name: no separators, no leading dot, at most 120 bytes of UTF-8."""
    stem = percent_encoded(name.rsplit("/", 1)[-1])
    stem = stem[: stem.rindex(".")] if "." in stem.lstrip(".") else stem
    return _cut(safe_folder(stem), STEM_BYTES) or "row"


def class_line(name: str) -> str:
    """Return a class name as a line of `classes.txt`."""
    return name.replace("\r", "%0D").replace("\n", "%0A")


def sample_key(stem: str, rest: str) -> str:
    """Return the key of a sample in a tar file: without dots, since the first one ends it for every reader.

    The stem is cut such that each name of a member holds in the 100 bytes of a plain header (USTAR).
    """
    return (_cut(stem, MEMBER_BYTES - len(LONGEST_SUFFIX) - len(rest.encode())) + rest).replace(".", "_")


def safe_folder(name: str) -> str:
    """Return a class name as a directory's: what a path or a shell cannot hold is percent-encoded."""
    safe = UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)
    safe = "%2E" + safe[1:] if safe.startswith(".") else safe
    return (
        safe
        if len(safe.encode()) <= FOLDER_BYTES
        else f"{_cut(safe, FOLDER_BYTES - 17)}~{hash_key(name):016x}"
    )


def folder_names(classes: Sequence[str]) -> tuple[str, ...]:
    """Return a folder's name for each class; a hash is added if two would share it, or a file has it."""
    safe = [safe_folder(name) or "%" for name in classes]
    counts = Counter(safe)
    return tuple(
        f"{folder}~{hash_key(name):016x}"
        if folder in ROOT_NAMES or (counts[folder] > 1 and folder != name)
        else folder
        for name, folder in zip(classes, safe, strict=True)
    )


def _is_unicode(text: str) -> bool:
    """True if a text can be written as UTF-8: bytes in names that are not UTF-8 are lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reads_like_encoded(key: str) -> bool:
    """True if a key is UTF-8, and reads like one that is not, percent-encoded once or more often."""
    text = key
    while "%" in text and _is_unicode(text):
        decoded = unquote(text, errors="surrogateescape")
        if decoded == text:
            return False
        if not _is_unicode(decoded):
            return percent_encoded(decoded) == text
        if decoded.replace("%", "%25") != text:
            return False
        text = decoded
    return False


def _encode_byte(char: str) -> str:
    code = ord(char)
    return f"%{code - 0xDC00:02X}" if 0xDC80 <= code <= 0xDCFF else char


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")


OWN_PREFIX = ".augcli"
"""What the names of part files, and of all else that only we read, begin with."""

PART_NAME = re.compile(r"\.augcli-(.+)\.parquet")
"""How part files are named; the group is the chunk's name."""

SEEN_NAME = re.compile(r"\.augcli-([^/]+)\.seen")
"""How the caches beside part files are named."""

DOCUMENTS_SEEN = ".augcli-documents.seen"
"""The cache of how long tables and documents are; no chunk is called so."""

PLAN_PREFIX = ".augcli-plan-"
PLAN_NAME = re.compile(re.escape(PLAN_PREFIX) + r"([0-9]+)-of-([0-9]+)")
"""How the plans of partitions are named: the number of the partition, from 0, and how many there are."""

SLICE_PREFIX = ".augcli-slice"
SLICES = f"{SLICE_PREFIX}s.json"
"""What says that DST was planned for partitions, and how many there are."""

SLICE_NAME = re.compile(re.escape(SLICE_PREFIX) + r"(s\.json|-[0-9]+-of-[0-9]+)")
"""How that is named, and the slice of the plan that each of them reads."""

PROBE_NAME = re.compile(r"\.augcli-probe-[0-9a-f]{8}")
"""How the files are named by which machines show that they see DST; a run removes its own."""

UNFINISHED = re.compile(rf"(.+?)(\.[0-9a-f]{{8}})?{re.escape(UNFINISHED_SUFFIX)}")
"""How unfinished files are named: an attempt's own eight digits stand behind the name that the file will
have. Earlier versions left them out."""

IMAGE_NAME = re.compile(r".+__.+-[0-9a-f]{16}\.(jpg|png|xml|txt)")
"""How every image, mask and file of the boxes of one image of ours is named."""

SHARD_NAME = re.compile(r"data/[a-z]+-([01]+|all)(-[0-9]+)?\.parquet|[a-z]+-[0-9]{6,}\.tar")
"""Where every shard of ours lies."""

OTHERS = re.compile(
    "|".join(
        [
            *(PART_NAME.pattern, SEEN_NAME.pattern, PLAN_NAME.pattern, SLICE_NAME.pattern),
            PROBE_NAME.pattern,
            *map(re.escape, sorted(OWN_NAMES | {REPORT})),
        ]
    )
)
"""How everything else of ours is named."""


def part_key(chunk: str) -> str:
    """Return the key of a chunk's part file."""
    return f".augcli-{chunk}.parquet"


def seen_key(chunk: str) -> str:
    """Return the key of the cache beside a chunk's part file."""
    return f".augcli-{chunk}.seen"


def plan_key(index: int, count: int) -> str:
    """Return the key of the plan of partition `index` of `count`."""
    return f"{PLAN_PREFIX}{index}-of-{count}"


def find_plans(keys: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the plans of partitions among some keys, each with its number and how many there are."""
    plans = (key for key in keys if key.startswith(PLAN_PREFIX))
    matches = ((key, PLAN_NAME.fullmatch(key)) for key in plans)
    return {key: (int(match[1]), int(match[2])) for key, match in matches if match}


def slice_key(index: int, count: int) -> str:
    """Return the key of the slice of the plan that partition `index` of `count` reads."""
    return f"{SLICE_PREFIX}-{index}-of-{count}"


def find_passing(keys: Iterable[str]) -> list[str]:
    """Return the files among some keys that stand until an output is closed, slices of the plan first."""
    slices = sorted(key for key in keys if key.startswith(SLICE_PREFIX) and SLICE_NAME.fullmatch(key))
    return [*reversed(slices), *find_plans(keys)]


def find_idle_caches(keys: Collection[str], outdated: Collection[str]) -> list[str]:
    """Return the caches among some keys whose chunks have no part file, or an outdated one."""
    kept = {*map(seen_key, part_names(keys).difference(outdated)), DOCUMENTS_SEEN}
    return sorted(key for key in keys if SEEN_NAME.fullmatch(key) and key not in kept)


def probe_key(nonce: str) -> str:
    """Return the key of a file by which machines show that they see DST."""
    return f".augcli-probe-{nonce}"


def part_names(keys: Iterable[str]) -> set[str]:
    """Return the names of the chunks whose part files are among some keys."""
    hidden = (key for key in keys if key.startswith(OWN_PREFIX))
    return {match[1] for key in hidden if (match := PART_NAME.fullmatch(key))}


def new_attempt() -> str:
    """Return what no other attempt's unfinished names bear."""
    return os.urandom(4).hex()


def unfinished_name(path: str, attempt: str) -> str:
    """Return the name of a file as long as it is not finished."""
    return f"{path}.{attempt}{UNFINISHED_SUFFIX}"


def is_unfinished(key: str) -> bool:
    """True if a file is an unfinished one of augcli, as a run that is killed leaves them."""
    match = UNFINISHED.fullmatch(key)
    if match is None:
        return PROBE_NAME.fullmatch(_name(key)) is not None
    return is_output(match[1]) or OTHERS.fullmatch(_name(match[1])) is not None


def is_output(key: str) -> bool:
    """True if a file bears the name of an image, a mask, a shard or a file of boxes of ours.

    Files of other names are never touched.
    """
    return IMAGE_NAME.fullmatch(_name(key)) is not None or SHARD_NAME.fullmatch(key) is not None


def _name(key: str) -> str:
    """Return the last part of a key."""
    return key.rpartition("/")[2]

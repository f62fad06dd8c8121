"""What the description of a YOLO data set says: a `data.yaml` of Ultralytics, or an `obj.data` of darknet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import InputError
from augcli.io.boxes.yolo_yaml import Value, parse_yaml
from augcli.io.encodings import explain_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPLIT_KEYS = {"train": "train", "val": "val", "validation": "val", "valid": "val", "test": "test"}
"""Keys that say where the images of a split are, and the split of each."""

USUAL_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""What descriptions are usually called."""

KNOWN_KEYS = frozenset([*SPLIT_KEYS, "path", "names", "nc", "kpt_shape", "flip_idx", "channels"])
UNREAD_KEYS = frozenset(["download", "yaml_file"])
"""What tells programs where to get a data set: nothing is ever downloaded, and nobody misses it."""

NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)

YAML_SIGNS = re.compile(rb"^(\xef\xbb\xbf)?['\"]?(train|val|names|nc)['\"]?[ \t]*:", re.MULTILINE)
DATA_SIGNS = re.compile(rb"^[ \t]*(train|valid|names|classes)[ \t]*=", re.MULTILINE)
"""What a description begins some of its lines with."""


class YoloSet(NamedTuple):
    """What describes a data set.

    Attributes:
        names: Names of the classes; empty where only their number is known, or not even that.
        class_count: How many classes there are; None if nothing says so.
        places: Where the images of each split are, by the split: directories, or lists of images.
        path: The directory below which these are.
        keypoints: How many keypoints an object has, and how many numbers each: 2, or 3 with its visibility.
        flip_idx: Which keypoint each becomes in a mirrored image.
        channels: Channels of the images; None if nothing says so.
        names_file: A file that holds the names, one a line; may be empty.
        unread: Keys that are not carried along.
    """

    names: tuple[str, ...] = ()
    class_count: int | None = None
    places: Mapping[str, tuple[str, ...]] = {}
    path: str = ""
    keypoints: tuple[int, int] | None = None
    flip_idx: tuple[int, ...] = ()
    channels: int | None = None
    names_file: str = ""
    unread: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return what is true of all labels, as `BoxHeader.keys` holds it."""
        said = {
            "kpt_shape": self.keypoints and list(self.keypoints),
            "flip_idx": list(self.flip_idx),
            "channels": self.channels,
        }
        return {key: value for key, value in said.items() if value}


def looks_described(name: str, data: bytes) -> bool:
    """True if a file that is found is taken for the description of a YOLO data set.

    A file called `data.yaml` needs one sign of being one; others need two, since `train:` stands in many.
    """
    is_darknet = name.endswith(".data")
    signs = {
        match[1 if is_darknet else 2] for match in (DATA_SIGNS if is_darknet else YAML_SIGNS).finditer(data)
    }
    if is_darknet or name in USUAL_NAMES:
        return bool(signs)
    return bool(signs & {b"train", b"val"}) and bool(signs & {b"names", b"nc"})


def read_description(name: str, data: bytes) -> YoloSet:
    """Read a `data.yaml`, or an `obj.data` of darknet.

    Raises:
        InputError: If it is not one; the message begins with a verb.
    """
    return _read_darknet(data) if name.endswith(".data") else _read_yaml(parse_yaml(data))


def _read_yaml(values: dict[str, Value]) -> YoloSet:
    if not {"names", "nc", *SPLIT_KEYS} & values.keys():
        raise InputError("must say `train`, `val` and `names`, and says none of them; give a data.yaml")
    places: dict[str, tuple[str, ...]] = {}
    for key, split in SPLIT_KEYS.items():
        if values.get(key) and split not in places:
            places[split] = _read_texts(values[key], key)
    count = _read_count(values["nc"], "nc") if values.get("nc") is not None else None
    names = _read_names(values.get("names"), count)
    keypoints = _read_keypoints(values.get("kpt_shape"))
    path, channels = values.get("path"), values.get("channels")
    if path is not None and not isinstance(path, str):
        raise InputError("must have a text as `path`: the directory that holds the data set")
    return YoloSet(
        names=names,
        class_count=len(names) or count,
        places=places,
        path=path or "",
        keypoints=keypoints,
        flip_idx=_read_flips(values.get("flip_idx"), keypoints),
        channels=None if channels is None else _read_count(channels, "channels"),
        unread=tuple(sorted(values.keys() - KNOWN_KEYS - UNREAD_KEYS)),
    )


def _read_texts(value: Value, key: str) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else [value]
    texts = tuple(entry for entry in entries if isinstance(entry, str))
    if len(texts) < len(entries):
        raise InputError(f"must have a path as `{key}`, or a list of paths")
    return texts


def _read_count(value: Value, key: str) -> int:
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise InputError(f"must have a whole number as `{key}`, got {str(value)[:40]!r}")
    return int(value)


def _read_names(value: Value, count: int | None) -> tuple[str, ...]:
    """Read the names of classes: a list, or a mapping of all numbers from 0 to names."""
    if value is None:
        return ()
    if isinstance(value, dict):
        numbers = [_read_count(key, "names") for key in value]
        if sorted(numbers) != list(range(len(numbers))):
            raise InputError(
                f"must name all classes from 0 to {len(numbers) - 1} in `names`, got {sorted(numbers)[:8]};"
                " number them without a gap, in the labels, too"
            )
        value = [name for _, name in sorted(zip(numbers, value.values(), strict=True))]
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InputError("must have a list of names as `names`, or a mapping of numbers to names")
    if count is not None and len(value) != count:
        raise InputError(f"says {count} classes as `nc`, but has {len(value)} `names`; correct one of them")
    return tuple(map(str, value))


def _read_keypoints(value: Value) -> tuple[int, int] | None:
    if value is None:
        return None
    numbers = [_read_count(number, "kpt_shape") for number in value] if isinstance(value, list) else []
    if len(numbers) != 2 or not 1 <= numbers[0] <= 1000 or numbers[1] not in (2, 3):
        raise InputError(
            "must have two numbers as `kpt_shape`: how many keypoints an object has, and 2 or 3 (x, y,"
            f" visibility) for each; got {str(value)[:40]}"
        )
    return numbers[0], numbers[1]


def _read_flips(value: Value, keypoints: tuple[int, int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    numbers = [_read_count(number, "flip_idx") for number in value] if isinstance(value, list) else []
    if keypoints is None or sorted(numbers) != list(range(keypoints[0])):
        raise InputError(
            "must have each keypoint of `kpt_shape` once in `flip_idx`, counted from 0, got"
            f" {str(value)[:40]}"
        )
    return tuple(numbers)


def _read_darknet(data: bytes) -> YoloSet:
    """Read `key = value` lines."""
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("must be UTF-8 text") from error
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    values = {key.strip(): value.strip() for key, _, value in pairs}
    places = {split: (values[key],) for key, split in SPLIT_KEYS.items() if values.get(key)}
    if not places:
        raise InputError("must say `train = ...`: the list of its images")
    count = _read_count(values["classes"], "classes") if values.get("classes") else None
    return YoloSet(class_count=count, places=places, names_file=values.get("names", ""))


def read_name_lines(data: bytes) -> tuple[str, ...]:
    """Return the names of a file that holds one a line; empty lines behind the last name do not count.

    Raises:
        InputError: If it is not UTF-8 text, or has an empty line between names: darknet and labelImg count
            it as a class, others do not, and each class behind it would be another one. The message begins
            with a verb, and has the cure.
    """
    try:
        lines: Sequence[str] = data.decode("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise InputError("; ".join(explain_encoding(data))) from error
    names = tuple(line.strip() for line in lines)
    if "" in names:
        raise InputError(
            f"must have a name in each line, and line {names.index('') + 1} is empty: classes behind it have"
            " one number if it counts as a class, as darknet has it, and another if it does not; write a"
            " name there, or remove the line"
        )
    return names

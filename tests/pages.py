"""What the pages for readers show: their blocks and commands, and a directory in which these are run.

The inputs that the pages name (`photos`, `shards`, `coco` and so on) are small copies of the sample data.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import signal
import sys
import tarfile
import warnings
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.cli import main
from tests import data_sets

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "augcli" / "guide"
README = ROOT / "README.md"
TOPICS = sorted(path.stem for path in GUIDE.glob("*.md"))
PAGES = {"README": README, **{topic: GUIDE / f"{topic}.md" for topic in TOPICS}}

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(augcli [^`]+)`")
PLACEHOLDERS = frozenset("SRC DST SHEET RECIPE TOPIC KEY A B".split())
"""Words that stand for a name of the reader's own: a command that has one is not run, only checked."""

CLASSES = ("dress", "hat", "shoes", "t-shirt")
IMAGES_OF_A_CLASS = 3
MANY_CLASSES = 300
SIZE = (48, 64)
"""Width and height of the small photos."""


class Block(NamedTuple):
    """A fenced block of a page: its language and its text."""

    language: str
    text: str


class Command(NamedTuple):
    """A command line of a page, and the exit code that its comment promises (`# exit 5`), else 0."""

    line: str
    exit_code: int

    @property
    def words(self) -> list[str]:
        """The arguments behind `augcli`."""
        return shlex.split(self.line, comments=True)[1:]

    @property
    def has_placeholder(self) -> bool:
        """True if a word stands for a name of the reader's own."""
        return not PLACEHOLDERS.isdisjoint(self.words)


def read_page(name: str) -> str:
    """Return the text of a page."""
    return PAGES[name].read_text("utf-8")


def find_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    return [Block(*found) for found in BLOCK.findall(text)]


def find_commands(block: Block) -> list[Command]:
    """Return the `augcli` lines of a shell block; a line that ends in a backslash goes on in the next."""
    lines = block.text.replace("\\\n", " ").splitlines()
    return [_read_command(line) for line in lines if line.lstrip().startswith("augcli ")]


def find_spans(text: str) -> list[Command]:
    """Return the commands that stand between backticks outside of blocks, as in tables."""
    return [_read_command(line) for line in SPAN.findall(BLOCK.sub("", text))]


def call_augcli(words: list[str]) -> int:
    """Run the command line in this process and return its exit code; what it changes is put back."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    finders = list(sys.meta_path)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sys, "argv", ["augcli", *words])
        patch.setenv("COLUMNS", "200")
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.meta_path[:] = finders
            for number, handler in signals.items():
                signal.signal(number, handler)
    return ended.value.code or 0


def run_blocks(blocks: list[Block]) -> dict[str, Any]:
    """Run blocks one after the other in the current directory.

    Shell: each `augcli` line, and its exit code. TOML: written to the file that its first line names. Python:
    executed, all blocks with the same names, which are returned.
    """
    names: dict[str, Any] = {}
    for language, text in blocks:
        if language == "sh":
            for command in find_commands(Block(language, text)):
                assert call_augcli(command.words) == command.exit_code, command.line
        elif language == "toml":
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text, "utf-8")
        elif language == "python":
            exec(text, names)
    return names


def _read_command(line: str) -> Command:
    promised = re.search(r"#.*\bexit (\d+)", line)
    return Command(line.strip(), int(promised[1]) if promised else 0)


# --- the inputs ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Photo:
    """A small photo: its class, its file name and its bytes."""

    label: str
    name: str
    data: bytes


def make_inputs(root: Path) -> Path:
    """Make every input that a page names below a directory."""
    photos = _small_photos()
    _write_classes(root / "photos", photos)
    for split, number in (("train", 0), ("val", 1), ("test", 2)):
        _write_classes(root / "splits" / split, photos[number::3])
    _write_flat(root, photos)
    _write_shard(root / "shards" / "train-00000-of-00001.parquet", photos)
    _write_shard(root / "split-shards" / "train-00000.parquet", photos[:8])
    _write_shard(root / "split-shards" / "test-00000.parquet", photos[8:])
    _write_tar(root / "wds" / "train-000000.tar", photos)
    _write_many(root / "many")
    _write_masks(root / "seg", photos)
    _write_boxes(root, photos)
    with chdir(root):
        for build in data_sets.BUILDERS:
            build()
    (root / "sample_data").symlink_to(ROOT / "sample_data")
    augcli.materialize(root / "photos", root / "mixed", {"op": [{"kind": "cutmix"}]}, workers=1)
    return root


def open_workspace(directory: Path, inputs: Path) -> Path:
    """Make a directory with links to the inputs, for commands that write beside them."""
    directory.mkdir()
    for path in inputs.iterdir():
        (directory / path.name).symlink_to(path)
    return directory


def _small_photos() -> list[Photo]:
    found = []
    for label in CLASSES:
        for path in sorted((ROOT / "sample_data" / "photos" / label).iterdir())[:IMAGES_OF_A_CLASS]:
            buffer = io.BytesIO()
            with Image.open(path) as image:
                image.resize(SIZE).save(buffer, "JPEG", quality=90)
            found.append(Photo(label, path.name, buffer.getvalue()))
    return found


def _write(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def _write_classes(root: Path, photos: list[Photo]) -> None:
    for photo in photos:
        _write(root / photo.label / photo.name, photo.data)


def _write_flat(root: Path, photos: list[Photo]) -> None:
    """Write flat folders: with a table beside it, with a table inside, and with tags (multi-hot)."""
    rows = "".join(f"{photo.name},{photo.label}\n" for photo in photos)
    for photo in photos:
        _write(root / "flat" / photo.name, photo.data)
        _write(root / "imagefolder" / photo.name, photo.data)
    _write(root / "labels.csv", f"file_name,label\n{rows}")
    _write(root / "imagefolder" / "metadata.csv", f"file_name,label\n{rows}")
    _write(root / "classes.txt", "".join(f"{name}\n" for name in CLASSES))
    tags = "".join(f"{photo.name},{int(photo.label != 'hat')},1\n" for photo in photos)
    _write(root / "tags.csv", f"file_name,p:worn on the body,p:clothing\n{tags}")


def _write_shard(path: Path, photos: list[Photo]) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": photo.data, "path": photo.name} for photo in photos], kind)
    labels = pa.array([CLASSES.index(photo.label) for photo in photos], pa.int64())
    features = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    text = json.dumps({"info": {"features": features}})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": images, "label": labels}, metadata={"huggingface": text}), path)


def _write_tar(path: Path, photos: list[Photo]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for photo in photos:
            label = str(CLASSES.index(photo.label)).encode()
            text = json.dumps({"label": photo.label}).encode()
            for suffix, data in (("jpg", photo.data), ("cls", label), ("json", text)):
                member = tarfile.TarInfo(f"{Path(photo.name).stem}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def _write_many(root: Path) -> None:
    """Write one image of each of 300 classes."""
    for number in range(MANY_CLASSES):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(_ready(root / f"class {number:03d}" / "0.png"))


def _write_masks(root: Path, photos: list[Photo]) -> None:
    for number, photo in enumerate(photos):
        mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
        mask[16:48, 12:36] = number % 4 + 1
        _write(root / "images" / photo.name, photo.data)
        Image.fromarray(mask).save(_ready(root / "masks" / photo.name).with_suffix(".png"))


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_boxes(root: Path, photos: list[Photo]) -> None:
    """Write one box an image, as a COCO file and as Pascal VOC XML."""
    images, boxes = [], []
    for number, photo in enumerate(photos, start=1):
        images.append({"id": number, "file_name": photo.name, "width": SIZE[0], "height": SIZE[1]})
        place = {"image_id": number, "category_id": 1 + CLASSES.index(photo.label), "bbox": [12, 16, 24, 32]}
        boxes.append({"id": number, "iscrowd": 0, "area": 768, **place})
        _write(root / "coco" / "images" / photo.name, photo.data)
        _write(root / "voc" / "JPEGImages" / photo.name, photo.data)
        size = f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>"
        box = "<bndbox><xmin>13</xmin><ymin>17</ymin><xmax>36</xmax><ymax>48</ymax></bndbox>"
        text = f"<object><name>{escape(photo.label)}</name>{box}</object>"
        xml = f"<annotation><filename>{photo.name}</filename>{size}{text}</annotation>\n"
        _write((root / "voc" / "Annotations" / photo.name).with_suffix(".xml"), xml)
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, start=1)]
    text = json.dumps({"images": images, "annotations": boxes, "categories": categories})
    _write(root / "coco" / "annotations.json", text)

"""Bench data: real photos repeated to N files in class folders, in one of several variants.

    python photos.py PHOTOS WORK --files 10000 --variant mixed

Repeats are hard links to one copy of each photo, so ten thousand files take the disk and page cache of
a few hundred; no program can tell them from separate files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import shutil
import tempfile
from itertools import chain, zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

SAMPLE_PHOTOS = Path(__file__).resolve().parents[2] / "sample_data" / "photos"
VARIANTS = ("mixed", "one-size", "large", "shards")
ONE_SIZE = (400, 533)  # width, height: the commonest size of the sample photos
LARGE_PIXELS, LARGE_PHOTOS = 9_000_000, 60
QUALITY = 95
SHARD_ROWS, GROUP_ROWS = 2000, 200


def make_photos(photos: Path, work: Path, variant: str, files: int, classes: int | None = None) -> Path:
    """Make a folder of exactly `files` images in class folders, unless it already stands.

    Args:
        photos: Folder `<class>/*.jpg`.
        work: Where the data goes.
        variant: `mixed`: the photos as they are; `one-size`: each resized once to 400 wide, 533 high;
            `large`: the first 60 enlarged to 9 megapixels; `shards`: `mixed` as parquet, in random order.
        files: Number of images; photos are taken in turn from each class and then repeated.
        classes: Only the first so many classes; None for all.

    Returns:
        The folder, named by its variant, size and photos: other photos make another folder.

    Raises:
        SystemExit: If there are no photos or a word is wrong.
    """
    if variant not in VARIANTS:
        raise SystemExit(f"unknown variant {variant!r}; known: {', '.join(VARIANTS)}")
    chosen = list_photos(photos, classes)[: LARGE_PHOTOS if variant == "large" else None]
    target = work / f"{variant}-{files}-{_fingerprint(chosen)}"
    if not target.exists():
        unfinished = _start_over(target)
        if variant == "shards":
            _shard(make_photos(photos, work, "mixed", files, classes), unfinished)
        else:
            _repeat(_prepare(chosen, work, variant), unfinished, files)
        unfinished.rename(target)
    return target


def make_parser(words: str | None, files: int) -> argparse.ArgumentParser:
    """Return a parser of what benches over such photos take: where they work, the photos, how many files."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "augcli-bench")
    parser.add_argument("--photos", type=Path, default=SAMPLE_PHOTOS)
    parser.add_argument("--files", type=int, default=files)
    return parser


def list_photos(photos: Path, classes: int | None = None) -> list[Path]:
    """List the photos, one of each class in turn, so that any prefix is spread over the classes."""
    folders = sorted(folder for folder in photos.iterdir() if folder.is_dir()) if photos.is_dir() else []
    columns = [sorted(path for path in folder.iterdir() if _is_jpeg(path)) for folder in folders]
    rows = zip_longest(*[column for column in columns if column][:classes])
    found = [path for path in chain.from_iterable(rows) if path is not None]
    if not found:
        raise SystemExit(f"no photos in {photos}; expected <class>/*.jpg, give another folder by --photos")
    return found


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg") and path.is_file()


def _fingerprint(chosen: list[Path]) -> str:
    names = "".join(f"{path.parent.name}/{path.name} {path.stat().st_size}\n" for path in chosen)
    return hashlib.blake2b(names.encode(), digest_size=4).hexdigest()


def _start_over(target: Path) -> Path:
    """Empty the place where `target` is built: a finished name is only ever given to a whole folder."""
    unfinished = target.with_name(target.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    return unfinished


def _prepare(chosen: list[Path], work: Path, variant: str) -> list[Path]:
    """Make one file per photo to link to, so that no link reaches the photos given."""
    masters = work / f"photos-{variant}-{_fingerprint(chosen)}"
    if not masters.exists():
        unfinished = _start_over(masters)
        for path in chosen:
            target = unfinished / path.parent.name / path.name
            target.parent.mkdir(exist_ok=True)
            if variant == "mixed":
                shutil.copyfile(path, target)
            else:
                _resize(path, target, variant)
        unfinished.rename(masters)
    return [masters / path.parent.name / path.name for path in chosen]


def _resize(path: Path, target: Path, variant: str) -> None:
    with Image.open(path) as image:
        scale = math.sqrt(LARGE_PIXELS / (image.width * image.height))
        large = (round(image.width * scale), round(image.height * scale))
        size = large if variant == "large" else ONE_SIZE
        resized = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    resized.save(target, "JPEG", quality=QUALITY, subsampling="4:2:0")


def _repeat(masters: list[Path], target: Path, files: int) -> None:
    for name in {master.parent.name for master in masters}:
        (target / name).mkdir()
    for number in range(files):
        master = masters[number % len(masters)]
        name = f"{master.stem}-{number // len(masters):04d}{master.suffix}"
        _link_or_copy(master, target / master.parent.name / name)


def _shard(folder: Path, target: Path) -> None:
    """Write a folder as shards with the columns that Hugging Face gives images and classes."""
    classes = sorted(path.name for path in folder.iterdir())
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    random.Random(0).shuffle(files)
    shards = -(-len(files) // SHARD_ROWS)
    for number in range(shards):
        mine = files[number * SHARD_ROWS : (number + 1) * SHARD_ROWS]
        images = [{"bytes": path.read_bytes(), "path": path.name} for path in mine]
        labels = pa.array([classes.index(path.parent.name) for path in mine], pa.int64())
        names = {"label": {"names": classes, "_type": "ClassLabel"}, "image": {"_type": "Image"}}
        metadata = {"huggingface": json.dumps({"info": {"features": names}})}
        table = pa.table({"image": images, "label": labels}).replace_schema_metadata(metadata)
        name = f"train-{number:05d}-of-{shards:05d}.parquet"
        pq.write_table(table, target / name, row_group_size=GROUP_ROWS)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # no hard links here, or the file system's bound of links per file
        shutil.copyfile(source, target)


def main() -> None:
    """Make one variant and print where it stands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?", default=SAMPLE_PHOTOS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--variant", choices=VARIANTS, default="mixed")
    arguments = parser.parse_args()
    print(make_photos(arguments.photos, arguments.work, arguments.variant, arguments.files))


if __name__ == "__main__":
    main()

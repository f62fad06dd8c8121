"""Measure what boxes, polygons and run lengths cost: runs with them against the same run without.

    python tests/benchmarks/annotations.py [--work DIR] [--photos DIR] [--files 2000] [--each 19]

CPU time of whole processes, of all their workers; the kinds alternate, and figures are medians of the rounds'
own ratios. Polygons have 32 corners, as the objects of COCO have on average.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from photos import make_parser, make_photos
from PIL import Image

from augcli.io.boxes.coco_rle import encode_runs
from augcli.program.run_lengths import Block, pack

KINDS = ("boxes", "polygons", "run lengths", "keypoints")
OPERATIONS = ("cutmix", "mixup", "patch-cutout")
CORNERS, ROUNDS, CATEGORIES = 32, 5, 20


def make_annotations(images: Path, kind: str, each: int) -> dict[str, Any]:
    """Return a COCO file of one kind: so many objects in each image, of about a twentieth of its area."""
    draws = random.Random(1)
    listed, entries = [], []
    for number, path in enumerate(sorted(images.rglob("*.jpg"))):
        with Image.open(path) as image:
            width, height = image.size
        listed.append(
            {"id": number, "file_name": str(path.relative_to(images)), "height": height, "width": width}
        )
        for _ in range(each):
            points = _draw_polygon(draws, height, width)
            entries.append(
                {"id": len(entries) + 1, "image_id": number, **_describe(points, kind, height, width)}
            )
            entries[-1]["category_id"] = draws.randrange(CATEGORIES)
    categories = [{"id": number, "name": f"c{number}"} for number in range(CATEGORIES)]
    return {"images": listed, "annotations": entries, "categories": categories}


def _draw_polygon(draws: random.Random, height: int, width: int) -> list[tuple[float, float]]:
    radius = min(height, width) * draws.uniform(0.03, 0.25)
    x, y = draws.uniform(radius, width - radius), draws.uniform(radius, height - radius)
    angles = [2 * math.pi * corner / CORNERS for corner in range(CORNERS)]
    reaches = [radius * draws.uniform(0.7, 1) for _ in angles]
    return [
        (round(x + reach * math.cos(angle), 2), round(y + reach * math.sin(angle), 2))
        for angle, reach in zip(angles, reaches, strict=True)
    ]


def _describe(points: list[tuple[float, float]], kind: str, height: int, width: int) -> dict[str, Any]:
    xs, ys = zip(*points, strict=True)
    x0, y0 = min(xs), min(ys)
    entry: dict[str, Any] = {"bbox": [x0, y0, round(max(xs) - x0, 2), round(max(ys) - y0, 2)], "iscrowd": 0}
    if kind == "boxes":
        return entry
    entry["area"] = round(
        sum(a * d - b * c for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True)) / 2, 2
    )
    if kind == "keypoints":
        entry["keypoints"] = [value for x, y in points[:17] for value in (round(x), round(y), 2)]
    elif kind == "polygons":
        entry["segmentation"] = [[value for point in points for value in point]]
    else:
        rows, columns = np.indices((int(max(ys) - y0) + 1, int(max(xs) - x0) + 1))
        middle = (rows.shape[0] / 2, rows.shape[1] / 2)
        disc = ((rows - middle[0]) / middle[0]) ** 2 + ((columns - middle[1]) / middle[1]) ** 2 < 1
        runs = pack(Block(int(y0), int(x0), disc), (height, width), True).runs
        entry["segmentation"] = {"size": [height, width], "counts": encode_runs(runs)}
    return entry


def measure(images: Path, work: Path, operation: str, boxes: Path | None) -> float:
    """Return the CPU time of a run and its workers, in seconds."""
    dst = work / "out"
    shutil.rmtree(dst, ignore_errors=True)
    given = [] if boxes is None else ["--boxes", str(boxes)]
    command = [sys.executable, "-m", "augcli", operation, *given, "--quiet", str(images), str(dst)]
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user + after.children_system) - (before.children_user + before.children_system)


def compare(images: Path, work: Path, operation: str, files: dict[str, Path]) -> Iterator[tuple[str, float]]:
    """Yield each kind with the median of its ratios to the run without."""
    ratios: dict[str, list[float]] = {kind: [] for kind in files}
    for _ in range(ROUNDS):
        base = measure(images, work, operation, None)
        for kind, file in files.items():
            ratios[kind].append(measure(images, work, operation, file) / base)
    for kind, own in ratios.items():
        yield kind, median(own)


def main() -> None:
    """Print a table."""
    parser = make_parser(__doc__, files=2000)
    parser.add_argument("--each", type=int, default=19)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    images = make_photos(given.photos, given.work, "mixed", given.files)
    files = {kind: given.work / f"{kind}.json" for kind in KINDS}
    for kind, file in files.items():
        file.write_text(json.dumps(make_annotations(images, kind, given.each)))
    print(f"CPU time of {given.files} photos with {given.files * given.each} objects, over that without:\n")
    print(f"| operation | {' | '.join(KINDS)} |\n|---|{'---:|' * len(KINDS)}")
    for operation in OPERATIONS:
        ratios = [f"{ratio:.2f}" for _, ratio in compare(images, given.work, operation, files)]
        print(f"| {operation} | {' | '.join(ratios)} |")


if __name__ == "__main__":
    main()

"""Measure fills against the JPEG encoding of what they give, and the batch functions against copying.

    python tests/benchmarks/arrays.py

Everything runs in turn, in one process and one go; figures are medians of the rounds' own ratios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import simplejpeg

import augcli
from augcli.datatypes import Box, Colour, Fill, Normal, Shape, Uniform
from augcli.kernels import cpu
from augcli.kernels.table import tabulate

ROUNDS = 15
HEIGHT, WIDTH = 500, 400
FILLS = {
    "one colour": Colour(1, 2, 3),
    "random": Uniform(5),
    "normal": Normal(5, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def measure(programs: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Time each program once per round, one after the other; the first round, which compiles, is left out."""
    spent: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS + 1):
        for name, program in programs.items():
            start = time.perf_counter()
            program()
            spent[name].append(time.perf_counter() - start)
    return {name: times[1:] for name, times in spent.items()}


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Give the median over the rounds of a program's time over another's."""
    return median(one / other for one, other in zip(times[name], times[base], strict=True))


def measure_fills() -> None:
    """Print each fill of a whole frame as a share of the encoding of the frame that it gives."""
    print(f"\n| fill of {WIDTH}x{HEIGHT} RGB | share of its JPEG encoding (quality 95, 4:2:0) |\n|---|---:|")
    for name, fill in FILLS.items():
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        table = tabulate((Fill(Box(0, 0, HEIGHT, WIDTH), fill),), Shape.of(image), [])
        encode = partial(simplejpeg.encode_jpeg, image, 95, "RGB", "420", fastdct=False)
        times = measure({"fill": partial(cpu.apply, table, [], image), "encode": encode})
        print(f"| {name} | {ratio(times, 'fill', 'encode'):.2f} |")


def measure_batches() -> None:
    """Print the batch functions as multiples of copying the images."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (256, 224, 224, 3), np.uint8)
    labels = generator.integers(0, 10, 256)
    drawn = augcli.cutmix(images, labels, num_classes=10)
    injected = {"boxes": drawn.boxes, "indices": drawn.indices}
    holes = augcli.cutout(images).boxes
    programs: dict[str, Callable[[], object]] = {
        "copy": images.copy,
        "cutmix": lambda: augcli.cutmix(images, labels, num_classes=10),
        "cutmix, injected": lambda: augcli.cutmix(images, labels, num_classes=10, **injected),
        "mixup": lambda: augcli.mixup(images, labels, num_classes=10),
        "cutout": lambda: augcli.cutout(images),
        "cutout, injected": lambda: augcli.cutout(images, boxes=holes),
        "erase": lambda: augcli.erase(images),
        "patch_cutout": lambda: augcli.patch_cutout(images),
    }
    times = measure(programs)
    print(f"\n| {images.shape} uint8 | time over `images.copy()` |\n|---|---:|")
    for name in programs:
        print(f"| {name} | {ratio(times, name, 'copy'):.2f} |")


if __name__ == "__main__":
    measure_fills()
    measure_batches()

"""Measure fills against the JPEG encoding of what they give, and the batch functions against copying.

    python tests/benchmarks/arrays.py

Everything runs in turn, in one process and one go; figures are medians of the rounds' own ratios.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, TypeAlias

import numpy as np
import simplejpeg

import augcli
from augcli.kernels import cpu
from augcli.kernels.table import tabulate
from augcli.program.steps import Box, Fill, Normal, Uniform
from augcli.samples import Colour, Shape

Images: TypeAlias = np.ndarray[Any, Any]
ROUNDS = 15
HEIGHT, WIDTH = 500, 400
CLASSES = 10
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


def numpy_cutmix(images: Images, labels: Images, generator: np.random.Generator) -> tuple[Images, Images]:
    """CutMix as one writes it with NumPy: a permutation, a box for each image, one-hot labels mixed."""
    count, height, width = images.shape[:3]
    partners, out = generator.permutation(count), images.copy()
    kept = np.empty(count)
    for n, lam in enumerate(generator.beta(1.0, 1.0, count)):
        cut = np.sqrt(1 - lam)
        half_height, half_width = int(height * cut) // 2, int(width * cut) // 2
        y, x = generator.integers(height), generator.integers(width)
        y0, y1 = max(y - half_height, 0), min(y + half_height, height)
        x0, x1 = max(x - half_width, 0), min(x + half_width, width)
        out[n, y0:y1, x0:x1] = images[partners[n], y0:y1, x0:x1]
        kept[n] = 1 - (y1 - y0) * (x1 - x0) / (height * width)
    return out, _mix_one_hot(labels, partners, kept)


def numpy_mixup(images: Images, labels: Images, generator: np.random.Generator) -> tuple[Images, Images]:
    """Mixup as one writes it with NumPy: in float32, rounded back to bytes."""
    partners, lam = generator.permutation(len(images)), generator.beta(1.0, 1.0, len(images))
    weight = lam.astype(np.float32)[:, None, None, None]
    mixed = images * weight + images[partners] * (1 - weight)
    return np.rint(mixed).astype(np.uint8), _mix_one_hot(labels, partners, lam)


def numpy_cutout(images: Images, generator: np.random.Generator) -> Images:
    """Cutout as one writes it with NumPy."""
    height, width = images.shape[1:3]
    out, half = images.copy(), height // 4
    for image in out:
        y, x = generator.integers(height), generator.integers(width)
        image[max(y - half, 0) : y + half, max(x - half, 0) : x + half] = 0
    return out


def _mix_one_hot(labels: Images, partners: Images, kept: Images) -> Images:
    one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
    return one_hot * kept[:, None] + one_hot[partners] * (1 - kept[:, None])


def torchvision_programs(images: Images, labels: Images) -> dict[str, Callable[[], object]]:
    """Give what torchvision does to a batch: nothing where it is not installed."""
    if importlib.util.find_spec("torchvision") is None:
        print("torchvision is left out; for it run: pip install torch==2.14.1 torchvision==0.29.1")
        return {}
    import torch
    from torchvision.transforms import v2

    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    classes = torch.from_numpy(labels)
    cutmix, mixup = v2.CutMix(num_classes=CLASSES), v2.MixUp(num_classes=CLASSES)
    floats = batch.to(torch.float32)  # v2.MixUp takes floating-point images
    return {
        "torchvision cutmix": lambda: cutmix(batch, classes),
        "torchvision mixup": lambda: mixup(floats, classes),
    }


def measure_batches() -> None:
    """Print the batch functions against copying the images, and against NumPy and torchvision."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (256, 224, 224, 3), np.uint8)
    labels = generator.integers(0, CLASSES, len(images))
    drawn = augcli.cutmix(images, labels, num_classes=CLASSES)
    blended = augcli.mixup(images, labels, num_classes=CLASSES)
    holes = augcli.cutout(images).boxes
    programs: dict[str, Callable[[], object]] = {
        "copy": images.copy,
        "cutmix": lambda: augcli.cutmix(images, labels, num_classes=CLASSES),
        "cutmix, injected": lambda: augcli.cutmix(
            images, labels, num_classes=CLASSES, boxes=drawn.boxes, indices=drawn.indices
        ),
        "mixup": lambda: augcli.mixup(images, labels, num_classes=CLASSES),
        "mixup, injected": lambda: augcli.mixup(
            images, labels, num_classes=CLASSES, lam=blended.lam, indices=blended.indices
        ),
        "cutout": lambda: augcli.cutout(images),
        "cutout, injected": lambda: augcli.cutout(images, boxes=holes),
        "erase": lambda: augcli.erase(images),
        "patch_cutout": lambda: augcli.patch_cutout(images),
        "NumPy cutmix": lambda: numpy_cutmix(images, labels, generator),
        "NumPy mixup": lambda: numpy_mixup(images, labels, generator),
        "NumPy cutout": lambda: numpy_cutout(images, generator),
        **torchvision_programs(images, labels),
    }
    times = measure(programs)
    print(f"\n| {images.shape} uint8 | time over `images.copy()` | NumPy ÷ this | torchvision ÷ this |")
    print("|---|---:|---:|---:|")
    for name in (name for name in programs if name[0].islower() and not name.startswith("torchvision")):
        peers = (f"NumPy {name}", f"torchvision {name}")
        cells = [f"{ratio(times, peer, name):.1f}" if peer in times else "" for peer in peers]
        print(f"| {name} | {ratio(times, name, 'copy'):.2f} | {cells[0]} | {cells[1]} |")


if __name__ == "__main__":
    measure_fills()
    measure_batches()

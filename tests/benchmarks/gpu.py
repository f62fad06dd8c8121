"""The GPU backend on a real device: its tests, then its speed beside a copy there and the kernels of the CPU.

`make test-gpu` runs it. Without a device it says what is missing and exits with 77, as what is skipped does.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from photos import SAMPLE_PHOTOS, make_photos

import augcli
from augcli.kernels import cpu, devices, gpu
from augcli.kernels.table import tabulate_batch
from augcli.program.steps import Blend, Box, Fill, Normal, Paste, Uniform
from augcli.samples import Colour, Shape

SKIPPED = 77
COUNT, HEIGHT, WIDTH = 512, 533, 400
WHOLE = Box(0, 0, HEIGHT, WIDTH)
HALF = Box(0, 0, HEIGHT, WIDTH // 2)
PROGRAMS = {
    "fill, all": ((Fill(WHOLE, Colour(1, 2, 3)),), 2.0),
    "random, all": ((Fill(WHOLE, Uniform(5)),), 2.0),
    "normal, all": ((Fill(WHOLE, Normal(5, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),), 2.0),
    "paste, half": ((Paste(HALF, 0),), 2.5),
    "stretch, half": ((Paste(HALF, 0, Box(0, 0, HEIGHT // 2, WIDTH // 3)),), 2.0 + 0.5 / 3),
    "blend, all": ((Blend(WHOLE, 30000, 0),), 3.0),
}
"""Programs, and how often each moves an image's bytes: base and partner read, output written."""

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "cutmix": lambda images: augcli.cutmix(images).images,
    "mixup": lambda images: augcli.mixup(images, alpha=1.0).images,
    "cutout": lambda images: augcli.cutout(images).images,
    "erase": lambda images: augcli.erase(images).images,
    "patch_cutout": lambda images: augcli.patch_cutout(images).images,
}
FILES, ROUNDS, RECIPE = 2400, 3, {"op": [{"kind": "cutmix"}]}


class Speed(NamedTuple):
    """Median seconds of a batch: on the device, from the host's memory and back, and by the CPU's kernels."""

    name: str
    device: float
    staged: float
    host: float


def main() -> int:
    """Test and measure; gives the exit code."""
    state = devices.find_state()
    if state.problem:
        print(f"skipped, not passed: {state.problem}")
        return SKIPPED
    print(f"{state.devices[0].name}, CuPy {state.cupy}, CUDA {state.driver}")
    code = pytest.main(["-m", "gpu", "tests/kernels"])
    if code == 0:
        measure_steps()
        measure_functions()
        measure_runs()
    return int(code)


def make_images() -> Any:
    """Give a batch of noise."""
    return np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH, 3), np.uint8)


def measure_steps() -> tuple[float, list[Speed]]:
    """Print and give the seconds of a copy on the device, and of each kind of step on all images."""
    cupy, images = devices.usable_cupy(), make_images().reshape(-1)
    sources = cupy.asarray(images)
    out, made, wanted = cupy.empty_like(sources), np.empty_like(images), np.empty_like(images)
    shapes = np.tile([HEIGHT, WIDTH, 3], (COUNT, 1)).astype(np.int64)
    partners = np.roll(np.arange(COUNT), -1)[:, None]
    copy, speeds = time_it(cupy, lambda: cupy.copyto(out, sources)), []
    rate = 2 * images.nbytes / copy / 1e9
    print(f"\n{COUNT} images of {HEIGHT}x{WIDTH}x3; a copy on the device: {rate:.0f} GB/s")
    print(
        f"| step | device ms | GB/s | of a copy | from the host ms | CPU ms, {cpu.count_threads()} threads |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for name, (program, moved) in PROGRAMS.items():
        table, first = tabulate_batch(
            [program] * COUNT, [Shape(HEIGHT, WIDTH)] * COUNT, [[(HEIGHT, WIDTH)]] * COUNT
        )
        call = (table, first, partners, shapes)
        speed = Speed(
            name,
            time_it(cupy, lambda call=call: gpu.apply_batch(*call, sources, out)),
            time_it(cupy, lambda call=call: gpu.apply_batch(*call, images, made)),
            time_it(cupy, lambda call=call: cpu.apply_batch(*call, images, wanted)),
        )
        if not np.array_equal(out.get(), wanted) or not np.array_equal(made, wanted):
            raise SystemExit(f"{name}: device and CPU differ")
        rate, share = moved * images.nbytes / speed.device / 1e9, copy / speed.device
        print(f"| {name} | {1e3 * speed.device:.2f} | {rate:.0f} | {share:.2f} ", end="")
        print(f"| {1e3 * speed.staged:.1f} | {1e3 * speed.host:.1f} |")
        speeds.append(speed)
    return copy, speeds


def measure_functions() -> list[Speed]:
    """Print and give the seconds of the Python functions, their planning included; nothing is staged."""
    cupy, images, speeds = devices.usable_cupy(), make_images(), []
    on_device = cupy.asarray(images)
    print(f"\n| function | CuPy ms | NumPy ms, {cpu.count_threads()} threads |\n|---|---:|---:|")
    for name, function in FUNCTIONS.items():
        device = time_it(cupy, lambda function=function: function(on_device))
        host = time_it(cupy, lambda function=function: function(images))
        print(f"| {name} | {1e3 * device:.1f} | {1e3 * host:.1f} |")
        speeds.append(Speed(name, device, 0.0, host))
    return speeds


def measure_runs() -> list[tuple[str, int, list[float], list[float]]]:
    """Print and give images per second of whole runs on the CPU and on the GPU, in turn.

    On the CPU workers are processes for folders and threads for shards, on the GPU threads for both.
    """
    rows = []
    print(f"\n| CutMix of {FILES} photos | workers | CPU images/s | GPU images/s |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as work:
        for variant, form in (("mixed", "folder"), ("shards", "shards")):
            photos = make_photos(SAMPLE_PHOTOS, Path(work), variant, FILES)
            for workers in sorted({4, len(os.sched_getaffinity(0))}):
                rates: dict[str, list[float]] = {"cpu": [], "gpu": []}
                for number in range(ROUNDS + 1):  # the first one loads and compiles
                    for backend, held in rates.items():
                        target = Path(work, f"{form}-{workers}-{number}-{backend}")
                        start = time.perf_counter()
                        augcli.materialize(photos, target, RECIPE, backend=backend, workers=workers)
                        held += [FILES / (time.perf_counter() - start)] * (number > 0)
                medians = [statistics.median(held) for held in rates.values()]
                print(f"| {form} | {workers} | {medians[0]:.0f} | {medians[1]:.0f} |")
                rows.append((form, workers, rates["cpu"], rates["gpu"]))
    return rows


def time_it(cupy: Any, work: Callable[[], object]) -> float:
    """Give the median seconds of nine calls, the device's work included; the first ones warm up."""
    spent = []
    for _ in range(12):
        start = time.perf_counter()
        work()
        cupy.cuda.get_current_stream().synchronize()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[3:])


if __name__ == "__main__":
    sys.exit(main())

"""The GPU backend on a real device: its tests, then how near it comes to the device's bandwidth.

`make test-gpu` runs it. Without a device it says what is missing and exits with 77, as what is skipped does.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from augcli.kernels import gpu
from augcli.kernels.table import tabulate_batch
from augcli.program.steps import Blend, Box, Fill, Paste
from augcli.samples import Colour, Shape

SKIPPED = 77
COUNT, HEIGHT, WIDTH = 512, 533, 400
WHOLE = Box(0, 0, HEIGHT, WIDTH)
HALF = Box(0, 0, HEIGHT, WIDTH // 2)
PROGRAMS = {
    "fill, all": ((Fill(WHOLE, Colour(1, 2, 3)),), 2.0),
    "paste, half": ((Paste(HALF, 0),), 2.5),
    "blend, all": ((Blend(WHOLE, 30000, 0),), 3.0),
}
"""Programs, and how often each moves an image's bytes: base and partner read, output written."""


def main() -> int:
    """Test and measure; gives the exit code."""
    state = gpu.find_state()
    if state.problem:
        print(f"skipped, not passed: {state.problem}")
        return SKIPPED
    print(f"{state.devices[0].name}, CuPy {state.cupy}, CUDA {state.driver}")
    code = pytest.main(["-m", "gpu", "tests/kernels"])
    if code == 0:
        measure()
    return int(code)


def measure() -> None:
    """Print bytes a second of each kind of step, and of a copy on the device."""
    cupy = gpu.usable_cupy()
    sources = cupy.zeros(COUNT * HEIGHT * WIDTH * 3, np.uint8)
    out = cupy.empty_like(sources)
    shapes = np.tile([HEIGHT, WIDTH, 3], (COUNT, 1)).astype(np.int64)
    partners = np.roll(np.arange(COUNT), -1)[:, None]
    copy = time_it(cupy, lambda: cupy.copyto(out, sources))
    print(f"copy          {2 * sources.nbytes / copy / 1e9:7.0f} GB/s")
    for name, (program, moved) in PROGRAMS.items():
        table, first = tabulate_batch(
            [program] * COUNT, [Shape(HEIGHT, WIDTH)] * COUNT, [[(HEIGHT, WIDTH)]] * COUNT
        )
        call = (table, first, partners, shapes, sources, out)
        spent = time_it(cupy, lambda call=call: gpu.apply_batch(*call))
        print(f"{name:13} {moved * sources.nbytes / spent / 1e9:7.0f} GB/s, {copy / spent:.2f} of a copy")


def time_it(cupy: Any, work: Callable[[], None]) -> float:
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

"""The steps on an NVIDIA GPU, by CuPy; equal to `reference` bit for bit.

`steps.cu` makes all images of a batch in one launch. Arrays of the host are staged: while one part of a batch
is at work on the device, the next one is gathered in page-locked memory and copied there. CuPy arrays stay
where they are.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from augcli.kernels.devices import import_cupy
from augcli.kernels.table import IMAGE, OUTPUT, Table, declare_c, join_tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy.typing import NDArray

    from augcli.kernels.table import Work
    from augcli.samples import Pixels

THREADS, PIXELS, MOST_BLOCKS = 256, 8, 1 << 16
"""Threads of a block, pixels that each of them makes one after the other, and blocks of a launch at most."""

OPTIONS = ("--std=c++17",)
"""Of the compiler. All arithmetic is on integers, so that none of its liberties with floats matters."""

MEMORY_PARTS, MOST_BYTES = 8, 32 << 20
"""A part of a batch takes one of so many parts of the device's free memory at most, and so many bytes.

Two parts are on their way at once; the page-locked memory that they take is kept for the next ones.
"""


def source() -> str:
    """Return the kernels as CUDA C++: what they share with Python, then `steps.cu`."""
    shared = declare_c() + f"const int PIXELS = {PIXELS};\n"
    return shared + (files("augcli.kernels") / "steps.cu").read_text("utf-8")


def apply(table: Table, partners: Sequence[Pixels], image: Pixels) -> None:
    """Apply a program to an image of the host in place; arguments as for `reference.apply`."""
    apply_many([(table, partners, image)])


def apply_many(works: Sequence[Work]) -> None:
    """Apply programs to images of the host in place, all of one depth together.

    An image may be a partner of those before it in the row, as in a walk along a ring: it is read for them
    before it is changed.
    """
    for dtype in sorted({image.dtype for _, _, image in works}, key=str):
        of_type = [work for work in works if work[2].dtype == dtype]
        images = [image for _, _, image in of_type]
        known = {id(image): index for index, image in enumerate(images)}
        slots = max(len(partners) for _, partners, _ in of_type)
        others = np.zeros((len(of_type), slots), np.int64)
        for index, (_, partners, _) in enumerate(of_type):
            for slot, partner in enumerate(partners):
                if id(partner) not in known:
                    known[id(partner)] = len(images)
                    images.append(partner)
                others[index, slot] = known[id(partner)]
        table, first = join_tables([table for table, _, _ in of_type])
        cupy = import_cupy()
        shapes = np.array([image.shape for image in images], np.int64)
        flat = [image.reshape(-1) for image in images]
        _apply_staged(cupy, _upload(cupy, table), _Batch(first, others, shapes), flat, flat)


def apply_batch(
    table: Table,
    first: NDArray[np.int64],
    partners: NDArray[np.int64],
    shapes: NDArray[np.int64],
    sources: Any,
    out: Any,
) -> None:
    """Apply a program to each of the first images of a batch.

    Args:
        table: Steps of all outputs, made by `tabulate_batch`.
        first: (N + 1,): the steps of output n are `first[n]..first[n + 1] - 1`.
        partners: (N, slots): which images are the partners of output n; its base is image n.
        shapes: (M, 3), M >= N: height, width and channels of each image.
        sources: (values,) uint8 or uint16: all images one after the other, of NumPy or CuPy; not changed.
        out: (values,): the outputs one after the other, of the same kind; written.
    """
    cupy = import_cupy()
    batch, on_device = _Batch(first, partners, shapes), _upload(cupy, table)
    if isinstance(sources, cupy.ndarray):
        work = batch.gather(0, len(first) - 1, np.arange(len(shapes)))
        _launch(cupy, on_device, work, sources, out)
        return
    ends = np.cumsum(batch.sizes).tolist()
    images, outputs = (
        [flat[start:stop] for start, stop in zip([0, *ends], ends, strict=False)] for flat in (sources, out)
    )
    _apply_staged(cupy, on_device, batch, images, outputs)


class _Work(NamedTuple):
    """Some outputs, as the kernel takes them.

    Attributes:
        images: IMAGE of each image in the buffer.
        outputs: OUTPUT of each output.
        partners: (outputs, slots): places of their partners in `images`.
        pixels: Pixels of all outputs.
    """

    images: NDArray[np.void]
    outputs: NDArray[np.void]
    partners: NDArray[np.int64]
    pixels: int


class _Batch(NamedTuple):
    """A batch; see `apply_batch`."""

    first: NDArray[np.int64]
    partners: NDArray[np.int64]
    shapes: NDArray[np.int64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Values of each image."""
        return self.shapes.prod(axis=1)

    def needed(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the numbers of the images that some outputs are made from, ascending."""
        return np.unique(np.concatenate([np.arange(start, stop), self.partners[start:stop].ravel()]))

    def gather(self, start: int, stop: int, needed: NDArray[np.int64]) -> _Work:
        """Describe outputs `start..stop - 1`; of the images, `needed` lie one after the other."""
        sizes = self.sizes[needed]
        images = np.zeros(len(needed), IMAGE)
        images["offset"] = np.cumsum(sizes) - sizes
        for index, name in enumerate(("height", "width", "channels")):
            images[name] = self.shapes[needed, index]
        values, pixels = self.shapes[start:stop].prod(axis=1), self.shapes[start:stop, :2].prod(axis=1)
        outputs = np.zeros(stop - start, OUTPUT)
        outputs["base"] = np.searchsorted(needed, np.arange(start, stop))
        outputs["offset"], outputs["pixel"] = np.cumsum(values) - values, np.cumsum(pixels) - pixels
        outputs["first"], outputs["last"] = self.first[start:stop], self.first[start + 1 : stop + 1]
        partners = np.searchsorted(needed, self.partners[start:stop]).astype(np.int64)
        return _Work(images, outputs, partners, int(pixels.sum()))

    def cut(self, limit: int) -> list[tuple[int, int]]:
        """Cut the outputs into parts (start, stop) of at most `limit` values, but at least one output."""
        sizes = self.sizes
        weights = 2 * sizes[: len(self.partners)] + sizes[self.partners].sum(axis=1)
        cuts, start, values = [], 0, 0
        for index, weight in enumerate(weights.tolist()):
            if values + weight > limit and index > start:
                cuts.append((start, index))
                start, values = index, 0
            values += weight
        return [*cuts, (start, len(weights))] if len(weights) else []


def _apply_staged(
    cupy: ModuleType, table: list[Any], batch: _Batch, sources: Sequence[Any], outs: Sequence[Any]
) -> None:
    """Make a batch of the host in parts, of which two are on the device at once.

    Args:
        cupy: CuPy.
        table: The table on the device.
        batch: The batch.
        sources: (values,) of each image.
        outs: (values,) of each output; they may be the sources.
    """
    cupy.cuda.get_current_stream().synchronize()  # the lanes do not wait for the table by themselves
    free, _ = cupy.cuda.runtime.memGetInfo()
    limit = max(min(free // MEMORY_PARTS, MOST_BYTES) // sources[0].itemsize, 1)
    idle = _idle_lanes(cupy, cupy.cuda.runtime.getDevice())
    lanes = [_take_lane(cupy, idle), _take_lane(cupy, idle)]
    pending = batch.cut(limit)[::-1]
    try:
        while pending:
            start, stop = pending.pop()
            lanes.append(lanes.pop(0))
            try:
                lanes[-1].send(table, batch, start, stop, sources, outs)
            except cupy.cuda.memory.OutOfMemoryError:
                for lane in lanes:  # lanes under way give their memory back
                    lane.finish()
                cupy.get_default_memory_pool().free_all_blocks()
                if stop - start == 1:
                    raise
                middle = (start + stop) // 2
                pending += [(middle, stop), (start, middle)]
    finally:
        for lane in lanes:
            lane.finish()
    idle += lanes


@cache
def _idle_lanes(cupy: ModuleType, device: int) -> list[_Lane]:
    """Return the lanes of a device that nobody uses now.

    They are used again, since CuPy keeps the memory of each stream for that stream alone: with new streams
    for each batch, 21 GB were held after 240 batches of 20 MB (H200).
    """
    return []


def _take_lane(cupy: ModuleType, idle: list[_Lane]) -> _Lane:
    """Take an idle lane, or make one; other threads may take one at the same time."""
    try:
        return idle.pop()
    except IndexError:
        return _Lane(cupy)


class _Lane:
    """One of two ways to the device: its stream, and its page-locked memory, which copies run from and to."""

    def __init__(self, cupy: ModuleType) -> None:
        self._cupy, self._stream = cupy, cupy.cuda.Stream(non_blocking=True)
        self._held: list[Any] = []
        self._made: Any = None
        self._targets: Sequence[Any] = ()

    def send(
        self,
        table: list[Any],
        batch: _Batch,
        start: int,
        stop: int,
        sources: Sequence[Any],
        outs: Sequence[Any],
    ) -> None:
        """Copy what some outputs are made from to the device, make them, and have them copied back."""
        import cupyx

        self.finish()
        needed, dtype = batch.needed(start, stop), sources[0].dtype
        work = batch.gather(start, stop, needed)
        staged = cupyx.empty_pinned(int(batch.sizes[needed].sum()), dtype)
        np.concatenate([sources[index] for index in needed.tolist()], out=staged)
        count = int(batch.sizes[start:stop].sum())
        with self._stream:
            staged_on_device = self._cupy.empty(staged.shape, dtype)
            staged_on_device.set(staged, stream=self._stream)
            made = self._cupy.empty(count, dtype)
            parts = _launch(self._cupy, table, work, staged_on_device, made)
            back = cupyx.empty_pinned(count, dtype)
            made.get(stream=self._stream, out=back, blocking=False)
        self._held, self._made, self._targets = (
            [staged, staged_on_device, made, parts],
            back,
            outs[start:stop],
        )

    def finish(self) -> None:
        """Wait for what was sent, and give its outputs."""
        if self._made is None:
            return
        self._stream.synchronize()
        start = 0
        for target in self._targets:
            target[...] = self._made[start : start + target.size]
            start += target.size
        self._held, self._made, self._targets = [], None, ()


def _upload(cupy: ModuleType, table: Table) -> list[Any]:
    """Copy a table to the device, on the current stream."""
    return [cupy.asarray(_bytes(part)) for part in table]


def _launch(cupy: ModuleType, table: list[Any], work: _Work, sources: Any, out: Any) -> list[Any]:
    """Start the kernel on the current stream; gives what must live until it is done."""
    parts = [cupy.asarray(_bytes(part)) for part in work[:3]]
    images, outputs, partners = parts
    function = _function(cupy.cuda.runtime.getDevice(), 8 * sources.dtype.itemsize)
    blocks = min(max(-(-work.pixels // (THREADS * PIXELS)), 1), MOST_BLOCKS)
    counts = np.int32(len(work.outputs)), np.int32(work.partners.shape[1])
    arguments = (*table, images, outputs, counts[0], partners, counts[1], np.int64(work.pixels), sources, out)
    function((blocks,), (THREADS,), arguments)
    return parts


@cache
def _function(device: int, depth: int) -> Any:
    """Compile the kernel of a depth for a device: once, and kept on disk by CuPy."""
    return import_cupy().RawModule(code=source(), options=OPTIONS).get_function(f"apply_programs_{depth}")


def _bytes(part: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an array as bytes, at least one: devices know neither structured types nor empty memory."""
    return np.ascontiguousarray(part).reshape(-1).view(np.uint8) if part.size else np.zeros(1, np.uint8)

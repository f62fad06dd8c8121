"""The loaded samples around a position: what is read and decoded, and when it is let go."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from augcli.errors import DecodeError
from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.limits import Limits
from augcli.pipeline.plan.rings import Ring
from augcli.pipeline.worker.loader import Loader
from augcli.pipeline.worker.values import Stopwatch
from augcli.pipeline.worker.window import Window
from augcli.recipe import Recipe

COUNT = 8
PIXELS = 6 * 5 * 3


def encode(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


FLAT = [encode(np.full((6, 5, 3), number, np.uint8)) for number in range(COUNT)]
TORN = encode(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))[:-200]
"""Its header is whole, its pixels are not."""


class Files:
    """Encoded images by number, that count how often they are read."""

    def __init__(self, bad=(), torn=()):
        self.data = [b"no image" if n in bad else TORN if n in torn else FLAT[n] for n in range(COUNT)]
        self.reads, self.released = [], []

    def read_ahead(self, samples):
        return len(samples)

    def read(self, sample):
        self.reads.append(sample)
        return self.data[sample], f"{sample}.jpg"

    def hash_columns(self, sample):
        return b""

    def release(self, sample):
        self.released.append(sample)


def open_window(files, start=0, stop=COUNT, reach=1, reuses=True, shifts=range(1, COUNT), **limits):
    loader = Loader(files, Recipe(), None, None, reuses, Stopwatch())
    members = np.arange(COUNT)
    ring = Ring(members, members.astype(np.uint64), shifts)
    return Window(Arc(ring, start, stop), loader, reach, replace(Limits(), **limits))


def test_many_files_are_read_in_a_row_but_not_beyond_the_arc():
    files = Files()
    window = open_window(files, 1, 6, read_ahead=3)
    assert (window.read_ahead(1), files.reads) == (4, [1, 2, 3])
    assert (window.read_ahead(4), files.reads) == (6, [1, 2, 3, 4, 5])


def test_reading_ahead_ends_after_so_many_bytes():
    assert open_window(Files(), read_ahead_bytes=1).read_ahead(0) == 1


def test_a_sample_is_read_and_decoded_once():
    files = Files()
    window = open_window(files)
    assert window.decode(window.open(2)) is window.decode(window.open(2))
    assert (window.decode(window.open(2))[0, 0, 0], files.reads) == (2, [2])


def test_who_fails_raises_why_each_time():
    window = open_window(Files(torn=[2]))
    for _ in range(2):
        with pytest.raises(DecodeError, match="cannot be decoded"):
            window.decode(window.open(2))
    assert (window.surprises, window.open(2).failure[0]) == (1, "decode")


def test_what_is_let_go_is_gone_whoever_holds_it():
    window = open_window(Files())
    loaded = window.open(2)
    window.decode(window.open(2))
    window.release(2)
    assert (loaded.pixels, loaded.buffer, loaded.data) == (None, None, b"")
    assert window.open(2) is not loaded


def test_memory_is_used_again_unless_outputs_wait():
    for reuses in (True, False):
        window = open_window(Files(), reuses=reuses)
        first = window.decode(window.open(0))
        window.release(0)
        assert np.may_share_memory(first, window.decode(window.open(1))) == reuses


def test_the_first_positions_may_be_wanted_by_another_task():
    files = Files()
    window = open_window(files, 2, COUNT, reach=2)
    for position in range(2, COUNT):
        window.release(position)
    assert files.released == [4, 5, 6, 7]


def test_beyond_the_bound_the_farthest_images_are_decoded_again():
    files = Files()
    window = open_window(files, held_bytes=2 * PIXELS)
    for position in range(COUNT):
        window.check(window.open(position))
    decoded = [position for position in range(COUNT) if window.open(position).pixels is not None]
    assert len(decoded) == 2
    assert [int(window.decode(window.open(position))[0, 0, 0]) for position in range(5)] == [0, 1, 2, 3, 4]
    assert sorted(files.reads) == list(range(COUNT))

"""Making outputs: in which order, in which memory, and what becomes of failures."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from augcli.errors import DecodeError
from augcli.io.images import codec
from augcli.kernels.backends import Backend
from augcli.pipeline.worker.maker import Maker
from augcli.pipeline.worker.values import Loaded, Made, OutputPlan, Stopwatch
from augcli.program.steps import Box, Fill, Patches
from augcli.recipe import Recipe
from augcli.samples import Colour

RECIPE = Recipe(image_format="png")
PNG = codec.Encoding("png", 95, "420")
WHOLE = Box(0, 0, 2, 2)
HEADER = codec.Header("PNG", 2, 2, 1, False, False, None, None, None, True, True, 1, 8)


def add_one(table, partners, pixels):
    """Change every pixel, so that a test sees what was read before."""
    pixels += 1 + sum(int(partner[0, 0, 0]) for partner in partners)


def make_maker(together=1, applied=None):
    def apply_many(works):
        if applied is not None:
            applied.append(len(works))
        for work in works:
            add_one(*work)

    many = apply_many if together > 1 else None
    return Maker(RECIPE, Backend("test", lambda: add_one, True, many), together, Stopwatch())


def load(value):
    return Loaded(value, header=HEADER, pixels=np.full((2, 2, 1), value, np.uint8))


def output(base, partners=(), is_last=True, copy=0, area=WHOLE):
    work = (None, [partner.pixels for partner in partners], base.pixels)
    plan = OutputPlan(copy, True, (Fill(area, Colour(0, 0, 0)),))
    return Made(base, plan, encoding=PNG, work=work, is_last=is_last)


def level(made):
    data = codec.decode(made.data, codec.read_header(made.data, 100))
    assert (data == data[0, 0, 0]).all()
    return int(data[0, 0, 0])


@pytest.mark.parametrize("together", [1, 3])
def test_only_the_last_output_changes_its_base(together):
    maker, base = make_maker(together), load(5)
    for copy in range(3):
        maker.add(output(base, is_last=copy == 2, copy=copy))
        assert base.pixels[0, 0, 0] == (6 if copy == 2 else 5)
    assert [level(made) for made in maker.take()] == [6, 6, 6]


@pytest.mark.parametrize(
    "area", [Box(0, 1, 2, 2), Box(0, 0, 1, 2), Patches(1, 1, bytes([0, 1, 0, 0])), WHOLE]
)
def test_copies_find_their_base_as_it_was(area):
    base, seen = load(5), []
    wanted = np.full((2, 2), 5, np.uint8)
    wanted[area.covers(np.arange(2), np.arange(2), 2, 2)] = 6

    def apply(table, partners, pixels):
        seen.append(pixels[..., 0].copy())
        pixels[area.covers(np.arange(2), np.arange(2), 2, 2)] += 1

    maker = Maker(RECIPE, Backend("test", lambda: apply, True), 1, Stopwatch())
    for copy in range(3):
        maker.add(output(base, is_last=copy == 2, copy=copy, area=area))
    for made in maker.take():
        data = codec.decode(made.data, codec.read_header(made.data, 100))
        np.testing.assert_array_equal(data[..., 0], wanted)
    assert all((pixels == 5).all() for pixels in seen)


@pytest.mark.parametrize("together", [1, 2, 4, 9])
def test_a_partner_is_read_before_its_own_output_is_made(together):
    samples = [load(10 * number) for number in range(1, 6)]
    maker = make_maker(together)
    for base, partner in itertools.pairwise(samples):
        maker.add(output(base, [partner]))
    maker.finish()
    assert [level(made) for made in maker.take()] == [31, 51, 71, 91]


def test_a_base_that_cannot_be_written_to_is_copied():
    base = load(5)
    base.pixels.flags.writeable = False
    maker = make_maker()
    maker.add(output(base))
    assert (level(maker.take()[0]), base.pixels[0, 0, 0]) == (6, 5)


def test_an_unchanged_output_is_encoded_before_a_later_one_changes_its_pixels():
    base, maker = load(5), make_maker(9)
    maker.add(Made(base, OutputPlan(-1), encoding=PNG, pixels=base.pixels))
    maker.add(output(base))
    maker.finish()
    assert [level(made) for made in maker.take()] == [5, 6]


def test_a_file_that_is_kept_is_not_encoded():
    made = Made(load(5), OutputPlan(0), data=b"file", suffix="jpg", height=1, width=2)
    maker = make_maker()
    maker.add(made)
    assert maker.take() == [made]
    assert (made.data, made.suffix) == (b"file", "jpg")


def test_outputs_wait_until_there_are_enough():
    applied = []
    maker = make_maker(3, applied)
    for number in range(7):
        maker.add(output(load(number)))
    assert applied == [3, 3]
    maker.finish()
    assert applied == [3, 3, 1]
    assert [made.base.sample for made in maker.take()] == list(range(7))


def test_a_sample_of_which_outputs_wait_is_not_given_yet():
    maker, first, second = make_maker(3), load(1), load(2)
    maker.add(output(first))
    for copy in range(3):
        maker.add(output(second, is_last=copy == 2, copy=copy))
    assert [made.base for made in maker.take()] == [first]  # made are `first` and two of `second`
    maker.finish()
    assert [made.base for made in maker.take()] == [second] * 3


def test_a_failure_keeps_its_place_among_what_waits():
    maker, good, bad = make_maker(9), load(1), Loaded(2)
    maker.add(output(good))
    maker.add(Made(bad, OutputPlan(0), failure=("read", DecodeError("empty file"))))
    assert maker.take() == []
    maker.finish()
    assert [made.base for made in maker.take()] == [good, bad]


def test_what_cannot_be_encoded_fails(monkeypatch):
    def fail(*_):
        raise DecodeError("cannot be encoded", "too wide")

    monkeypatch.setattr(codec, "encode", fail)
    maker = make_maker()
    maker.add(output(load(1)))
    (made,) = maker.take()
    assert (made.failure[0], made.failure[1].reason) == ("encode", "cannot be encoded")

"""Fields: what is read from text, what is refused, and what is written back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from augcli.errors import UsageError
from augcli.options import (
    Bounds,
    Channels,
    Size,
    Span,
    WholeSpan,
    check_fields,
    option,
    option_fields,
    read_channels,
    read_colour,
    read_length,
    read_quality,
    read_size,
    read_span,
    read_whole_span,
)
from augcli.samples import Colour

READ = [
    (read_span, "0.1:0.5", Span(0.1, 0.5), "0.1:0.5"),
    (read_span, "2", Span(2.0, 2.0), "2.0"),
    (read_span, 0.25, Span(0.25, 0.25), "0.25"),
    (read_span, (0.02, 1 / 3), Span(0.02, 1 / 3), "0.02:0.3333333333333333"),
    (read_span, [1, 2], Span(1.0, 2.0), "1.0:2.0"),
    (read_whole_span, "1:3", WholeSpan(1, 3), "1:3"),
    (read_whole_span, 2, WholeSpan(2, 2), "2"),
    (read_length, "16", WholeSpan(16, 16), "16"),
    (read_length, 16, WholeSpan(16, 16), "16"),
    (read_length, "8:16", WholeSpan(8, 16), "8:16"),
    (read_length, "0.5", Span(0.5, 0.5), "0.5"),
    (read_length, "1.0", Span(1.0, 1.0), "1.0"),
    (read_length, 1.0, Span(1.0, 1.0), "1.0"),
    (read_length, "0.25:0.5", Span(0.25, 0.5), "0.25:0.5"),
    (read_size, "224", Size(224, 224), "224x224"),
    (read_size, 224, Size(224, 224), "224x224"),
    (read_size, "240x320", Size(240, 320), "240x320"),
    (read_size, "1X2", Size(1, 2), "1x2"),
    (read_size, "16,8", Size(16, 8), "16x8"),
    (read_size, [16, 8], Size(16, 8), "16x8"),
    (read_quality, "keep", "keep", "keep"),
    (read_quality, "7", 7, "7"),
    (read_quality, 90, 90, "90"),
    (read_colour, "white", Colour(255, 255, 255), "255,255,255"),
    (read_colour, "gray", Colour(128, 128, 128), "128,128,128"),
    (read_colour, "1, 2,3", Colour(1, 2, 3), "1,2,3"),
    (read_colour, "9", Colour(9, 9, 9), "9,9,9"),
    (read_colour, 9, Colour(9, 9, 9), "9,9,9"),
    (read_colour, [1, 2, 3], Colour(1, 2, 3), "1,2,3"),
    (read_channels, "0.5,0.25,1", Channels(0.5, 0.25, 1.0), "0.5,0.25,1.0"),
    (read_channels, 0.5, Channels(0.5, 0.5, 0.5), "0.5,0.5,0.5"),
]


@pytest.mark.parametrize(("read", "given", "value", "text"), READ)
def test_what_is_written_is_read(read, given, value, text):
    assert read(given) == value
    assert str(value) == text
    assert read(text) == value
    assert read(value) == value


REFUSED = [
    (
        read_span,
        ["0.5:0.1", "1:2:3", "a", "", "0.1:", ":", None, True, [1, 2, 3], {}, [True], "１", 10**400],
        "a number or LO:HI",
    ),
    (
        read_whole_span,
        ["3:1", "1.5", "-1", "", "1:2:3", 1.5, None, True, "１", 10**9],
        "a whole number or LO:HI",
    ),
    (
        read_length,
        ["8:0.5", "0.5:8", "0", 0, "0.0", "1.5", "-0.5", "0.5:0.25", "nan", "x", True],
        "pixels .* or a share",
    ),
    (
        read_size,
        ["0", "224x", "x224", "-3", "2.5", "0x4", "", "1x2x3", 0, 2.5, None, True],
        "height and width",
    ),
    (read_quality, ["0", "101", "best", "", 0, 2.5, None, True], r"keep or 1\.\.100"),
    (
        read_colour,
        ["red", "1,2", "256", "-1", "1,2,3,4", "", 256, 0.5, None, (1, 2), b"abc"],
        "black, white, gray",
    ),
    (
        read_channels,
        ["0.5,0.5", "1.5", "-0.1", "nan", "x", "", None, "1,1,1,1", True, 10**400],
        r"one number or r,g,b in 0\.\.1",
    ),
]


@pytest.mark.parametrize(
    ("read", "given", "message"), [(read, one, message) for read, many, message in REFUSED for one in many]
)
def test_what_cannot_be_read_is_refused(read, given, message):
    with pytest.raises(ValueError, match=message):
        read(given)


@dataclass(frozen=True)
class Parent:
    shade: Colour = option("black", "A shade.", read=read_colour)


@dataclass(frozen=True)
class Child(Parent):
    share: Span = option("0.5", "A share.", Bounds(0, 1), read=read_span)
    limit: int | None = option(None, "A limit.", Bounds(1, 9))

    def __post_init__(self):
        check_fields(self, "child")


@dataclass(frozen=True)
class Numbers:
    share: float = option(0.5, "A share.", Bounds(0, 1))
    count: int | None = option(None, "A count.")

    def __post_init__(self):
        check_fields(self, "numbers")


def test_equal_numbers_become_one_value():
    for given in (1, 1.0, np.float32(1), np.int64(1)):
        assert repr(Numbers(share=given)) == "Numbers(share=1.0, count=None)"
    assert repr(Numbers(count=np.int64(3))) == "Numbers(share=0.5, count=3)"
    assert read_whole_span(np.int64(3)) == WholeSpan(3, 3)


def test_numbers_that_no_float_holds_are_refused():
    for huge in (10**400, -(10**5000)):  # of the latter Python prints no digits
        with pytest.raises(
            UsageError, match=r"^numbers: share must be >= 0 and <= 1, got an integer of \d+ bits$"
        ):
            Numbers(share=huge)


def test_own_fields_come_before_inherited_ones():
    assert [one.name for one in option_fields(Child)] == ["share", "limit", "shade"]


def test_values_are_read_when_their_owner_is_made():
    child = Child(share="0.1:0.2")
    assert (child.share, child.limit, child.shade) == (Span(0.1, 0.2), None, Colour(0, 0, 0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": "0.5:2"}, "child: share must be >= 0 and <= 1, got '0.5:2'"),
        ({"share": 7}, "child: share must be >= 0 and <= 1, got 7"),
        ({"share": "2:1"}, "child: share must be a number or LO:HI with LO <= HI, got '2:1'"),
        ({"share": None}, "child: share must be a number or LO:HI with LO <= HI, got None"),
        (
            {"shade": "1,2"},
            "child: shade must be black, white, gray, one number or r,g,b in 0..255, got '1,2'",
        ),
        ({"limit": 0}, "child: limit must be >= 1 and <= 9, got 0"),
        ({"limit": "3"}, "child: limit must be of type int | None, got '3'"),
        ({"limit": 10**400}, "child: limit must be >= 1 and <= 9, got an integer of 1329 bits"),
        ({"share": "1" * 999}, f"child: share must be >= 0 and <= 1, got '{'1' * 199}..."),
    ],
)
def test_a_value_that_is_not_accepted_is_named(given, message):
    with pytest.raises(UsageError) as caught:
        Child(**given)
    assert str(caught.value) == message

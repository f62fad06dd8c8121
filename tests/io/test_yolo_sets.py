"""Descriptions of YOLO data sets: what is taken for one, and what it says."""

from __future__ import annotations

import pytest

from augcli.errors import InputError
from augcli.io.boxes.yolo_sets import looks_described, read_description, read_name_lines


def test_a_usual_name_needs_one_sign_and_others_need_two():
    assert looks_described("data.yaml", b"names: [cat]\n")
    assert not looks_described("other.yaml", b"names: [cat]\n")
    assert looks_described("other.yaml", b"names: [cat]\ntrain: images\n")


def test_of_two_keys_of_one_split_the_first_known_one_counts():
    description = read_description("data.yaml", b"valid: c\nval: b\ntrain: a\nnames: [cat]\n")
    assert description.places == {"train": ("a",), "val": ("b",)}


def test_an_empty_first_line_of_names_is_refused_and_those_at_the_end_do_not_count():
    assert read_name_lines(b"cat\ndog\n\n") == ("cat", "dog")
    with pytest.raises(InputError, match="line 1 is empty"):
        read_name_lines(b"\ncat\n")

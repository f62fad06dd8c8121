"""YAML as far as a data.yaml needs it: what is read, what is refused, and what is written."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import InputError
from augcli.io.boxes.yolo_yaml import parse_yaml, write_yaml


def test_scalars_stay_what_was_written():
    text = b"nc: 3\nnames: [no, 007, 1.50, 'x y', 2020-01-01]\npath:\n"
    assert parse_yaml(text) == {"nc": "3", "names": ["no", "007", "1.50", "x y", "2020-01-01"], "path": None}


def test_mappings_in_both_styles_are_read():
    expected = {"names": {"0": "a", "1": "b"}}
    assert parse_yaml(b"names:\n  0: a\n  1: b\n") == expected
    assert parse_yaml(b"names: {0: a, 1: b}") == expected


def test_byte_order_mark_and_windows_line_ends_are_read():
    assert parse_yaml(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n") == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"a: &x [1]\nb: *x\n", "line 2 repeats what is called &x"),
        (b"a: !!python/object/apply:os.system ['true']", "line 1 has the tag"),
        (b"a: !x 1", "line 1 has the tag '!x'"),
        (b"a: 1\nb: 2\na: 3\n", "line 3 has the key 'a' again"),
        (b"? [a]\n: 1", "line 1 must have a text as key"),
        (b"- a\n- b\n", "must be a mapping of keys to values"),
        (b"just words", "must be a mapping of keys to values"),
        (b"", "must be a mapping of keys to values"),
        (b"a: [1", "cannot be parsed"),
        (b"a: \xff", "cannot be parsed"),
        (b"\x00", "cannot be parsed"),
        (b'a: "\\ud800"', "line 1"),
        (b"a: " + b"[" * 30, "nested more than 20 levels deep"),
    ],
)
def test_what_is_not_plain_is_refused(text, why):
    with pytest.raises(InputError) as caught:
        parse_yaml(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        b"a: " + b"[" * 500_000,
        b"".join(b"%s? " % (b" " * i) for i in range(1000)),
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"b%d: &b%d [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" % (i, i) for i in range(30)),
        b"x: " + b"y" * 2_000_000,
    ],
    ids=["deep lists", "deep keys", "billion laughs", "huge"],
)
def test_hostile_files_end_soon(text):
    start = time.process_time()
    with pytest.raises(InputError):
        parse_yaml(text)
    assert time.process_time() - start < 5


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NASTY = (
    "no",
    "y",
    "~",
    "1e3",
    "0x1f",
    "1:30",
    "- a",
    "#x",
    "a: b",
    "a\nb",
    "\u2028",
    "\x85",
    "😀\n",
    "",
    " a ",
)


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_written_such_that_it_is_read_as_that_text(text):
    written = write_yaml({"names": {0: text}, "list": [text, 3]})
    assert yaml.safe_load(written) == {"names": {0: text}, "list": [text, 3]}
    assert parse_yaml(written.encode())["names"] == {"0": text}


@pytest.mark.slow
@given(TEXTS)
def test_texts_survive_writing_and_reading(text):
    assert yaml.safe_load(write_yaml({"names": {0: text}})) == {"names": {0: text}}


def test_names_that_are_plain_words_have_no_quotes():
    assert write_yaml({"path": ".", "names": {0: "traffic light"}}) == "path: .\nnames:\n  0: traffic light\n"

"""A sink that compares: what differs, from which byte on, and that nothing is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.io.store.base import write_text
from augcli.io.store.local import LocalStore
from augcli.io.writers.comparison import Comparison, Difference


@pytest.fixture
def compare(tmp_path):
    """Return a comparison with the files of a directory."""

    def begin():
        return Comparison(LocalStore(str(tmp_path)), {path.name for path in tmp_path.iterdir()})

    return begin


def explain(comparison, key, place):
    """Return what is said of a file that differs from a byte on."""
    comparison.differing = {key: place}
    (difference,) = comparison.explain()
    return difference


@pytest.mark.parametrize(
    ("standing", "text", "differing"),
    [
        ("abc", "abc", {}),
        ("", "", {}),
        ("abc", "abd", {"a.txt": 2}),
        ("abc", "xbc", {"a.txt": 0}),
        ("ab", "abc", {"a.txt": 2}),
        ("abc", "ab", {"a.txt": 2}),
        ("", "a", {"a.txt": 0}),
        ("a", "", {"a.txt": 0}),
    ],
)
def test_the_first_byte_that_differs_is_given(compare, tmp_path, standing, text, differing):
    (tmp_path / "a.txt").write_text(standing)
    comparison = compare()
    write_text(comparison, "a.txt", text)
    assert comparison.differing == differing
    assert (tmp_path / "a.txt").read_text() == standing


def test_a_file_that_is_not_there_has_no_place(compare, tmp_path):
    comparison = compare()
    write_text(comparison, "none", "text")
    assert comparison.differing == {"none": None}
    assert list(comparison.explain()) == [Difference("none", "it is missing")]
    assert list(tmp_path.iterdir()) == []


def test_many_small_writes_count_on(compare, tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    comparison = compare()
    with comparison.writing("a") as file:
        for piece in (b"012", b"345", b"6X89", b"more"):
            assert file.write(piece) == len(piece)
    assert comparison.differing == {"a": 7}


def test_parquet_is_compared_as_it_is_written(compare, tmp_path):
    table = pa.table({"x": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")
    for other, differing in ((table, set()), (pa.table({"x": [1, 2, 4]}), {"a.parquet"})):
        comparison = compare()
        with comparison.writing("a.parquet") as file:
            pq.write_table(other, file)
        assert comparison.differing.keys() == differing


def test_a_difference_in_a_text_is_shown_by_its_line(compare, tmp_path):
    (tmp_path / "a.csv").write_text("one\ntwo\nthree\n")
    what = "line 2 is not what the part files give: two"
    assert explain(compare(), "a.csv", 5) == Difference("a.csv", what)
    assert explain(compare(), "a.csv", 14).what == "line 4 is not what the part files give: "


def test_a_file_that_another_pyarrow_wrote_is_said_to_be(compare, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    assert explain(compare(), path.name, 9).what == "it is not what the part files give, from byte 9 on"
    ours = f"parquet-cpp-arrow version {pa.cpp_version}".encode()
    path.write_bytes(path.read_bytes().replace(ours, b"x" * len(ours)))
    assert explain(compare(), path.name, 9).what.endswith("compare with that version")

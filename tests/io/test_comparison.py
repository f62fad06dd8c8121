"""A sink that compares: what differs, from which byte on, and that nothing is written."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from augcli.io.store.local import write_text
from augcli.io.writers.comparison import Difference, compare_into, explain


@pytest.fixture
def compare(tmp_path):
    """Compare a text with the file `a.txt` that holds another: gives the place where they differ."""

    def check(standing, text):
        path, differing = tmp_path / "a.txt", {}
        path.write_text(standing)
        write_text(path, text, compare_into(differing))
        assert path.read_text() == standing
        return differing.get(path, "nowhere")

    return check


@pytest.mark.parametrize(
    ("standing", "text", "place"),
    [
        ("abc", "abc", "nowhere"),
        ("", "", "nowhere"),
        ("abc", "abd", 2),
        ("abc", "xbc", 0),
        ("ab", "abc", 2),
        ("abc", "ab", 2),
        ("", "a", 0),
        ("a", "", 0),
    ],
)
def test_the_first_byte_that_differs_is_given(compare, standing, text, place):
    assert compare(standing, text) == place


def test_a_file_that_is_not_there_has_no_place(tmp_path):
    differing = {}
    write_text(tmp_path / "none", "text", compare_into(differing))
    assert differing == {tmp_path / "none": None}
    assert list(tmp_path.iterdir()) == []


def test_many_small_writes_count_on(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    differing = {}
    with compare_into(differing)(tmp_path / "a") as file:
        for piece in (b"012", b"345", b"6X89", b"more"):
            assert file.write(piece) == len(piece)
    assert differing == {tmp_path / "a": 7}


def test_parquet_is_compared_as_it_is_written(tmp_path):
    path, table = tmp_path / "a.parquet", pa.table({"x": [1, 2, 3]})
    pq.write_table(table, path)
    for other, expected in ((table, {}), (pa.table({"x": [1, 2, 4]}), {path})):
        differing = {}
        with compare_into(differing)(path) as file:
            pq.write_table(other, file)
        assert differing.keys() == expected or (differing == {} and expected == {})


def test_a_difference_in_a_text_is_shown_by_its_line(tmp_path):
    (tmp_path / "a.csv").write_text("one\ntwo\nthree\n")
    what = "line 2 is not what the part files give: two"
    assert explain(tmp_path, tmp_path / "a.csv", 5) == Difference("a.csv", what)
    assert explain(tmp_path, tmp_path / "a.csv", 14).what == "line 4 is not what the part files give: "


def test_a_file_that_another_pyarrow_wrote_is_said_to_be(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    assert "another" not in explain(tmp_path, path, 9).what
    assert explain(tmp_path, path, 9).what == "it is not what the part files give, from byte 9 on"
    ours = f"parquet-cpp-arrow version {pa.cpp_version}".encode()
    path.write_bytes(path.read_bytes().replace(ours, b"x" * len(ours)))
    assert explain(tmp_path, path, 9).what.endswith("compare with that version")

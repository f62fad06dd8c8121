"""What is given beside SRC."""

from __future__ import annotations

from pathlib import Path

from augcli.input_files import InputFiles


def test_paths_of_any_type_are_kept_as_text():
    files = InputFiles.of(labels=Path("a") / "b.csv", masks="masks", boxes=Path("c.json"))
    assert files == InputFiles(labels="a/b.csv", classes=None, masks="masks", boxes="c.json")


def test_what_is_given_goes_before_what_another_value_says():
    given, stored = InputFiles(masks="a", boxes=""), InputFiles(labels="x", masks="b", boxes="c")
    assert given.or_else(stored) == InputFiles(labels="x", masks="a", boxes="")


def test_nothing_is_given_where_all_are_none():
    assert not InputFiles()
    assert InputFiles(boxes="")

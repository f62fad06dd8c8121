"""Outputs that nothing changed and that could not be copied byte for byte: counted, by the reason."""

from __future__ import annotations

import json

import pytest
from PIL import ExifTags, Image

import augcli
from augcli.report.summary import describe


@pytest.fixture
def src(tmp_path):
    """Two images that can be copied, and three that must be written anew."""
    root, image = tmp_path / "src", Image.new("RGB", (16, 12), (200, 30, 30))
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    for label in ("a", "b"):
        (root / label).mkdir(parents=True)
    image.save(root / "a" / "1.jpg")
    image.save(root / "a" / "2.bmp")
    image.save(root / "a" / "3.jpg", exif=turned)
    image.save(root / "b" / "4.webp")
    image.save(root / "b" / "5.png")
    return root


COUNTS = {"orientation": 1, "format": 2}
LINE = "  unchanged, but written anew 3 (orientation 1, format 2)"


def run(src, dst, recipe):
    return augcli.materialize(src, dst, recipe, workers=1)


def test_unchanged_images_that_cannot_be_copied_are_counted_by_the_reason(src, tmp_path):
    summary = run(src, tmp_path / "dst", {"op": [{"kind": "cutmix", "p": 0}]})
    assert summary.written_anew == COUNTS
    assert LINE in describe(summary).splitlines()
    assert not any("anew" in note for note in summary.notes)


def test_a_run_that_finds_nothing_to_do_says_the_same(src, tmp_path):
    recipe = {"op": [{"kind": "cutmix", "p": 0}]}
    first, second = (run(src, tmp_path / "dst", recipe) for _ in range(2))
    assert (second.written_anew, second.chunks_done) == (first.written_anew, ())


def test_every_copy_and_every_original_counts(src, tmp_path):
    recipe = {"copies": 2, "originals": "copy", "op": [{"kind": "cutout", "p": 0}]}
    assert run(src, tmp_path / "dst", recipe).written_anew == {"orientation": 3, "format": 6}


def test_what_an_operation_changed_does_not_count(src, tmp_path):
    assert run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]}).written_anew == {}


def test_passed_on_splits_count_too(src, tmp_path):
    (src / "train").mkdir()
    for label in ("a", "b"):
        (src / label).rename(src / "train" / label)
    (src / "test" / "a").mkdir(parents=True)
    Image.new("RGB", (9, 9)).save(src / "test" / "a" / "x.gif")
    summary = run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    assert summary.written_anew == {"format": 1}


def test_the_command_line_and_its_document_say_so(src, tmp_path, cli):
    arguments = ("cutmix", "--p", "0", src, tmp_path / "dst")
    assert LINE in cli(*arguments).stdout.splitlines()
    assert json.loads(cli(*arguments, "--json").stdout)["written_anew"] == COUNTS

"""Messages: options are named as whoever reads them wrote them."""

from __future__ import annotations

import pickle

import pytest
from PIL import Image

import augcli
from augcli.errors import (
    AugcliError,
    DecodeError,
    Option,
    Reminder,
    Spelling,
    StorageError,
    UsageError,
    quantity,
)


@pytest.mark.parametrize(
    ("option", "argument", "key", "flag"),
    [
        (Option("alpha"), "alpha", "alpha", "--alpha"),
        (Option("max_pixels"), "max_pixels", "max-pixels", "--max-pixels"),
        (
            Option("mask_policy", "dominant"),
            "mask_policy='dominant'",
            'mask-policy = "dominant"',
            "--mask-policy dominant",
        ),
        (Option("label_sep", "|"), "label_sep='|'", 'label-sep = "|"', "--label-sep '|'"),
        (
            Option("file_col", "Photo Nr"),
            "file_col='Photo Nr'",
            'file-col = "Photo Nr"',
            "--file-col 'Photo Nr'",
        ),
        (
            Option("boxes", ("train=a", "val=b c")),
            "boxes=['train=a', 'val=b c']",
            'boxes = ["train=a", "val=b c"]',
            "--boxes train=a --boxes 'val=b c'",
        ),
        (Option("force", True), "force=True", "force = true", "--force"),
        (Option("links", False), "links=False", "links = false", "--no-links"),
    ],
)
def test_an_option_has_three_spellings(option, argument, key, flag):
    assert [option.spell(spelling) for spelling in Spelling] == [argument, key, flag]


def test_one_thing_is_not_called_many():
    assert [quantity(number, "image") for number in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert quantity(2, "directory", "directories") == "2 directories"


def test_a_message_names_options_as_python_does_until_somebody_else_shows_it():
    error = UsageError("cutmix: ", Option("lam"), " and ", Option("min_max"), " both decide; got ", 3)
    assert str(error) == "cutmix: lam and min_max both decide; got 3"
    assert error.spell(Spelling.FLAG) == "cutmix: --lam and --min-max both decide; got 3"


def test_an_error_that_knows_how_its_options_were_written_keeps_to_it():
    error = UsageError(Option("max_pixels"), " is too large")
    error.spelling = Spelling.KEY
    assert str(error) == error.spell(Spelling.FLAG) == "max-pixels is too large"


@pytest.mark.parametrize(
    "error",
    [
        AugcliError("plain"),
        StorageError("use fewer ", Option("workers")),
        DecodeError("damaged header", "OSError: no"),
        DecodeError("empty file"),
    ],
)
def test_errors_cross_processes_as_they_are(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    for spelling in Spelling:
        assert again.spell(spelling) == error.spell(spelling)
    assert vars(again) == vars(error)


def test_a_reminder_is_spelled_too():
    reminder = Reminder("give ", Option("masks"))
    assert (str(reminder), reminder.spell(Spelling.FLAG)) == ("give masks", "give --masks")


def test_the_command_line_shows_flags_in_errors_and_reminders(run_cli, make_folder, tmp_path):
    src, masks = make_folder({"": 3}), tmp_path / "masks"
    masks.mkdir()
    for number in range(3):
        Image.new("L", (10, 8)).save(masks / f"{number}.png")
    augcli.materialize(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]}, masks=masks)
    done = run_cli("run", tmp_path / "dst" / "augcli.json", src, tmp_path / "other", "--quiet")
    says = "augcli: the output of this recipe had masks; give --masks to take them along\n"
    assert (done.returncode, done.stderr) == (0, says)
    done = run_cli("cutout", src, tmp_path / "third", "--max-errors=-1")
    assert (done.returncode, done.stderr) == (2, "augcli: --max-errors must be >= 0, got -1\n")

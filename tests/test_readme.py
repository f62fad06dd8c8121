"""The README is short, and names what there is; `test_guide` runs what it shows."""

from __future__ import annotations

import re

import typer

from augcli.cli import app
from tests.pages import GUIDE, README, ROOT, TOPICS, find_blocks

TEXT = README.read_text("utf-8")


def test_it_has_at_most_150_lines():
    assert len(TEXT.splitlines()) <= 150


def test_every_command_is_listed():
    listed = re.findall(r"^\| `augcli ([a-z-]+) [A-Z ]+` \|", TEXT, re.MULTILINE)
    assert sorted([*listed, "doctor"]) == sorted(typer.main.get_command(app).commands)
    assert "| `augcli doctor` |" in TEXT


def test_every_page_of_the_guide_is_linked():
    links = re.findall(r"\[([\w-]+)\]\(augcli/guide/([\w-]+)\.md\)", TEXT[TEXT.index("## The guide") :])
    assert sorted(links) == [(topic, topic) for topic in TOPICS]


def test_its_set_up_commands_are_make_targets():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = [
        line
        for block in find_blocks(TEXT)
        for line in re.findall(r"^make ([a-z-]+)", block.text, re.MULTILINE)
    ]
    assert named == ["demo", "test"]
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_its_first_screen_shows_boxes_and_masks():
    screen = "\n".join(TEXT.splitlines()[:16])
    assert "augcli cutmix --boxes" in screen
    assert "augcli cutmix --masks" in screen
    assert "![" in screen


def test_its_data_sets_are_those_of_the_page_on_inputs():
    """What it promises for a data set stands in the guide, with the same command."""
    table = TEXT[TEXT.index("## Your data set") : TEXT.index("## Commands")]
    commands = set(re.findall(r"`(augcli [^`]+)`", table))
    assert len(commands) > 9
    page = (GUIDE / "inputs.md").read_text("utf-8")
    assert commands - set(re.findall(r"`(augcli [^`]+)`", page)) == {
        "augcli erase flat out",
        "augcli erase mixed out",
    }

"""The README is true: its commands, its options, its recipe and its Python."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import augcli
from augcli.ops import OPERATIONS
from augcli.recipe_files import read_recipe
from augcli.report.cards import MARKS, write_cards

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_every_command_is_listed():
    listed = set(re.findall(r"^\| `augcli ([a-z-]+)", TEXT, re.MULTILINE))
    assert listed == {*OPERATIONS, "run", "verify", "doctor", "preview"}


def test_every_option_it_names_is_there(run_cli):
    known = set(re.findall(r"--[a-z][a-z-]*", run_cli("cutmix", "--help", env={"COLUMNS": "200"}).stdout))
    table = TEXT[TEXT.index("The options that most people want") : TEXT.index("A recipe chains")]
    named = set(re.findall(r"`(--[a-z][a-z-]*)", table))
    assert len(named) > 15
    assert named <= known


def test_its_recipe_is_accepted():
    recipe = read_recipe(tomllib.loads(blocks("toml")[0]))
    assert (recipe.copies, recipe.smoothing, len(recipe.entries)) == (2, 0.1, 2)


def test_its_set_up_commands_are_make_targets():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in re.findall(r"^make ([a-z-]+)", blocks("sh")[1], re.MULTILINE):
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


def test_its_training_lines_read_what_is_written(photos, tmp_path):
    """The lines themselves need torch; what they read of an output is held here."""
    import pandas

    augcli.materialize(photos, tmp_path, {"op": [{"kind": "cutmix"}]})
    rows = pandas.read_csv(tmp_path / "labels.csv")
    labels = rows.filter(like="p:").to_numpy()
    assert labels.shape == (24, 4)
    assert abs(labels.sum(axis=1) - 1).max() < 1e-12
    assert all((tmp_path / name).is_file() for name in rows.file_name)


def test_its_cards_are_those_of_the_operations():
    """`make docs` writes them; what they say of options follows from the fields."""
    (cards,) = MARKS.findall(TEXT)
    assert cards == write_cards("sample_data/cards")
    assert set(re.findall(r"^### (\S+)", cards, re.MULTILINE)) == set(OPERATIONS)


def test_its_python_runs(capsys):
    exec(blocks("python")[0], {})  # the assertion is in the example


def test_its_pictures_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (ROOT / path).is_file()

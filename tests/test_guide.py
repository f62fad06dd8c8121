"""The guide is true: its commands, options, links and Python; and `augcli guide` shows its pages.

The page on training is run against stand-ins for torch, timm, Keras and transformers (`training_stubs`), with
the real pandas, pyarrow and datasets. Its lines were run by hand with the real packages, too: torch 2.14.1,
timm 1.0.31, Keras 3.15.1 (on torch), transformers 5.24.0, datasets 5.2.0.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas
import pytest
import typer

from augcli.cli import app
from augcli.ops import OPERATIONS
from augcli.report.cards import PLACE, write_cards
from tests import pages, training_stubs
from tests.pages import PAGES, ROOT, TOPICS, Block, call_augcli, find_blocks, find_spans, read_page

PLANNED = (
    "data-sets inputs outputs operations recipes preview boxes-and-masks yolo training python report"
    " storage faults backends speed scale design".split()
)

FOREIGN_OPTIONS = {
    "training": {"--class-map", "--mixup", "--cutmix"},
    "scale": set(
        "--array --array-properties --container-overrides --dependency --depends-on --job-definition"
        " --job-name --job-queue --joblog --output --parsable --query --requeue"
        " --resume-failed --wrap".split()
    ),
}
"""Options of timm, and of schedulers, that pages name."""

COMMANDS = typer.main.get_command(app).commands


def known_options(name: str) -> set[str]:
    """The long options of a command."""
    spelled = [spelling for one in COMMANDS[name].params for spelling in (*one.opts, *one.secondary_opts)]
    return {"--help", *(option for option in spelled if option.startswith("--"))}


def is_whole(command: pages.Command) -> bool:
    """True if a command can be run as it stands: no placeholder, and all arguments that its name needs."""
    needs = any(one.required for one in COMMANDS[command.words[0]].params)
    return not command.has_placeholder and (len(command.words) > 1 or not needs)


def find_links(text: str) -> list[str]:
    """The targets of the links and pictures of a page."""
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(text: str) -> set[str]:
    """The anchors that a repository page gives the headings of a text."""
    titles = re.findall(r"^#+ (.+)$", pages.BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


# --- augcli guide --------------------------------------------------------------------------------------


def test_guide_lists_every_page_with_its_first_line(capsys):
    assert call_augcli(["guide"]) == 0
    listed = dict(re.findall(r"^  (\S+) +(\S.*)$", capsys.readouterr().out, re.MULTILINE))
    assert listed == {topic: read_page(topic).splitlines()[2] for topic in PLANNED}


def test_the_pages_are_those_that_were_planned():
    assert sorted(PLANNED) == TOPICS


@pytest.mark.parametrize("topic", TOPICS)
def test_guide_shows_a_page_as_it_stands(topic, capsys):
    assert call_augcli(["guide", topic]) == 0
    assert capsys.readouterr().out == read_page(topic)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("inptus", "augcli: unknown topic 'inptus'; did you mean 'inputs'?\n"),
        ("zzz", f"augcli: unknown topic 'zzz'; known: {', '.join(sorted(PLANNED))}\n"),
        ("../cli/guide", f"augcli: unknown topic '../cli/guide'; known: {', '.join(sorted(PLANNED))}\n"),
    ],
)
def test_an_unknown_topic_is_refused_with_the_nearest_one(given, message, capsys):
    assert call_augcli(["guide", given]) == 2
    assert capsys.readouterr().err == message


def test_guide_loads_nothing_heavy():
    code = "import sys; from augcli.cli.guide import guide; guide(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert {"augcli", "typer"} <= loaded
    assert not {"numpy", "pyarrow", "PIL", "numba", "simplejpeg"} & loaded


@pytest.mark.slow
def test_a_wheel_holds_the_pages(tmp_path):
    version = int(importlib.metadata.version("setuptools").split(".")[0])
    if version < 77:
        pytest.skip(f"pyproject.toml wants setuptools >= 77 to build, here is {version}")
    source = tmp_path / "source"
    shutil.copytree(ROOT / "augcli", source / "augcli", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {"augcli/report/templates/page.html", "augcli/report/templates/page.js"} <= set(held)
    assert {name for name in held if name.startswith("augcli/guide/")} == {
        f"augcli/guide/{topic}.md" for topic in PLANNED
    }


# --- every page, the README too ------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_a_page_begins_with_its_title_and_one_line(name):
    title, empty, first, *_ = read_page(name).splitlines()
    assert title == ("# augcli" if name == "README" else f"# {name.capitalize().replace('-', ' ')}")
    assert not empty
    assert first.rstrip("*").endswith(".")
    assert len(first) <= 110


@pytest.mark.parametrize("name", PAGES)
def test_every_option_that_a_page_names_is_there(name):
    known = set().union(*(known_options(command) for command in COMMANDS))
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", read_page(name)))
    assert named - known <= FOREIGN_OPTIONS.get(name, set())


@pytest.mark.parametrize("name", PAGES)
def test_every_command_that_a_page_names_is_there_with_its_options(name):
    text = read_page(name)
    commands = [
        *find_spans(text),
        *(one for block in find_blocks(text) for one in pages.find_commands(block)),
    ]
    for command in commands:
        verb, *words = command.words
        assert verb in COMMANDS, command.line
        given = {word.split("=")[0] for word in words if word.startswith("--")}
        assert given <= known_options(verb), command.line
        if verb == "guide":
            assert {*words} <= {*TOPICS, "TOPIC"}, command.line


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name):
    links = find_links(pages.BLOCK.sub("", read_page(name)))
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (PAGES[name].parent / path).resolve() if path else PAGES[name]
        assert target.is_file(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PAGES if name != "training"])  # which has tests of its own
def test_the_blocks_of_a_page_run_one_after_the_other(name, workspace, request):
    if name == "storage":
        request.getfixturevalue("page_bucket")
    blocks = find_blocks(read_page(name))
    names = pages.run_blocks(blocks)
    assert bool(names) == any(block.language == "python" for block in blocks)


SPANS = {
    command.line: command for name in PAGES for command in find_spans(read_page(name)) if is_whole(command)
}


def test_commands_and_links_are_found():
    """Where the patterns found none, what is tested of each page would pass."""
    texts = [read_page(name) for name in PAGES]
    blocks = [block for text in texts for block in find_blocks(text)]
    assert len(SPANS) > 30
    assert sum(len(pages.find_commands(block)) for block in blocks) > 60
    assert sum(len(find_links(text)) for text in texts) > 60


@pytest.mark.slow
@pytest.mark.parametrize("line", SPANS)
def test_a_command_in_a_sentence_or_table_runs(line, workspace, request):
    if "s3://" in line:
        request.getfixturevalue("page_bucket")
    assert call_augcli(SPANS[line].words) == 0


# --- training ------------------------------------------------------------------------------------------


class Training(NamedTuple):
    """What is left when the page on training was run: its directory, its names, the targets of its losses."""

    root: Path
    names: dict[str, Any]
    targets: list[np.ndarray]


@contextmanager
def stand_ins():
    """Stand-ins in the place of what trains; what looks for the real ones is imported before."""
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("webdataset")
    with pytest.MonkeyPatch.context() as patch:
        for name, module in training_stubs.make_stubs().items():
            patch.setitem(sys.modules, name, module)
        patch.setattr(training_stubs, "TARGETS", [])
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", "cache")
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        yield


@pytest.fixture(scope="module")
def training(page_inputs, tmp_path_factory):
    """The page on training, run once."""
    root = pages.open_workspace(tmp_path_factory.mktemp("training") / "workspace", page_inputs)
    with chdir(root), stand_ins():
        return Training(root, pages.run_blocks(find_blocks(read_page("training"))), training_stubs.TARGETS)


def exact_labels(table: Path, classes: int) -> np.ndarray:
    """The labels of an output, written out from `classes` and `weights`."""
    rows = pandas.read_parquet(table, columns=["classes", "weights"])
    labels = np.zeros((len(rows), classes))
    for label, held, weights in zip(labels, rows.classes, rows.weights, strict=True):
        np.add.at(label, held, weights)
    return labels


@pytest.mark.slow
def test_every_loss_of_the_page_on_training_gets_the_exact_labels(training):
    root, _, targets = training
    few = exact_labels(root / "out/metadata.parquet", 4)
    many = exact_labels(root / "out-many/metadata.parquet", 300)
    assert len(few) == 24
    assert [one.shape for one in targets[:20]] == [(24, 4)] * 20
    for one in targets[:20]:
        np.testing.assert_array_equal(one, few.astype(np.float32))
    np.testing.assert_array_equal(np.concatenate(targets[20:30]), many.astype(np.float32))
    timm, keras, hugging_face, tags = targets[30:]
    np.testing.assert_array_equal(timm, targets[29])  # the last batch
    np.testing.assert_array_equal(keras, few.astype(np.float32))
    np.testing.assert_array_equal(hugging_face, few[:4].astype(np.float32))
    np.testing.assert_array_equal(
        tags, exact_labels(root / "out-tags/metadata.parquet", 2).astype(np.float32)
    )
    assert (tags.sum(1) > 1).any()


@pytest.mark.slow
def test_labels_of_tar_files_are_those_of_the_folder(training):
    few = exact_labels(training.root / "out/metadata.parquet", 4)  # two copies of each
    labels = np.stack(training.names["tar_labels"])
    assert {tuple(label) for label in labels} <= {tuple(label) for label in few.astype(np.float32)}
    assert len(labels) == 12


@pytest.mark.slow
def test_most_labels_of_300_classes_are_shared_by_two(training):
    """Else the test above would hold for hard labels, too."""
    rows = pandas.read_parquet(training.root / "out-many/metadata.parquet", columns=["weights"])
    assert (rows.weights.map(len) == 2).mean() > 0.9


@pytest.mark.slow
def test_the_lines_for_few_classes_find_no_classes_where_there_are_300(workspace):
    blocks = find_blocks(read_page("training"))
    few = next(block for block in blocks if block.language == "python")
    many = next(block for block in blocks if "augcli cutmix many out-many" in block.text)
    pages.run_blocks([many])
    columns = pandas.read_csv("out-many/labels.csv").columns
    assert not [column for column in columns if column.startswith("p:")]
    assert "soft_label" not in pandas.read_parquet("out-many/metadata.parquet").columns
    text = few.text.replace("out/", "out-many/")
    with stand_ins(), pytest.raises(AssertionError, match="torch gives a loss of NaN"):
        pages.run_blocks([Block("python", text)])


@pytest.mark.slow
def test_a_fold_without_its_partners_holds_no_pixel_of_what_is_held_out(training):
    names = training.names
    used = set(names["train"].source).union(*names["train"].partners)
    assert names["held_out"] <= set(names["table"].source)
    assert used.isdisjoint(names["held_out"])
    assert 0 < len(names["train"]) < len(names["table"])
    # The sources alone would let some through.
    own = names["table"][~names["table"].source.isin(names["held_out"])]
    assert len(own) > len(names["train"])


# --- other single pages --------------------------------------------------------------------------------


def test_the_cards_are_those_of_the_operations():
    """`make docs` writes them; what they say of options follows from the fields."""
    (cards,) = PLACE.findall(read_page("operations"))
    assert cards == write_cards("../../sample_data/cards")
    assert set(re.findall(r"^### (\S+)", cards, re.MULTILINE)) == set(OPERATIONS)


def test_the_map_of_the_design_names_every_module():
    """Packages whose files are one for each command, operation or topic have a line of their own."""
    text = read_page("design")
    (tree,) = [block.text for block in find_blocks(text) if block.text.startswith("cli/ ")]
    mapped = {line.split()[0] for line in tree.splitlines()}
    there = {path.relative_to(ROOT / "augcli").as_posix() for path in (ROOT / "augcli").rglob("*.py")}
    there = {path for path in there if not path.endswith(("__init__.py", "__main__.py"))}
    one_by_one = {"cli/", "ops/", "guide/"}
    there = {path for path in there if path.split("/")[0] + "/" not in one_by_one} | {"kernels/steps.cu"}
    assert mapped == there | one_by_one

"""Arguments that are empty or given twice."""

from __future__ import annotations

import os

import pytest

import augcli
from augcli.errors import UsageError
from augcli.pipeline.engines.local import LocalEngine

FILES = ("labels", "classes", "masks", "boxes")


@pytest.fixture
def refused(cli, make_folder, tmp_path):
    """Run the program in an empty directory beside `src` where it must refuse (exit 2); gives its words."""
    make_folder({"cat": 3, "dog": 2})
    (tmp_path / "here").mkdir()

    def run(*arguments):
        done = cli(*arguments, cwd=tmp_path / "here")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert list((tmp_path / "here").iterdir()) == []
        assert not (tmp_path / "dst").exists()
        return done.stderr.removeprefix("augcli: ").rstrip("\n")

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("cutmix", "", "../dst"), "SRC"),
        (("cutmix", "../src", ""), "DST"),
        (("run", "", "../src", "../dst"), "RECIPE"),
        (("verify", ""), "DST"),
        (("verify", "../src", "--against", ""), "--against"),
        (("preview", "", "../dst"), "SRC"),
        (("preview", "../src", ""), "DST"),
        (("preview", "../src", "../dst", ""), "SHEET"),
        *((("cutmix", "../src", "../dst", f"--{name}", ""), f"--{name}") for name in FILES),
        *((("verify", "../src", "--against", "../src", f"--{name}="), f"--{name}") for name in FILES),
        *((("preview", "../src", "../dst", f"--{name}="), f"--{name}") for name in FILES),
    ],
)
def test_an_empty_path_is_refused(refused, arguments, name):
    assert refused(*arguments) == f"{name} is empty; give a path (`.` is the current directory)"


@pytest.mark.parametrize("name", ["src", "dst", "recipe", *FILES])
def test_python_refuses_an_empty_path_too(make_folder, tmp_path, monkeypatch, name):
    src = make_folder({"cat": 3, "dog": 2})
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = {"src": src, "dst": tmp_path / "dst", "recipe": {}} | {name: ""}
    shown = name.upper() if name in ("src", "dst", "recipe") else name
    with pytest.raises(UsageError, match=f"^{shown} is empty; give a path"):
        augcli.materialize(**given)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("key", ["masks", "boxes"])
def test_an_empty_path_in_a_recipe_is_refused(make_folder, tmp_path, key):
    with pytest.raises(UsageError, match=f"^recipe: {key} is empty; give a path, or leave it out$"):
        augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", {key: ""})


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "command", [("cutmix", "../src", "../dst"), ("verify", "../src"), ("preview", "a", "b")]
)
def test_what_names_input_counts_once(refused, command, name):
    says = refused(*command, f"--{name}", "a", f"--{name}=b")
    cure = "give one of them, or SPLIT=FILE each" if name == "boxes" else "give one of them"
    assert says == f"--{name} is given 2 times ('a', 'b'); {cure}"


def test_of_other_options_the_last_counts(cli, make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 2})
    done = cli("cutmix", src, tmp_path / "dst", "--copies", 7, "--copies", 2)
    assert done.returncode == 0
    assert "holds 10 images" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_no_more_workers_are_begun_than_there_are_tasks(cli, make_folder, tmp_path, monkeypatch, form):
    begun = []
    opened = LocalEngine._open

    def open_pool(engine, work, workers, stack):
        begun.append((engine.workers, workers))
        return opened(engine, work, workers, stack)

    monkeypatch.setattr(LocalEngine, "_open", open_pool)
    src, dst = make_folder({"cat": 3, "dog": 2}), tmp_path / "dst"
    done = cli("cutmix", src, dst, "--format", form, "--workers", 64)
    assert ", 1 worker, " in done.stdout
    assert cli("verify", dst, "--workers", 64).returncode == 0
    assert begun == [(64, 1), (64, 1)]  # one task of five images, and one part file
    for path in src.rglob("*.png"):
        os.utime(path, (1e9, 1e9))
    assert cli("cutmix", src, dst, "--format", form, "--workers", 64).returncode == 0
    assert begun[2:] in ([(64, 1)], [])  # sources that are compared, if their times are looked at

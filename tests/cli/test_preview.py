"""`--preview`: what a command would make, before it makes anything."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

import pytest
from PIL import Image

from augcli.cli import terminal
from augcli.ops import OPERATIONS
from augcli.report.objects import CELL
from augcli.report.preview import GAP, LABEL


@pytest.fixture
def src(make_folder):
    return make_folder({"cat": 6, "dog": 6})


def rows_of(path):
    with Image.open(path) as sheet:
        return (sheet.height - GAP) // (CELL + LABEL)


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_shows_what_it_would_make(operation, src, cli, tmp_path):
    sheet = tmp_path / "new" / "sheet.png"
    done = cli(operation, src, tmp_path / "dst", "--preview", sheet, "--preview-count", 3)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{sheet}\n", "")
    assert rows_of(sheet) == 3
    assert not (tmp_path / "dst").exists()


def test_dst_may_be_left_out(src, cli, tmp_path):
    done = cli("cutmix", src, "--preview", tmp_path / "sheet.png")
    assert (done.returncode, rows_of(tmp_path / "sheet.png")) == (0, 6)


def test_dst_is_needed_else(src, cli):
    done = cli("cutmix", src)
    assert (done.returncode, done.stderr) == (2, "augcli: Missing argument 'DST'.\n")


def test_a_recipe_is_shown(src, cli, tmp_path):
    (tmp_path / "recipe.toml").write_text('[[op]]\nkind = "cutout"\n')
    done = cli("run", tmp_path / "recipe.toml", src, "--preview", tmp_path / "sheet.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows_of(tmp_path / "sheet.png") == 6


def test_a_directory_is_no_recipe_here_either(src, cli, tmp_path):
    done = cli("run", src, src, "--preview", tmp_path / "sheet.png")
    assert done.returncode == 4
    assert done.stderr == f"augcli: recipe '{src}' is a directory; give a TOML file\n"


def test_a_dst_inside_of_src_is_refused(src, cli, tmp_path):
    done = cli("cutmix", src, src / "dst", "--preview", tmp_path / "sheet.png")
    assert done.returncode == 5
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("command", [[], ["--preview", "sheet.png"]], ids=["run", "preview"])
def test_a_dst_that_is_something_else_is_refused_as_by_a_run(command, src, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("")
    for name, says in (("file", "is a file"), ("other", "holds something else ('notes.txt')")):
        done = cli("cutmix", src, name, *command)
        assert (done.returncode, says in done.stderr) == (5, True)
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.slow
def test_the_output_of_another_recipe_in_dst_is_refused_unless_it_is_to_be_replaced(src, cli, tmp_path):
    cli("cutmix", src, tmp_path / "dst")
    command = ("cutmix", "--seed", 1, src, tmp_path / "dst", "--preview", tmp_path / "sheet.png")
    done = cli(*command)
    assert done.returncode == 5
    assert "holds another recipe's output; differing: seed;" in done.stderr
    done = cli(*command, "--force")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_output_of_the_same_recipe_may_stand_in_dst_where_nobody_may_write(
    src, cli, tmp_path, monkeypatch
):
    cli("cutmix", src, tmp_path / "dst")
    monkeypatch.setattr(os, "access", lambda place, mode: str(place) != str(tmp_path / "dst"))
    done = cli("cutmix", src, tmp_path / "dst", "--preview", tmp_path / "sheet.png")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "mode", [[], ["--dry-run"], ["--preview", "sheet.png"]], ids=["run", "dry", "preview"]
)
@pytest.mark.parametrize("dst", ["file/x", "file/x/y", "link", "link/x"])
def test_a_dst_that_cannot_be_made_is_refused(mode, dst, src, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    done = cli("cutmix", src, dst, *mode)
    assert done.returncode == 7
    assert done.stderr.startswith(f"augcli: cannot make '{tmp_path / dst}': ")
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("mode", [["--dry-run"], ["--preview", "sheet.png"]], ids=["dry", "preview"])
def test_a_dst_that_may_not_be_written_is_refused(mode, src, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)  # root may write everywhere
    done = cli("cutmix", src, "new/dst", *mode)
    assert done.returncode == 7
    assert f"cannot make '{tmp_path}/new/dst': Permission denied" in done.stderr


def test_to_replace_has_no_effect_without_a_dst(src, cli, tmp_path):
    done = cli("cutmix", src, "--preview", tmp_path / "sheet.png", "--force")
    assert (done.returncode, done.stderr) == (0, "augcli: --force has no effect: nothing is run\n")


def test_a_sheet_inside_of_src_is_refused(src, cli):
    done = cli("cutmix", src, "--preview", src / "cat" / "sheet.png")
    assert done.returncode == 5
    assert "would be read as one of its images; give it another place" in done.stderr
    assert not (src / "cat" / "sheet.png").exists()


def test_a_sheet_inside_of_dst_is_refused_so_that_the_run_may_write_there(src, cli, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--preview", tmp_path / "dst" / "sheet.png")
    assert done.returncode == 5
    assert "is not a file of that output; give it another place" in done.stderr
    assert not (tmp_path / "dst").exists()


def test_what_says_how_to_run_is_named_as_without_effect(src, cli, tmp_path):
    done = cli("cutmix", src, "--preview", tmp_path / "sheet.png", "--workers", 2, "--dry-run")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "augcli: --workers has no effect: nothing is run",
        "augcli: --dry-run has no effect: nothing is run",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--workers", "0"], "--workers must be >= 1, got 0"),
        (["--backend", "tpu"], "--backend must be one of auto, cpu, gpu, reference, got 'tpu'"),
        (["--engine", "spark"], "--engine must be one of local, ray, got 'spark'"),
        (["--partition", "5/2"], "'5/2'"),
        (["--plan", "0"], "--plan must be in 1..100000, got 0"),
    ],
)
def test_what_a_run_refuses_of_its_own_options_is_refused(given, says, src, cli, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = cli("cutout", src, "--preview", sheet, *given)
    assert done.returncode == 2
    assert says in done.stderr
    assert not sheet.exists()


def test_scripts_get_a_document_and_quiet_nothing(src, cli, tmp_path):
    sheet = str(tmp_path / "sheet.png")
    assert json.loads(cli("cutmix", src, "--preview", sheet, "--json").stdout) == {"preview": sheet}
    assert cli("cutmix", src, "--preview", sheet, "--quiet").stdout == ""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "is empty; give a path (`.` is the current directory)"),
        ("s3://bucket/sheet.png", "must be a local file, got 's3://bucket/sheet.png'"),
    ],
)
def test_the_sheet_is_a_local_file(value, says, src, cli):
    done = cli("cutmix", src, "--preview", value)
    assert (done.returncode, done.stderr) == (2, f"augcli: --preview {says}\n")


# --- in a terminal ---------------------------------------------------------------------------------------


def test_what_is_not_a_terminal_shows_no_picture(src, cli):
    done = cli("cutmix", src, "--preview", "-")
    says = "--preview - shows the sheet in a terminal, and stdout is not one; give --preview FILE.png"
    assert (done.returncode, done.stderr) == (2, f"augcli: {says}\n")


def test_without_the_package_the_cure_is_named(src, cli, monkeypatch):
    class Screen:
        def __getattr__(self, name):
            return getattr(sys.__stdout__, name)

        def isatty(self):
            return True

    monkeypatch.setattr(terminal.sys, "stdout", Screen())
    monkeypatch.setitem(sys.modules, "textual_image", None)
    with pytest.raises(
        terminal.MissingPartError, match=r"pip install 'augcli\[terminal\]', or give --preview"
    ):
        terminal.check_shows_images()


PATIENT = """
from textual_image import _terminal
from augcli import cli

read = _terminal.read
_terminal.read = lambda file, length, timeout: read(file, length, 300)
cli.main()
"""
"""The program, which waits longer than a tenth of a second for what a terminal answers."""


def run_in_terminal(program, arguments, answers):
    """Run the program in a terminal that answers questions; gives its exit code and what it showed."""
    child, screen = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 800, 1000))
        os.execv(sys.executable, [sys.executable, *program, *map(str, arguments)])
    shown, answered, end = b"", 0, time.monotonic() + 300
    while time.monotonic() < end:
        if not select.select([screen], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(screen, 1 << 16)
        except OSError:  # the program has ended
            break
        shown += data
        for question, answer in answers.items():
            if (place := shown.find(question, answered)) >= 0:
                answered = place + len(question)
                os.write(screen, answer)
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


@pytest.mark.slow
def test_a_terminal_with_sixel_shows_the_sheet(src):
    pytest.importorskip("textual_image")
    answers = {
        b"\x1b[c": b"\x1b[?62;4c",
        b"\x1b[16t": b"\x1b[6;20;10t",
    }  # it has sixel, cells of 10x20 pixels
    code, shown = run_in_terminal(
        ["-c", PATIENT], ["cutmix", src, "--preview", "-", "--preview-count", 1], answers
    )
    assert code == 0, shown
    assert b"\x1bP" in shown  # the begin of a sixel image


@pytest.mark.slow
def test_a_terminal_without_images_gets_the_cure(src):
    pytest.importorskip("textual_image")
    # What it answers too late for the program says no more than what it answers in time.
    program, answers = ["-m", "augcli"], {b"\x1b[c": b"\x1b[?62c"}
    code, shown = run_in_terminal(program, ["cutmix", src, "--preview", "-"], answers)
    assert code == 2
    assert b"this terminal shows no images" in shown
    assert b"give --preview FILE.png" in shown

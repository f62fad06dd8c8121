"""Bars of blocks, and where they are shown."""

from __future__ import annotations

import fcntl
import io
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from dataclasses import replace

import pytest

from augcli.cli.work import count_columns
from augcli.report.bars import draw_bar, draw_bars
from augcli.report.summary import describe
from tests.report.test_summary import SUMMARY


@pytest.mark.parametrize(
    ("count", "bar"),
    [(0, ""), (1, "▎"), (100, "█" * 20), (50, "█" * 10), (53, "█" * 10 + "▋"), (52, "█" * 10 + "▍")],
)
def test_a_bar_is_as_long_as_its_share_of_the_longest(count, bar):
    assert draw_bar(count, 100) == bar


def test_what_counts_anything_is_seen():
    assert draw_bar(1, 10**9) == "▏"


def test_lines_stand_in_columns():
    assert draw_bars({"cat": 10, "a dog": 5}, 20, 80) == [
        "cat   10  50 % " + "█" * 20,
        "a dog  5  25 % " + "█" * 10,
    ]
    assert draw_bars({}, 0, 80) == []


def test_wide_letters_and_marks_keep_the_columns():
    names = {"猫猫": "猫猫", "e\u0301": "e\u0301   ", "Ａ1": "Ａ1 ", "1\u20dd": "1\u20dd   ", "abcd": "abcd"}
    lines = draw_bars(dict.fromkeys(names, 1), 5, 80)
    assert [line.partition(" 1 ")[0] for line in lines] == list(names.values())


def test_a_long_name_is_cut():
    (line,) = draw_bars({"n" * 255: 1}, 1, 80)
    assert line.startswith("n" * 23 + "… 1 100 %")


def test_the_summary_without_bars_is_as_it_was():
    assert "█" not in describe(SUMMARY)
    plain, drawn = describe(SUMMARY).splitlines(), describe(SUMMARY, columns=80).splitlines()
    kept = [line for line in plain if not line.startswith("  classes")]
    assert [line for line in drawn if "%" not in line] == kept
    assert any("█" in line for line in drawn)


def test_classes_beyond_the_first_are_counted():
    many = replace(SUMMARY, per_class={f"c{number}": 1 for number in range(20)})
    assert "             and 8 more" in describe(many, columns=80).splitlines()


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("kind", "encoding", "environment", "columns"),
    [
        (Terminal, "utf-8", {"TERM": "xterm"}, 80),
        (Terminal, "UTF8", {"TERM": "xterm", "LANG": "C.UTF-8"}, 80),
        (Terminal, "latin-1", {"TERM": "xterm"}, 0),
        (Terminal, "utf-8", {"TERM": "dumb"}, 0),
        (Terminal, "utf-8", {"TERM": ""}, 0),
        (Terminal, "utf-8", {}, 0),
        (Terminal, "utf-8", {"TERM": "xterm", "LC_ALL": "C", "LANG": "en_US.UTF-8"}, 0),
        (Terminal, "utf-8", {"TERM": "xterm", "LANG": "POSIX"}, 0),
        (Terminal, "utf-8", {"TERM": "xterm", "LC_ALL": "", "LC_CTYPE": "C.UTF-8", "LANG": "C"}, 80),
        (io.TextIOWrapper, "utf-8", {"TERM": "xterm"}, 0),
    ],
)
def test_bars_are_for_terminals_that_show_them(monkeypatch, kind, encoding, environment, columns):
    for name in ("TERM", "LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert count_columns(kind(io.BytesIO(), encoding)) == columns


@pytest.mark.parametrize(
    ("columns", "name", "bar"),
    [(80, "n" * 23 + "…", 20), (40, "n" * 23 + "…", 7), (30, "n" * 16 + "…", 4), (21, "n" * 7 + "…", 4)],
)
def test_lines_are_no_wider_than_the_terminal(columns, name, bar):
    (line,) = draw_bars({"n" * 99: 5}, 5, columns)
    assert line == f"{name} 5 100 % {'█' * bar}"
    assert len(line) <= columns


def test_a_terminal_too_narrow_for_bars_shows_the_numbers():
    assert draw_bars({"n" * 99: 5}, 5, 20) == ["nnnnnnn… 5 100 %"]


def test_what_counts_little_is_not_nothing():
    lines = draw_bars({"cat": 1, "dog": 999, "owl": 0}, 1000, 20)
    assert [line.split("%")[0].split()[1:] for line in lines] == [["1", "<1"], ["999", "100"], ["0", "0"]]


def test_signs_that_take_no_column_keep_the_columns():
    joined, thai, plain = draw_bars({"a\u200db": 1, "\u0e01\u0e31\u0e01": 1, "ab": 1}, 3, 80)
    assert joined.startswith("a\u200db 1")
    assert thai.startswith("\u0e01\u0e31\u0e01 1")
    assert plain.startswith("ab 1")


def test_a_name_from_right_to_left_does_not_turn_the_numbers_behind_it():
    hebrew, plain = draw_bars({"\u05e9\u05dc": 1, "ab": 1}, 2, 80)
    assert hebrew.startswith("\u05e9\u05dc\u200e 1  50 %")
    assert plain.startswith("ab 1  50 %")


def run_in_terminal(*words, **environment):
    """Run the program in a terminal of its own; gives all that it shows."""
    mine, its = os.openpty()
    fcntl.ioctl(
        its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0)
    )  # tqdm shows nothing in 0 columns
    environment = os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | environment
    command = [sys.executable, "-m", "augcli", *map(str, words)]
    process = subprocess.Popen(command, stdout=its, stderr=its, env=environment)
    os.close(its)
    shown, end = b"", time.monotonic() + 300
    while time.monotonic() < end:
        if select.select([mine], [], [], 1)[0]:
            try:
                data = os.read(mine, 1 << 16)
            except OSError:  # the program has ended, and with it the terminal
                break
            if not data:
                break
            shown += data
    os.close(mine)
    assert process.wait(300) == 0
    return shown.decode()


@pytest.mark.slow
def test_a_terminal_shows_bars_the_rate_and_what_is_left(make_folder, tmp_path):
    src = make_folder({"cat": 30, "dog": 10})
    shown = run_in_terminal("cutout", src, tmp_path / "dst")
    assert re.search(r"0/40 \[\d\d:\d\d<\S+ *\S* images/s\]", shown)
    assert re.search(r"classes    cat 30  75 % █{20}\r?\n +dog 10  25 % █{6}▋", shown)


@pytest.mark.slow
def test_no_colour_is_no_matter_of_bars(make_folder, tmp_path):
    assert "█" in run_in_terminal("cutout", make_folder({"cat": 2}), tmp_path / "dst", NO_COLOR="1")

"""The command that writes a page on an output: places, streams and exit codes."""

from __future__ import annotations

import sys

import pytest

import augcli
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from tests.servers import make_bucket


@pytest.fixture
def output(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    return src, tmp_path / "dst"


def test_the_path_of_the_page_is_printed(cli, output, tmp_path):
    done = cli("report", output[1], tmp_path / "new" / "page.html", "--src", output[0])
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}/new/page.html\n", "")
    assert (tmp_path / "new" / "page.html").read_text().startswith("<!DOCTYPE html>")


def test_without_a_path_it_lies_in_the_current_directory(cli, output, tmp_path):
    assert cli("report", output[1], cwd=tmp_path).stdout == "report.html\n"
    assert (tmp_path / "report.html").is_file()


def test_a_dash_is_stdout(cli, output, tmp_path):
    done = cli("report", output[1], "-", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.endswith("</html>\n")
    assert not (tmp_path / "-").exists()


def test_a_report_at_the_root_of_the_output_is_known_and_stays(cli, output):
    src, dst = output
    assert cli("report", dst, dst / "report.html").returncode == 0
    assert cli("verify", "--quiet", dst).returncode == 0
    again = cli("cutmix", src, dst)
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert cli("cutmix", "--seed", 5, "--force", src, dst).returncode == 0
    assert (dst / "report.html").is_file()
    assert cli("verify", "--quiet", dst).returncode == 0


def test_what_was_left_of_a_report_that_was_killed_goes_with_the_next_run(cli, output):
    src, dst = output
    (dst / "report.html.0123abcd.part").write_text("x")
    assert cli("cutmix", "--seed", 5, "--force", src, dst).returncode == 0
    assert not (dst / "report.html.0123abcd.part").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["{dst}/cat/page.html"], 5, "lies in DST; give a file elsewhere, or report.html at the root of DST"),
        (["{dst}"], 5, "is a directory; give the name of a file"),
        (["page.html", "--count", "201"], 2, "less than or equal to 200, got '201'"),
        (["page.html", "--masks", "m"], 2, "go with --src SRC; give it, or leave them out"),
        ([""], 2, "is empty; give a path"),
        (["page.html", "--src", "{dst}/none"], 4, "none"),
    ],
)
def test_what_is_not_accepted_ends_with_its_exit_code(cli, output, tmp_path, words, code, said):
    done = cli("report", output[1], *(word.format(dst=output[1]) for word in words), cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_what_is_not_an_output_is_refused(cli, output, tmp_path):
    assert cli("report", tmp_path / "none", cwd=tmp_path).returncode == 4
    done = cli("report", output[0], cwd=tmp_path)
    assert done.returncode == 5
    assert "holds no augcli.json" in done.stderr


def test_without_jinja_it_is_exit_8_with_the_cure(cli, output, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = cli("report", output[1], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr == "augcli: Jinja2 is not installed; run: pip install 'augcli[report]'\n"


def test_an_output_in_a_bucket_is_reported_into_it(cli, make_folder, s3, tmp_path):
    make_bucket("s3://report", s3)
    reach = ("--endpoint-url", s3)
    src = make_folder({"cat": 3, "dog": 2})
    assert cli("cutmix", src, "s3://report/dst", *reach).returncode == 0
    done = cli("report", "s3://report/dst", "s3://report/dst/report.html", "--src", src, *reach)
    assert (done.returncode, done.stderr) == (0, "")
    assert cli("verify", "--quiet", "s3://report/dst", *reach).returncode == 0
    assert cli("report", "s3://report/dst", tmp_path / "page.html", "--src", src, *reach).returncode == 0
    assert (tmp_path / "page.html").read_text().count("<img") > 5
    done = cli("report", "s3://report/dst", "s3://report/dst/data/x.html", *reach)
    assert done.returncode == 5

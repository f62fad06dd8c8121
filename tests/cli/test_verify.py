"""`augcli verify`: exit code 6, a line for each difference, and a document."""

from __future__ import annotations

import json
import shutil

import pytest

DIFFERENCES = 6


@pytest.fixture
def made(cli, photos, tmp_path):
    assert cli("cutmix", photos, tmp_path / "dst", "--quiet").returncode == 0
    return tmp_path / "dst"


def spoil(dst):
    first, second = sorted(dst.glob("*/*.jpg"))[:2]
    first.unlink()
    second.write_bytes(b"other")
    return [path.relative_to(dst).as_posix() for path in (first, second)]


@pytest.mark.slow
def test_an_output_as_it_was_written_is_exit_0_with_one_line(cli, made, photos):
    done = cli("verify", made)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{made}: 24 images (folder): all is as it was written\n"
    done = cli("verify", made, "--against", photos)
    assert (
        done.stdout
        == f"{made}: 24 images (folder), 24 made again from their sources: all is as it was written\n"
    )
    done = cli("verify", made, "--against", photos, "--sample", 5)
    assert "5 made again" in done.stdout


@pytest.mark.slow
def test_each_difference_is_named_and_the_code_is_6(cli, made):
    first, second = spoil(made)
    done = cli("verify", made)
    assert (done.returncode, done.stderr) == (DIFFERENCES, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{first}: it is missing"
    assert lines[1].startswith(f"{second}: it has 5 bytes, not ")
    assert lines[2] == f"{made}: 24 images (folder): 2 differences"
    assert len(lines) == 3


def test_the_document_names_each_difference(cli, made):
    first, _ = spoil(made)
    done = cli("verify", made, "--json")
    assert done.returncode == DIFFERENCES
    document = json.loads(done.stdout)
    assert document["differences"][0] == {"file": first, "what": "it is missing"}
    assert document["outputs"] == 24


@pytest.mark.slow
def test_quiet_says_it_by_the_code_alone(cli, made):
    spoil(made)
    done = cli("verify", made, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (DIFFERENCES, "", "")


@pytest.mark.slow
def test_an_output_that_was_interrupted_is_not_complete(cli, made):
    (made / "_SUCCESS").unlink()
    shutil.rmtree(made / "coat", ignore_errors=True)
    done = cli("verify", made)
    assert done.returncode == DIFFERENCES
    assert "_SUCCESS: it is missing: the output is not complete" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nowhere"], 4, "is not a directory; give the DST of a run"),
        (["."], 5, "is not an output of augcli; give the DST of a run"),
        ([], 2, "Missing argument 'DST'"),
        (
            ["dst", "--sample", "3"],
            2,
            "--sample, --labels, --classes, --masks and --boxes go with --against SRC",
        ),
        (["dst", "--against", "nowhere"], 4, "'nowhere' does not exist"),
        (["dst", "--against", "dst", "--sample", "0"], 2, "--sample must be >= 1, got 0"),
    ],
)
def test_what_cannot_be_verified_is_refused_in_one_line(cli, made, arguments, code, says):
    done = cli("verify", *arguments, cwd=made.parent)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1

"""`--partition` and `augcli merge`, as the command line shows them."""

from __future__ import annotations

import json

import pytest

REFUSED = "augcli: --partition must be i/N with i from 0 to N-1, as 0/4 is the first of four, got {!r}\n"


@pytest.fixture
def src(make_folder):
    return make_folder({"cat": 4, "dog": 3})


@pytest.mark.parametrize("given", ["4/4", "0/0", "x", "", "-1/4"])
def test_what_is_no_partition_is_exit_2(cli, src, tmp_path, given):
    done = cli("cutmix", src, tmp_path / "dst", "--partition", given)
    assert (done.returncode, done.stderr) == (2, REFUSED.format(given))
    assert not (tmp_path / "dst").exists()


def test_force_with_a_partition_is_exit_2(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--partition", "0/4", "--force")
    assert done.returncode == 2
    assert done.stderr == (
        "augcli: --force and --partition 0/4 do not go together, since each partition would remove what"
        " others make; remove DST before the first one begins, and leave out --force\n"
    )


@pytest.mark.parametrize("command", ["cutmix", "mixup", "cutout", "erase", "patch-cutout"])
def test_every_operation_takes_a_partition(cli, src, tmp_path, command):
    done = cli(command, src, tmp_path / "dst", "--partition", "1/2", "--dry-run")
    assert done.stdout.startswith(
        f"{tmp_path}/dst, partition 1/2, would hold 0 images (folder) from 0 inputs\n"
    )


def test_a_recipe_file_takes_a_partition(cli, src, tmp_path):
    (tmp_path / "recipe.toml").write_text('[[op]]\nkind = "cutmix"\n')
    done = cli("run", tmp_path / "recipe.toml", src, tmp_path / "dst", "--partition", "0/1", "--json")
    assert json.loads(done.stdout)["partition"] == "0/1"


def test_a_partition_without_chunks_says_so(cli, src, tmp_path):
    done = cli("cutmix", src, tmp_path / "dst", "--partition", "1/2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "  nothing to do: no chunk is of this partition"


def test_a_partition_of_another_number_is_exit_5(cli, src, tmp_path):
    cli("cutmix", src, tmp_path / "dst", "--partition", "1/2")
    done = cli("cutmix", src, tmp_path / "dst", "--partition", "0/3")
    assert done.returncode == 5
    assert done.stderr == (
        f"augcli: DST '{tmp_path}/dst' is made in 2 partitions, which is not what --partition 0/3 says;"
        " give one of 0/2 to 1/2, or to start over with 3 remove .augcli-plan-*-of-2 there while none is at"
        " work\n"
    )


def test_a_merge_where_partitions_are_missing_is_exit_7_and_names_them(cli, src, tmp_path):
    cli("cutmix", src, tmp_path / "dst", "--partition", "1/4")
    done = cli("merge", tmp_path / "dst")
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr == (
        f"augcli: DST '{tmp_path}/dst' cannot be merged: no plan stands of partitions 0,2-3; run its command"
        " again with --partition i/4 for i = 0,2-3, then merge again\n"
    )


def test_a_merge_says_what_the_output_holds(cli, src, tmp_path):
    dst = tmp_path / "dst"
    for partition in ("0/2", "1/2"):
        cli("cutmix", src, dst, "--partition", partition)
    done = cli("merge", dst)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{dst} holds 7 images (folder) from 7 inputs"
    assert lines[-1] == "  merged 2 partitions: tables and labels written"
    again = cli("merge", dst)
    assert again.returncode == 0
    assert again.stdout.splitlines()[-1] == "  nothing to do: all of it stood already"
    assert json.loads(cli("merge", dst, "--json").stdout)["merged"] == 0


def test_images_that_fail_are_exit_3_of_their_partition_and_of_the_merge(cli, src, tmp_path):
    (src / "cat" / "0.png").write_bytes(b"x")
    dst = tmp_path / "dst"
    codes = [cli("cutmix", src, dst, "--partition", f"{i}/2").returncode for i in range(2)]
    assert codes == [3, 0]
    done = cli("cutmix", src, dst, "--partition", "0/2")
    assert "listed in" not in done.stdout
    said = "augcli: 1 image failed, --max-errors allows 0; augcli merge lists them in failures.jsonl\n"
    assert (done.returncode, done.stderr) == (3, said)
    merged = cli("merge", dst)
    assert merged.returncode == 3
    assert merged.stderr == f"augcli: 1 image failed, --max-errors allows 0; see {dst}/failures.jsonl\n"
    assert (dst / "failures.jsonl").exists()
    assert cli("merge", dst, "--max-errors", "1").returncode == 0


@pytest.mark.parametrize(
    ("made", "code", "says"),
    [(None, 4, "is not a directory"), ("dir", 5, "holds no augcli.json"), ("", 2, "DST is empty")],
)
def test_a_merge_of_what_is_no_output_is_refused(cli, tmp_path, made, code, says):
    if made:
        (tmp_path / made).mkdir()
    done = cli("merge", "" if made == "" else tmp_path / (made or "nothing"))
    assert done.returncode == code
    assert says in done.stderr

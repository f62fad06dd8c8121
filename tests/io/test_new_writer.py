"""A new layout of outputs is one class and one line: the command, resuming and verify follow."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, replace
from typing import Any

import pytest

from augcli.cli import app
from augcli.errors import UsageError
from augcli.io.records import part_files
from augcli.io.writers.base import Pair, Writer
from augcli.io.writers.choose import WRITERS, Layout
from augcli.ops.cutmix import CutMix
from augcli.recipe import single


@dataclass(frozen=True)
class TarWriter(Writer):
    """A tar file for each chunk."""

    store: Any
    split: str
    classes: Any
    options: Any
    features: Any
    annotated: Any

    def stage(self, names, pairs):
        return list(pairs)

    def commit(self, chunk, rows, pairs, facts):
        names = rows.column("file_name").to_pylist()
        with self.store.writing(f"{chunk}.tar") as file, tarfile.open(fileobj=file, mode="w") as tar:
            for name, pair in zip(names, pairs, strict=True):
                entry = tarfile.TarInfo(name)
                entry.size = len(pair.image)
                tar.addfile(entry, io.BytesIO(pair.image))
        rows = rows.set_column(0, "file_name", [[f"{chunk}.tar/{name}" for name in names]])
        part_files.write_part_file(self.store, chunk, rows, replace(facts))

    def files(self, file_names):
        return {name.split("/")[0] for name in file_names}

    def place(self, file_name):
        return file_name

    def stands(self, part, sizes):
        return self.files(part.file_names()) <= sizes.keys()

    def load(self, rows, picked=None):
        rows = rows if picked is None else rows.take(picked)
        for name in rows.column("file_name").to_pylist():
            shard, own = name.split("/")
            with self.store.open(shard) as file, tarfile.open(fileobj=file) as tar:
                yield Pair(tar.extractfile(own).read())

    def rewrite(self, rows, sink):
        pass

    def patterns(self, files):
        return ["*.tar"]


@pytest.fixture(autouse=True)
def _with_tar(monkeypatch):
    layout = Layout(lambda *given: TarWriter(*given), has_class_folders=False, rows="the tar files")
    monkeypatch.setitem(WRITERS, "tar", layout)


@pytest.fixture
def src(make_folder, limit):
    limit(chunk_outputs=8)
    return make_folder({"cat": 20, "dog": 20})


def count_members(dst):
    """How many files the tar files hold."""
    count = 0
    for path in dst.glob("*.tar"):
        with tarfile.open(path) as tar:
            count += len(tar.getnames())
    return count


def augcli(*arguments):
    return app([str(argument) for argument in arguments], standalone_mode=False)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_writer_from_outside_is_run_resumed_and_verified(src, tmp_path, tree, capsys, workers):
    dst = tmp_path / "dst"
    run = ("cutmix", src, dst, "--format", "tar", "--workers", workers)
    assert augcli(*run) == 0
    assert "(tar) from 40 inputs" in capsys.readouterr().out
    tars = sorted(path.name for path in dst.glob("*.tar"))
    assert len(tars) > 2
    assert count_members(dst) == 40
    assert "the tar files: one row for each image" in (dst / "README.md").read_text()

    before = tree(dst)
    assert augcli(*run) == 0
    assert "nothing to do" in capsys.readouterr().out
    (dst / tars[0]).unlink()
    assert augcli(*run) == 0
    assert tree(dst) == before
    assert augcli("verify", dst, "--workers", workers) == 0
    assert "all is as it was written" in capsys.readouterr().out

    for path in [*src.glob("*/1*.png"), *src.glob("*/2*.png")]:
        path.unlink()
    assert augcli(*run) == 0
    assert augcli(*run[:2], tmp_path / "fresh", *run[3:]) == 0
    assert tree(dst) == tree(tmp_path / "fresh")


def test_an_unknown_layout_is_refused_with_the_names_of_all():
    with pytest.raises(UsageError, match="one of folder, parquet, webdataset, yolo, tar, got 'zip'"):
        single(CutMix(), format="zip")

"""A new reader is one module that registers it: everything else follows, up to the program itself."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from augcli.errors import InputError
from augcli.io.labels.columns import label_by_name
from augcli.io.readers.base import READERS, Selection, Source, register
from augcli.io.readers.source import open_source
from augcli.samples import Catalogue

TEXT = "red-1 250 0 0 9\nred-2 200 0 0 8\nblue-1 0 0 250 9\nblue-2 0 0 200 7\n"


class ColourReader:
    """Reads lists of colours: lines of `name red green blue size`, the class before the name's hyphen."""

    name = "colours"
    accepts = "a list of colours"
    is_called = "a list of colours"
    suffixes = frozenset([".colours"])

    def is_own(self, found) -> bool:
        return found.tree is None and found.name.endswith(".colours")

    def open(self, found, selection, classes) -> Source:
        (text,) = found.store.read(found.files.keys)
        lines = [line.split() for line in text.decode().splitlines()]
        if not lines:
            raise InputError(f"{found.name!r} holds no colours")
        labelling = label_by_name([name.split("-")[0] for name, *_ in lines], classes)
        keys = [name for name, *_ in lines]
        sizes, versions = np.full(len(keys), len(text)), np.array(found.files.versions[:1] * len(keys))
        catalogue = Catalogue("", keys, sizes, versions, labelling.labels, labelling.classes)
        colours = {name: tuple(map(int, numbers)) for name, *numbers in lines}
        return Source((catalogue,), "folder", ColourOpener(colours), has_class_folders=True)


@dataclass(frozen=True)
class ColourOpener:
    colours: dict[str, tuple[int, int, int, int]]

    def for_groups(self, groups):
        return self

    def open(self, catalogue, groups, portions):
        return ColourSamples(self.colours, catalogue)


@dataclass(frozen=True)
class ColourSamples:
    colours: dict[str, tuple[int, int, int, int]]
    catalogue: Catalogue

    def read_ahead(self, samples):
        return len(samples)

    def read(self, sample):
        *colour, size = self.colours[self.catalogue.keys[sample]]
        buffer = io.BytesIO()
        Image.new("RGB", (size, size), tuple(colour)).save(buffer, "PNG")
        return buffer.getvalue(), self.catalogue.keys[sample]

    def hash_columns(self, sample):
        return b""

    def release(self, sample):
        pass

    def carry(self, samples):
        return None


@pytest.fixture(autouse=True)
def _reader():
    register(ColourReader())
    yield
    del READERS["colours"]


@pytest.fixture
def src(tmp_path):
    (tmp_path / "some.colours").write_text(TEXT)
    return tmp_path / "some.colours"


@pytest.fixture
def call(cli):
    """Call the program in this process; gives (exit code, stdout, stderr)."""

    def call_program(*arguments):
        done = cli(*arguments)
        return done.returncode, done.stdout, done.stderr

    return call_program


def test_the_program_reads_it_and_mixes_what_it_gives(src, call, tmp_path):
    assert call("cutmix", "--workers", "1", "--copies", "3", "--quiet", src, tmp_path / "dst") == (0, "", "")
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    colours = {name: tuple(map(int, rest)) for name, *rest in map(str.split, TEXT.splitlines())}
    assert len(rows) == 12
    for row in rows:
        pixels = np.asarray(Image.open(tmp_path / "dst" / row["file_name"]))
        *base, size = colours[row["source"]]
        assert pixels.shape == (size, size, 3)
        is_base = (pixels == base).all(-1)
        assert is_base.mean() == pytest.approx(row["lam"])
        if not is_base.all():
            assert (pixels[~is_base] == colours[row["partners"][0]][:3]).all()


def test_its_output_can_be_verified_against_it(src, call, tmp_path):
    call("cutmix", "--workers", "1", src, tmp_path / "dst")
    code, out, err = call("verify", "--workers", "1", "--against", src, tmp_path / "dst")
    assert (code, err) == (0, "")
    assert "4 images" in out


def test_messages_name_it_among_what_is_read(call, tmp_path):
    code, _, err = call("cutmix", tmp_path / "none", tmp_path / "dst")
    assert code == 4
    known = (
        "an image folder or parquet shards or a Pascal VOC tree or tar files of samples or a YOLO data set or"
        " a list of colours"
    )
    assert err == f"augcli: '{tmp_path}/none' does not exist; give {known} as SRC\n"
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(InputError) as caught:
        open_source(str(tmp_path / "a.zip"), Selection())
    known = (
        "an image folder nor a parquet file nor a Pascal VOC tree nor a tar file nor a YOLO data set nor a"
        " list of colours"
    )
    assert str(caught.value) == f"'{tmp_path}/a.zip' is neither {known}; give one of these"


def test_its_own_errors_end_the_program(call, tmp_path):
    (tmp_path / "empty.colours").write_text("")
    code, _, err = call("cutmix", tmp_path / "empty.colours", tmp_path / "dst")
    assert (code, err) == (4, f"augcli: '{tmp_path}/empty.colours' holds no colours\n")


def test_other_inputs_are_still_read_by_their_own_readers(photos, shards):
    assert open_source(str(photos), Selection()).layout == "folder"
    assert open_source(str(shards), Selection()).layout == "parquet"

"""Members of tar files, written and found: `tarfile` and we must agree on every one."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest

from augcli.io.store import tar_files
from augcli.io.store.tar_files import Member, TarWalk, end_tar, read_member, write_member

NAMES = ["a.jpg", "d/ü b.cls", "x" * 100, "p" * 80 + "/" + "n" * 90, "p/" * 120 + "n.jpg", "é" * 60]
FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}


def make(form: int, names: list[str], **fields: object) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for number, name in enumerate(names):
            entry = tarfile.TarInfo(name)
            entry.size = 700 * number
            for field, value in fields.items():
                setattr(entry, field, value)
            tar.addfile(entry, io.BytesIO(bytes([number]) * entry.size))
    return buffer.getvalue()


def list_by_tarfile(data: bytes) -> list[Member]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8") as tar:
        return [Member(entry.name, entry.offset_data, entry.size) for entry in tar if entry.isreg()]


@pytest.fixture(params=["plain", "any"])
def kind(request, monkeypatch):
    """Both ways to read a header."""
    if request.param == "any":
        monkeypatch.setattr(tar_files, "_read_header", lambda file, start: None)
    return request.param


@pytest.mark.parametrize("fields", [{}, {"mtime": 1.5, "uname": "bigdata"}, {"uid": 2**40, "gname": "ü"}])
@pytest.mark.parametrize("form", FORMATS)
def test_members_are_those_that_tarfile_finds(kind, form, fields):
    if form == "ustar" and "uid" in fields:
        pytest.skip("its numbers are smaller")
    data = make(FORMATS[form], NAMES[:4] if form == "ustar" else NAMES, **fields)
    file = io.BytesIO(data)
    walk = TarWalk(file)
    found = list(walk)
    assert found == list_by_tarfile(data)
    assert (walk.others, walk.is_cut, walk.damage) == (0, False, "")
    assert [read_member(file, member) for member in found] == [
        bytes([number]) * 700 * number for number in range(len(found))
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_plain_headers_are_read_without_tarfile(form, monkeypatch):
    """Those that webdataset writes too, whose every member has a PAX header for its time."""
    data = make(FORMATS[form], NAMES[:3], mtime=1700000000.25 if form == "pax" else 7)
    with monkeypatch.context() as patch:
        patch.setattr(TarWalk, "_read_other", lambda self, start: None)
        assert list(TarWalk(io.BytesIO(data))) == list_by_tarfile(data)


def test_members_of_other_kinds_are_counted_but_directories(kind):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for number, member in enumerate(
            (tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.REGTYPE)
        ):
            entry = tarfile.TarInfo(f"{number}")
            entry.type, entry.linkname = member, "x"
            tar.addfile(entry)
    walk = TarWalk(buffer)
    assert [member.name for member in walk] == ["3"]
    assert walk.others == 2


def test_what_we_write_is_read_by_tarfile():
    buffer = io.BytesIO()
    length = sum(write_member(buffer, name, bytes(number)) for number, name in enumerate(NAMES[:3]))
    end_tar(buffer, length)
    data = buffer.getvalue()
    assert len(data) == 10240
    assert data[length:] == bytes(10240 - length)
    assert list_by_tarfile(data) == list(TarWalk(buffer))


@pytest.mark.parametrize("size", [0, 1, 511, 512, 70000])
@pytest.mark.parametrize("name", ["", "a.jpg", "é" * 50, "n" * 100])
def test_headers_are_those_of_tarfile(name, size):
    buffer, entry = io.BytesIO(), tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o444
    assert write_member(buffer, name, bytes(size)) == 512 + size + -size % 512
    assert buffer.getvalue()[:512] == entry.tobuf(tarfile.USTAR_FORMAT, "utf-8")


@pytest.mark.parametrize("blocks", [0, 18, 19, 20, 21, 40])
def test_the_end_fills_a_record_as_tarfile_does(blocks):
    buffer = io.BytesIO()
    end_tar(buffer, 512 * blocks)
    assert len(buffer.getvalue()) >= 1024
    assert (512 * blocks + len(buffer.getvalue())) % 10240 == 0
    assert len(buffer.getvalue()) < 10240 + 1024


def test_a_walk_goes_on_while_others_read_the_file():
    data = make(tarfile.PAX_FORMAT, NAMES, mtime=0.5)
    file = io.BytesIO(data)
    found = []
    for member in TarWalk(file):
        file.seek(3)
        found.append(member)
    assert found == list_by_tarfile(data)


@pytest.mark.parametrize("form", FORMATS)
def test_any_byte_of_a_header_may_be_another(form):
    """Both ways find the same, or stop at the same place; none hangs, and none raises anything else."""
    data = make(FORMATS[form], [*NAMES[:2], NAMES[3 if form == "ustar" else 4]], mtime=1.5)
    rng = np.random.default_rng(0)
    for _ in range(400):
        spoilt = bytearray(data)
        for place in rng.integers(0, 1536, 2):
            spoilt[place] = rng.integers(0, 256)
        if rng.integers(2):
            del spoilt[rng.integers(0, len(spoilt)) :]
        outcomes = []
        for read_header in (tar_files._read_header, lambda file, start: None):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tar_files, "_read_header", read_header)
                walk = TarWalk(io.BytesIO(bytes(spoilt)))
                try:
                    outcomes.append((list(walk), walk.others, walk.is_cut, bool(walk.damage)))
                except tarfile.ReadError:
                    outcomes.append("not a tar file")
        assert outcomes[0] == outcomes[1]

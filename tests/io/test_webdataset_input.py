"""Tar files of samples as input: which samples they hold, their labels, and what is refused."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import DecodeError, InputError, StorageError
from augcli.input_files import InputFiles
from augcli.io.readers import webdataset
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.store.tar_files import TarWalk
from augcli.ops.cutmix import CutMix
from augcli.recipe import single


def image(number: int, form: str = "PNG", size: tuple[int, int] = (10, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (10 * number % 256, 7, 7)).save(buffer, form)
    return buffer.getvalue()


def mask(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 10), number, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, members: list[tuple[str, bytes]], form: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=form) as tar:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def samples(count: int, first: int = 0, suffix: str = "png") -> list[tuple[str, bytes]]:
    """Members of `count` samples of two classes."""
    members = []
    for number in range(first, first + count):
        members += [(f"{number:04d}.{suffix}", image(number)), (f"{number:04d}.cls", b"%d" % (number % 2))]
    return members


def read(src: object, **selection: object):
    """Open SRC; gives (source, keys, classes of the labels) of its only split."""
    source = open_source(str(src), Selection(**selection))
    (catalogue,) = source.catalogues
    return source, list(catalogue.keys), [label and label.classes for label in catalogue.labels]


def open_all(source):
    (catalogue,) = source.catalogues
    return source.samples(catalogue, source.groups[catalogue.split], 1)


def refusal(src: object, **selection: object) -> str:
    with pytest.raises(InputError) as caught:
        open_source(str(src), Selection(**selection))
    return str(caught.value)


# --- samples -------------------------------------------------------------------------------------------


def test_the_key_ends_at_the_first_dot_of_the_last_part(tmp_path):
    members = [("a.b/x.y.PNG", image(1)), ("a.b/x.cls", b"1"), ("a.b/z.png", image(2)), ("a.b/z.cls", b"0")]
    source, keys, labels = read(write_tar(tmp_path / "s.tar", members))
    assert keys == ["s.tar#a.b/x", "s.tar#a.b/z"]
    assert labels == [(1,), (0,)]
    opened = open_all(source)
    assert opened.read(0) == (image(1), "a.b/x")
    assert opened.read(1) == (image(2), "a.b/z")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_of_all_lengths_and_letters_are_read(tmp_path, form):
    long = "é" * 20 + "/" + "b" * (120 if form == tarfile.USTAR_FORMAT else 200) + "/" + "c" * 60
    long = long if form != tarfile.USTAR_FORMAT else "d" * 90 + "/" + "c" * 60
    members = [(f"{long}.png", image(1)), (f"{long}.cls", b"0"), ("ü.png", image(2)), ("ü.cls", b"1")]
    source, keys, _ = read(write_tar(tmp_path / "s.tar", members, form))
    assert keys == [f"s.tar#{long}", "s.tar#ü"]
    assert open_all(source).read(0)[0] == image(1)


def test_members_that_are_no_samples_are_skipped(tmp_path):
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as tar:
        for kind, name in (
            (tarfile.DIRTYPE, "d"),
            (tarfile.SYMTYPE, "d/l.png"),
            (tarfile.FIFOTYPE, "d/f.png"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "x.png"
            tar.addfile(entry)
        for name, data in (
            ("__meta__", b"{}"), ("__x__/a.png", image(9)), ("README", b""), (".hidden.png", image(9)),
            ("d/a.png", image(1)), ("d/a.cls", b"0"), ("index.json", b"{}"), ("d/b.png", image(2)),
            ("d/b.cls", b"1"),
        ):  # fmt: skip
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    source, keys, _ = read(path)
    assert keys == ["s.tar#d/a", "s.tar#d/b"]
    assert source.notes == (
        "labels: by member 'cls'",
        "members that are not read: json (1)",
        f"left out: 1 samples without an image ('{path}#index' first)",
        "passed over 2 links or the like in tar files",
    )


def test_a_folder_and_a_pattern_of_tar_files_are_read_in_order(tmp_path):
    for number in range(3):
        write_tar(tmp_path / "src" / f"part-{number}.tar", samples(2, 2 * number))
    write_tar(tmp_path / "src" / "part-3.tar", [])
    _, keys, labels = read(tmp_path / "src")
    assert keys == [f"part-{n // 2}.tar#{n:04d}" for n in range(6)]
    assert labels == [(0,), (1,)] * 3
    source, keys, _ = read(tmp_path / "src" / "part-[01].tar")
    assert keys == [f"part-{n // 2}.tar#{n:04d}" for n in range(4)]
    assert [group[:4] for group in source.groups[""]] == [("part-0.tar", 0, 0, 2), ("part-1.tar", 0, 2, 2)]
    assert source.groups[""][0].bytes == len(image(0)) + len(image(1))


def test_many_tar_files_are_scanned_at_once_and_stay_in_order(tmp_path, monkeypatch):
    count = 6
    for number in range(count):
        write_tar(tmp_path / f"{number}.tar", samples(2, 2 * number))
    together = threading.Barrier(count - 1)  # the first one alone says how all are read
    scan = webdataset.scan_tar

    def scan_together(tar, wanted):
        if not tar.name.endswith("0.tar"):
            place = together.wait(10)
            time.sleep(0.01 * (count - place))
        return scan(tar, wanted)

    monkeypatch.setattr(webdataset, "scan_tar", scan_together)
    _, keys, labels = read(tmp_path)
    assert keys == [f"{number // 2}.tar#{number:04d}" for number in range(2 * count)]
    assert labels == [(0,), (1,)] * count


def test_of_several_damaged_tar_files_the_first_is_named(tmp_path):
    write_tar(tmp_path / "0.tar", samples(1))
    for number in range(1, 9):
        (tmp_path / f"{number}.tar").write_bytes(b"x" * 2000)
    assert "1.tar' cannot be read as a tar file" in refusal(tmp_path)


def test_splits_are_read_by_the_names_of_tar_files(tmp_path):
    write_tar(tmp_path / "src" / "train-000000.tar", samples(4))
    write_tar(tmp_path / "src" / "val-000000.tar", samples(2))
    source = open_source(str(tmp_path / "src"), Selection())
    assert {split.split: len(split) for split in source.catalogues} == {"train": 4, "validation": 2}
    assert source.main == "train"
    _, keys, _ = read(tmp_path / "src", splits=False)
    assert len(keys) == 6


def test_a_sample_in_a_task_is_found_by_its_row(tmp_path):
    """A task knows some samples of a file, and their numbers in it."""
    write_tar(tmp_path / "src" / "a.tar", samples(5))
    source, _, _ = read(tmp_path / "src")
    (group,) = source.groups[""]
    (catalogue,) = source.catalogues
    opener = source.opener.for_groups([group._replace(first=0, wanted=(1, 4))])
    from augcli.pipeline.plan.tasks import slice_catalogue

    part = slice_catalogue(catalogue, np.array([1, 4]))
    opened = opener.open(part, [group._replace(first=0, wanted=(1, 4))], 3)
    assert [opened.read(n)[1] for n in (0, 1)] == ["0001", "0004"]
    assert opened.read(1)[0] == image(4)


def test_a_tar_file_that_changed_since_it_was_listed_is_not_read(tmp_path):
    path = write_tar(tmp_path / "s.tar", samples(2))
    source, _, _ = read(path)
    os.utime(path, (1, 1))
    with pytest.raises(StorageError, match="changed since it was listed"):
        open_all(source).read(0)


# --- labels --------------------------------------------------------------------------------------------


def labelled(path: Path, suffix: str, values: list[bytes]) -> Path:
    members = []
    for number, value in enumerate(values):
        members += [(f"{number}.png", image(number)), (f"{number}.{suffix}", value)]
    return write_tar(path, members)


def test_labels_of_another_member_are_named_by_its_suffix(tmp_path):
    path = labelled(tmp_path / "s.tar", "txt", [b"dog\n", b" cat", b"dog"])
    source, _, labels = read(path, label_col="txt")
    assert source.catalogues[0].classes == ("cat", "dog")
    assert labels == [(1,), (0,), (1,)]
    source, _, labels = read(path)
    assert labels == [None] * 3
    assert source.notes == ("members that are not read: txt (3)",)


def test_labels_of_json_are_named_by_their_field(tmp_path):
    values = [{"y": {"id": 2, "name": "c"}, "label": 1}, {"y": {"id": 0, "name": "a"}, "label": 0}]
    path = labelled(tmp_path / "s.tar", "json", [json.dumps(value).encode() for value in values])
    assert read(path, label_col="json.y.id")[2] == [(2,), (0,)]
    source, _, labels = read(path, label_col="json.y.name")
    assert (source.catalogues[0].classes, labels) == (("a", "c"), [(1,), (0,)])
    source, _, labels = read(path)
    assert labels == [None, None]
    assert source.labelled.candidates == ("json.label",)
    assert str(source.notes[0]) == "no labels were read; columns that could be: json.label: give label_col"


def test_an_image_without_a_label_stays_unlabelled(tmp_path):
    members = [*samples(2), ("x.png", image(7))]
    assert read(write_tar(tmp_path / "s.tar", members))[2] == [(0,), (1,), None]


def test_class_names_of_cls_are_read_as_of_a_csv(tmp_path):
    path = labelled(tmp_path / "s.tar", "cls", [b"1", b"0"])
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    source, _, labels = read(path, files=InputFiles(classes=str(tmp_path / "names.txt")))
    assert (source.catalogues[0].classes, labels) == (("cat", "dog"), [(1,), (0,)])


def test_labels_that_are_not_there_are_refused_with_what_is(tmp_path):
    path = labelled(tmp_path / "s.tar", "json", [b'{"tag": 1, "size": 3}'] * 2)
    what = "no sample has 'json.foo'; the first one has json.tag, json.size; give label_col"
    assert refusal(path, label_col="json.foo") == f"{what} (such as label_col='json.tag')"
    assert refusal(write_tar(tmp_path / "t.tar", [("a.png", image(1))]), label_col="cls") == (
        "no sample has 'cls'; the first one has nothing but images; give label_col"
    )


@pytest.mark.parametrize(
    ("values", "label_col", "message"),
    [
        ([b"{", b"{}"], "json.a", "'0.json' is not JSON: "),
        ([b'{"a": 1}', b'{"a": "x"}'], "json.a", "values of 'json.a' are not labels of one type"),
        ([b'{"a": "\\ud800"}', b'{"a": "x"}'], "json.a", "values of 'json.a' are not labels of one type"),
        ([b'{"a": 0.5}', b'{"a": 1}'], "json.a", "column 'json.a' holds 0.5"),
    ],
)
def test_labels_of_json_that_mean_nothing_are_refused(tmp_path, values, label_col, message):
    assert message in refusal(labelled(tmp_path / "s.tar", "json", values), label_col=label_col)


def test_folders_in_a_tar_file_are_named_where_nothing_labels_its_samples(tmp_path, cli):
    """What people have who packed a folder of class folders."""
    members = [(f"pets/{name}/{n}.png", image(n)) for name in ("cat", "dog") for n in range(2)]
    assert read(write_tar(tmp_path / "one.tar", members))[0].notes == ()
    members = [(name.removeprefix("pets/"), data) for name, data in members]
    path = write_tar(tmp_path / "s.tar", members)
    cure = "if these are classes, unpack the tar files and give the folder"
    note = f"samples lie in folders ('cat', 'dog'); {cure}"
    assert read(path)[0].notes == (note,)
    done = cli("cutmix", path, tmp_path / "dst")
    assert done.returncode == 4
    assert note in done.stderr


def test_bytes_are_no_label(tmp_path):
    path = labelled(tmp_path / "s.tar", "cls", [b"\xff\xfe"])
    assert refusal(path) == f"'{path}': '0.cls' is not text; give label_col"


def test_a_table_of_labels_is_for_folders(tmp_path):
    path = write_tar(tmp_path / "s.tar", samples(1))
    why = "labels is for image folders; tar files hold their labels: give label_col"
    assert refusal(path, files=InputFiles(labels="x.csv")) == why


# --- several images, masks, boxes ----------------------------------------------------------------------


def test_several_images_of_a_sample_are_refused_with_the_option_that_chooses(tmp_path):
    members = [("a.left.png", image(1)), ("a.right.png", image(2)), ("a.cls", b"1")]
    path = write_tar(tmp_path / "s.tar", members)
    assert refusal(path) == (
        f"'{path}': sample 'a' has several images, 'left.png', 'right.png'; give image_col='left.png' to"
        " take one of them, and masks='right.png' if that is its mask"
    )
    source, _, labels = read(path, image_col="right.png")
    assert (open_all(source).read(0)[0], labels) == (image(2), [(1,)])
    assert "members that are not read: left.png (1)" in source.notes


@pytest.mark.parametrize(("suffix", "given"), [("mask.png", None), ("seg.png", "seg.png")])
def test_masks_are_those_called_so_or_those_that_are_named(tmp_path, suffix, given):
    members = []
    for number in range(3):
        members += [(f"{number}.jpg", image(number, "JPEG")), (f"{number}.{suffix}", mask(number))]
    members = members[:-1]  # the last one has none
    source, keys, _ = read(write_tar(tmp_path / "s.tar", members), files=InputFiles(masks=given))
    assert source.annotated.masks
    assert source.notes == (f"masks: those of members '{suffix}'",)
    opened = open_all(source)
    assert opened.read_mask(1) == mask(1)
    assert opened.read(1)[0] == image(1, "JPEG")
    with pytest.raises(DecodeError, match="no mask"):
        opened.read_mask(2)
    assert len(keys) == 3


def test_a_colour_image_called_mask_is_another_image(tmp_path):
    members = [("a.jpg", image(1, "JPEG")), ("a.mask.png", image(2))]
    assert "has several images, 'jpg', 'mask.png'" in refusal(write_tar(tmp_path / "s.tar", members))


def test_masks_that_are_not_there_are_refused(tmp_path):
    path = write_tar(tmp_path / "s.tar", samples(1))
    what = f"masks 'seg.png': no sample of '{path}' has such a member; give the suffix of one"
    assert refusal(path, files=InputFiles(masks="seg.png")) == what


def test_boxes_of_a_file_are_found_by_the_names_of_images(tmp_path):
    boxes = [{"id": 1, "image_id": 5, "category_id": 1, "bbox": [1, 1, 3, 2]}]
    images = [{"id": 5, "file_name": "0001.png", "width": 10, "height": 8}]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "x"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    path = write_tar(tmp_path / "s.tar", samples(2))
    source, _, _ = read(path, files=InputFiles(boxes=str(tmp_path / "boxes.json")))
    empty, full = source.catalogues[0].boxes
    assert empty is None
    assert full.edges.tolist() == [[1, 1, 3, 4]]


# --- bad input -----------------------------------------------------------------------------------------


def test_braces_are_answered_with_a_pattern(tmp_path):
    src = f"{tmp_path}/train-{{000000..000003}}.tar"
    why = "does not exist, since braces mean nothing here; give"
    assert refusal(src) == f"{src!r} {why} '{tmp_path}/train-*.tar'"


def test_a_member_that_comes_twice_is_refused(tmp_path):
    path = write_tar(tmp_path / "s.tar", [("a.png", image(1)), ("a.cls", b"0"), ("a.PNG", image(2))])
    assert refusal(path) == f"'{path}' holds 'a.PNG' twice; write the file anew, with one of them"


def test_members_of_a_sample_that_stand_apart_are_refused(tmp_path):
    path = write_tar(tmp_path / "s.tar", [("a.png", image(1)), ("b.png", image(2)), ("a.cls", b"0")])
    why = "members of sample 'a' do not stand one behind the other; write the file anew, sorted by name"
    assert refusal(path) == f"'{path}': {why}"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("s.tar", b"", "cannot be read as a tar file: empty file"),
        ("s.tar", b"no tar file, but text", "cannot be read as a tar file: truncated header"),
        ("s.tar", b"text" * 1000, "cannot be read as a tar file: invalid header"),
        ("s.tar", gzip.compress(b"x", mtime=0), "it is compressed (gzip); unpack it first"),
        ("s.tar", b"version https://git-lfs.github.com/spec/v1\noid x", "run `git lfs pull`"),
        ("s.tar", bytes(10240), "hold no images"),
        (
            "s.tar.gz",
            gzip.compress(b"x", mtime=0),
            "s.tar.gz' is compressed, so that each sample would be unpacked",
        ),
        ("s.tgz", gzip.compress(b"x", mtime=0), "unpack it first: gunzip s.tgz"),
    ],
)
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_no_tar_file_is_refused_by_what_it_is(tmp_path, name, data, message, whole):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / name).write_bytes(data)
    assert message in refusal(tmp_path / "src" if whole else tmp_path / "src" / name)


def test_tar_files_without_images_are_refused_with_what_they_hold(tmp_path):
    path = write_tar(tmp_path / "s.tar", [("a.txt", b"x"), ("a.cls", b"0")])
    assert refusal(path) == f"the tar files of '{path}' hold no images; their members are txt"


def cut_members(tmp_path, keep):
    """A tar file of three samples, cut so many bytes behind the beginning of the last image."""
    path = write_tar(tmp_path / "s.tar", samples(3), tarfile.USTAR_FORMAT)
    with path.open("rb") as file:
        last = [member for member in TarWalk(file) if member.name.endswith(".png")][-1]
    os.truncate(path, last.start + keep)
    return path


@pytest.mark.parametrize("keep", [0, 20, 510, 1024])
def test_a_sample_that_is_cut_off_is_recorded_as_failed(tmp_path, keep, cli):
    """In its image, in the padding behind it, or in its label's header: else it were one without a label."""
    path = cut_members(tmp_path, keep)
    source, keys, labels = read(path)
    assert (len(keys), labels) == (3, [(0,), (1,), None])
    assert f"'{path}' ends without the end of a tar file; it may have been cut off" in source.notes
    opened = open_all(source)
    assert opened.read(1)[0] == image(1)
    with pytest.raises(DecodeError, match="cut off"):
        opened.read(2)
    done = cli("cutmix", path, tmp_path / "dst")
    assert done.returncode == 3
    failure = json.loads((tmp_path / "dst" / "failures.jsonl").read_text())
    assert (failure["source"], failure["reason"]) == ("s.tar#0002", "cut off")
    assert failure["detail"] == "the tar file ends before the sample does"  # wherever it lies


def test_a_whole_sample_at_the_end_of_a_cut_file_is_read(tmp_path):
    path = write_tar(tmp_path / "s.tar", samples(3), tarfile.USTAR_FORMAT)
    with path.open("rb") as file:
        last = list(TarWalk(file))[-1]
    os.truncate(path, last.start + last.size)
    source, _, labels = read(path)
    assert labels == [(0,), (1,), (0,)]
    assert open_all(source).read(2)[0] == image(2)


def test_a_damaged_header_between_samples_is_refused(tmp_path):
    """Readers of tar files stop there, and what follows would be lost in silence."""
    path = write_tar(tmp_path / "s.tar", samples(3), tarfile.USTAR_FORMAT)
    data = bytearray(path.read_bytes())
    data[data.index(b"0001.cls") + 150] ^= 1
    path.write_bytes(data)
    assert refusal(path) == (
        f"'{path}' is damaged behind '0001.png': a damaged header; make it anew, or take it away"
    )


def test_tar_files_beside_images_or_shards_are_passed_over(tmp_path, shards):
    write_tar(tmp_path / "a" / "s.tar", samples(1))
    for number in range(2):
        (tmp_path / "a" / f"{number}.png").write_bytes(image(number))
    source = open_source(str(tmp_path / "a"), Selection())
    assert source.layout == "folder"
    assert "passed over 1 .tar (shards beside images; give them alone as SRC to read them)" in source.notes


# --- runs ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_pairs_and_bytes_do_not_depend_on_workers_or_on_how_work_is_cut(tmp_path, tree, limit):
    limit(chunk_outputs=8, chunk_groups=2)
    for number in range(8):
        write_tar(tmp_path / "src" / f"{number}.tar", samples(6, 6 * number))
    recipe = single(CutMix(), copies=2)
    augcli.materialize(tmp_path / "src", tmp_path / "a", recipe, workers=1)
    assert len(list((tmp_path / "a").glob("*.tar"))) == 2
    limit(chunk_outputs=8, chunk_groups=2, shortest_piece=1, longest_piece=3, spare_partners=0)
    augcli.materialize(tmp_path / "src", tmp_path / "b", recipe, workers=3)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert augcli.verify(tmp_path / "a", against=tmp_path / "src").differences == ()


def test_a_touched_tar_file_is_compared_and_a_changed_one_made_again(tmp_path, tree):
    path = write_tar(tmp_path / "src" / "s.tar", samples(4), tarfile.USTAR_FORMAT)
    run = (tmp_path / "src", tmp_path / "dst", single(CutMix()))
    augcli.materialize(*run)
    os.utime(path, (1, 1))
    summary = augcli.materialize(*run)
    assert (summary.chunks_done, summary.chunks_compared) == ((), 1)
    write_tar(path, [*samples(3), ("0003.png", image(77)), ("0003.cls", b"1")], tarfile.USTAR_FORMAT)
    assert augcli.materialize(*run).chunks_done == ("all",)


def own_output(tmp_path, **settings) -> tuple[Path, Path]:
    """A folder with soft labels, and an output of it as tar files."""
    src = tmp_path / "folder"
    for name in ("naïve", "b", "c"):
        for number in range(4):
            (src / name).mkdir(parents=True, exist_ok=True)
            (src / name / f"{number}.png").write_bytes(image(number + ord(name[0])))
    recipe = single(CutMix(), **({"format": "webdataset", "copies": 2} | settings))
    augcli.materialize(src, tmp_path / "own", recipe)
    return src, tmp_path / "own"


def exact_labels(dst: Path) -> dict[str, tuple]:
    """Class weights of each sample by its key, read with `tarfile`."""
    found = {}
    for path in dst.glob("*.tar"):
        with tarfile.open(path) as tar:
            for name in tar.getnames():
                if name.endswith(".json"):
                    said = json.load(tar.extractfile(name))
                    found[f"{path.name}#{name[:-5]}"] = (tuple(said["classes"]), tuple(said["weights"]))
    return found


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_output_of_ours_is_read_back_exactly(tmp_path, smoothing):
    _, own = own_output(tmp_path, smoothing=smoothing)
    source = open_source(str(own), Selection())
    (catalogue,) = source.catalogues
    assert catalogue.classes == ("b", "c", "naïve")
    labels = {
        key: (label.classes, label.weights)
        for key, label in zip(catalogue.keys, catalogue.labels, strict=True)
    }
    assert labels == exact_labels(own)
    assert any(len(classes) > 1 for classes, _ in labels.values())
    assert "labels: by 'classes' and 'weights' of the members 'json' (exact)" in source.notes
    assert not [note for note in source.notes if "not read" in note or "passed over" in note]
    assert source.labelled.smoothing == smoothing


def test_tar_files_taken_out_of_an_output_bear_their_names_along(tmp_path):
    _, own = own_output(tmp_path)
    (tmp_path / "alone").mkdir()
    for path in own.glob("*.tar"):
        path.rename(tmp_path / "alone" / path.name)
    assert open_source(str(tmp_path / "alone"), Selection()).catalogues[0].classes == ("b", "c", "naïve")


@pytest.mark.parametrize(("own_name", "other_name"), [("a", "b"), ("b", "a")])
def test_an_output_beside_other_tar_files_is_refused(tmp_path, own_name, other_name):
    """Its numbers would be names beside the names of others, or the labels of others be lost."""
    own_output(tmp_path)
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (tmp_path / "own" / "train-000000.tar").rename(mixed / f"{own_name}.tar")
    write_tar(mixed / f"{other_name}.tar", [("x.png", image(1)), ("x.cls", b"b")])
    own, other = f"'{mixed}/{own_name}.tar'", f"'{mixed}/{other_name}.tar'"
    why = f"{own} is of an output of augcli, with exact labels, and {other} is not"
    assert refusal(mixed) == f"{why}; give each alone, or label_col for what labels both"
    assert len(read(mixed, label_col="json.source")[1]) == 25


def test_an_output_of_an_output_and_of_its_folder_twin_have_the_same_labels(tmp_path):
    """Soft labels survive any number of runs, from tar files as from folders."""
    src, own = own_output(tmp_path)
    augcli.materialize(src, tmp_path / "twin", single(CutMix(), copies=2))
    tars = open_source(str(own), Selection()).catalogues[0]
    twin = open_source(str(tmp_path / "twin"), Selection()).catalogues[0]
    by_name = {Path(key).stem: label for key, label in zip(twin.keys, twin.labels, strict=True)}
    for key, label in zip(tars.keys, tars.labels, strict=True):
        assert by_name[key.partition("#")[2]] == label


def test_columns_of_an_earlier_input_are_not_lost_in_silence(tmp_path):
    images = pa.array([{"bytes": image(n), "path": f"{n}.png"} for n in range(3)])
    (tmp_path / "src").mkdir()
    table = pa.table({"image": images, "label": [0, 1, 0], "caption": ["a", "b", "c"]})
    pq.write_table(table, tmp_path / "src" / "a.parquet")
    augcli.materialize(tmp_path / "src", tmp_path / "own", single(CutMix(), format="webdataset"), workers=1)
    notes = open_source(str(tmp_path / "own"), Selection()).notes
    assert "the columns of an earlier input ('columns' in 'json') are not carried on" in notes


def test_smoothed_weights_alone_are_not_smoothed_again(tmp_path, cli):
    _, own = own_output(tmp_path, smoothing=0.1)
    run = ("cutmix", own, tmp_path / "dst", "--label-col", "json.soft_label", "--smoothing", "0.1")
    done = cli(*run)
    assert done.returncode == 4
    assert "the labels that were read are smoothed already" in done.stderr
    assert cli(*run[:3], "--smoothing", "0.1").returncode == 0


def test_masks_and_boxes_of_an_output_follow_again(tmp_path):
    boxes, images = [], []
    for number in range(4):
        for folder, data in (("images", image(number)), ("masks", mask(number + 1))):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{number}.png").write_bytes(data)
        images.append({"id": number, "file_name": f"{number}.png", "height": 8, "width": 10, "date": "x"})
        box = {"id": number, "image_id": number, "category_id": 3, "bbox": [1, 2, 4, 3], "iscrowd": 0}
        boxes += [box] * (number % 2)
    document = {"images": images, "annotations": boxes, "categories": [{"id": 3, "name": "thing"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    recipe = {"op": [{"kind": "cutout", "p": 0.0}]}
    given = {"masks": tmp_path / "masks", "boxes": tmp_path / "boxes.json"}
    augcli.materialize(tmp_path / "images", tmp_path / "own", recipe | {"format": "webdataset"}, **given)
    source = open_source(str(tmp_path / "own"), Selection())
    (catalogue,) = source.catalogues
    assert source.annotated.masks
    assert source.annotated.boxes.names == ("thing",)
    for key, found in zip(catalogue.keys, catalogue.boxes, strict=True):
        number = int(key.partition("#")[2][0])
        assert found.edges.tolist() == [[2, 1, 5, 5]] * (number % 2)
        assert (found.height, found.width, json.loads(found.extra)["date"]) == (8, 10, "x")
    augcli.materialize(tmp_path / "own", tmp_path / "again", recipe | {"format": "folder"})
    said = json.loads((tmp_path / "again" / "train" / "annotations.json").read_text())
    assert [box["bbox"] for box in said["annotations"]] == [[1, 2, 4, 3]] * 2
    assert {box["iscrowd"] for box in said["annotations"]} == {0}
    assert len(list((tmp_path / "again" / "train" / "masks").glob("*.png"))) == 4
    assert augcli.verify(tmp_path / "again", against=tmp_path / "own").differences == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"classes": [', b'"classes":"['), (b'"weights": [', b'"weights":{[')],
)
def test_an_output_whose_json_was_changed_is_refused(tmp_path, old, new):
    _, own = own_output(tmp_path)
    path = next(own.glob("*.tar"))
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    assert "is not JSON" in refusal(own)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
def test_tar_files_become_any_layout(tmp_path, layout):
    _, own = own_output(tmp_path)
    augcli.materialize(own, tmp_path / "dst", single(CutMix(), format=layout))
    assert augcli.verify(tmp_path / "dst", against=own).differences == ()


def test_names_of_two_kinds_are_refused_before_anything_is_written(tmp_path, cli):
    path = write_tar(tmp_path / "s.tar", [("a.jpg", image(1, "JPEG")), ("a.cls", b"0"), *samples(1)])
    done = cli("cutmix", path, tmp_path / "dst")
    assert done.returncode == 2
    assert "all images of a data set need the same suffix, got 'a.jpg' and '0000.png'" in done.stderr
    assert not (tmp_path / "dst").exists()
    assert cli("cutmix", path, tmp_path / "dst", "--format", "folder").returncode == 0


def outcome(src: Path) -> str:
    """Open SRC; say what became of it. A message has one line."""
    try:
        open_source(str(src), Selection())
    except InputError as error:
        return "refused" if "\n" not in str(error) else str(error)
    return "read"


@pytest.mark.slow
def test_hostile_headers_end_no_run(tmp_path):
    """Any byte of the headers may be another: it is read, or refused in one line."""
    data = write_tar(tmp_path / "s.tar", samples(2), tarfile.GNU_FORMAT).read_bytes()
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        spoilt = bytearray(data)
        for place in rng.integers(0, 1024, 2):
            spoilt[place] = rng.integers(0, 256)
        for start in (0, 1024):  # as if the writer had meant it
            block = spoilt[start : start + 512]
            total = 256 + sum(block[:148]) + sum(block[156:])
            spoilt[start + 148 : start + 156] = b"%06o\0 " % total
        (tmp_path / "s.tar").write_bytes(spoilt)
        outcomes.add(outcome(tmp_path / "s.tar"))
    assert outcomes == {"read", "refused"}

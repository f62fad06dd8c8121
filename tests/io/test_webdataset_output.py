"""Outputs as tar files: their bytes, their samples, and the loaders that read them with no code of ours.

timm is not installed where this runs: its rules are restated, as `timm/data/readers/reader_wds.py` has them.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import OutputError, StorageError, UsageError
from augcli.io.store.tar_files import write_member
from augcli.io.writers import webdataset as writer_module
from augcli.io.writers.sample_members import npy_file
from augcli.ops.cutmix import CutMix
from augcli.recipe import Recipe, single

HASH = r"[0-9a-f]{16}"


def mixing(**settings) -> Recipe:
    return single(CutMix(), **({"format": "webdataset"} | settings))


def unchanged(**settings) -> Recipe:
    return single(CutMix(), 0.0, **({"format": "webdataset"} | settings))


def read_samples(dst: Path, split: str = "train") -> dict[str, dict[str, bytes]]:
    """The samples of all tar files of a split, by key; a key ends at the first dot."""
    samples: dict[str, dict[str, bytes]] = {}
    for path in sorted(dst.glob(f"{split}-*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                assert suffix not in samples.setdefault(key, {})
                samples[key][suffix] = tar.extractfile(member).read()
    return samples


def read_json(dst: Path, split: str = "train") -> list[dict]:
    return [json.loads(sample["json"]) for sample in read_samples(dst, split).values()]


def save(path: Path, colour: int, form: str | None = None, size: tuple[int, int] = (10, 8)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (colour % 256, 9, 9)).save(path, form)
    return path


@pytest.fixture(scope="module")
def output(tmp_path_factory, photos) -> Path:
    """Two copies of each of the 24 photos, smoothed, in several tar files."""
    with pytest.MonkeyPatch.context() as patch:
        from tests.conftest import set_limits

        set_limits(patch, chunk_outputs=16)
        dst = tmp_path_factory.mktemp("webdataset") / "dst"
        augcli.materialize(photos, dst, mixing(copies=2, smoothing=0.1))
    return dst


# --- bytes and names -----------------------------------------------------------------------------------


def test_members_tell_nothing_of_when_where_and_by_whom(output):
    for path in output.glob("*.tar"):
        assert path.stat().st_size % 10240 == 0
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                assert (member.mode, member.type, member.pax_headers) == (0o444, tarfile.REGTYPE, {})


def test_the_members_of_a_sample_stand_in_one_order(output):
    names = []
    for path in sorted(output.glob("*.tar")):
        with tarfile.open(path) as tar:
            names += tar.getnames()
    keys = [name.partition(".")[0] for name in names]
    assert keys[::4] == keys[1::4] == keys[2::4] == keys[3::4]
    assert len(set(keys[::4])) == 48
    assert [name.partition(".")[2] for name in names] == ["jpg", "cls", "json", "soft.npy"] * 48
    assert all(re.fullmatch(rf"[a-z]+(-shirt)?_\d\d__cutmix[01]-{HASH}", key) for key in keys)


def test_samples_stand_in_no_order_of_their_classes(output):
    with tarfile.open(sorted(output.glob("*.tar"))[0]) as tar:
        folders = [name.partition("_")[0] for name in tar.getnames()[::4]]
    assert sum(here != ahead for here, ahead in itertools.pairwise(folders)) > 4


def test_tar_files_are_numbered_without_a_gap(output):
    numbers = sorted(path.name for path in output.glob("*.tar"))
    assert numbers == [f"train-{number:06d}.tar" for number in range(4)]


@pytest.mark.slow
@pytest.mark.parametrize("fields", [{}, {"shortest_piece": 1, "longest_piece": 3, "longest_in_threads": 2}])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_bytes_are_the_same_however_the_work_is_cut(output, photos, tmp_path, tree, limit, workers, fields):
    limit(chunk_outputs=16, **fields)
    augcli.materialize(photos, tmp_path / "dst", mixing(copies=2, smoothing=0.1), workers=workers)
    assert tree(tmp_path / "dst") == tree(output)


@pytest.mark.slow
def test_a_run_that_was_interrupted_gives_the_same_bytes(output, photos, tmp_path, tree, limit, monkeypatch):
    limit(chunk_outputs=16)
    recipe, calls = mixing(copies=2, smoothing=0.1), []
    commit = writer_module.WebdatasetWriter.commit

    def fail_third(self, *given):
        calls.append(given)
        if len(calls) == 3:
            raise StorageError("no space left")
        commit(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(writer_module.WebdatasetWriter, "commit", fail_third)
        with pytest.raises(StorageError):
            augcli.materialize(photos, tmp_path / "dst", recipe)
    assert len(list((tmp_path / "dst").glob("*.tar"))) == 2
    augcli.materialize(photos, tmp_path / "dst", recipe)
    assert tree(tmp_path / "dst") == tree(output)
    assert not augcli.materialize(photos, tmp_path / "dst", recipe).chunks_done


def test_a_name_of_101_bytes_does_not_fit_and_keys_are_cut_for_it(tmp_path):
    assert write_member(io.BytesIO(), "a" * 96 + ".jpg", b"") == 512
    with pytest.raises(ValueError, match="does not fit into a plain header"):
        write_member(io.BytesIO(), "a" * 97 + ".jpg", b"")
    long = "é" * 100 + "." + "b" * 40  # 241 bytes
    for number in range(2):
        save(tmp_path / "src" / "c" / f"{long}{number}.png", number)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing(copies=3))
    keys = read_samples(tmp_path / "dst")
    assert len(keys) == 6
    assert max(len(f"{key}.mask.png".encode()) for key in keys) <= 100
    assert all(re.fullmatch(rf"é+__cutmix\d-{HASH}", key) for key in keys)


def test_dots_of_a_name_do_not_end_its_key(tmp_path):
    for name in ("a.b.c", "a.b.d", ".x.y"):
        save(tmp_path / "src" / "c" / f"z{name}.png", len(name))
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(CutMix(), format="webdataset"))
    keys = sorted(read_samples(tmp_path / "dst"))
    assert [key.rpartition("__")[0] for key in keys] == ["z_x_y", "za_b_c", "za_b_d"]
    assert all(
        set(sample) == {"png", "cls", "json", "soft.npy"}
        for sample in read_samples(tmp_path / "dst").values()
    )


def test_a_recipe_may_have_a_long_name_with_dots(make_folder, tmp_path):
    recipe = Recipe(name="r." * 31, entries=mixing().entries, format="webdataset")
    augcli.materialize(make_folder({"cat": 2}), tmp_path / "dst", recipe)
    keys = sorted(read_samples(tmp_path / "dst"))
    assert all(re.fullmatch(rf"[01]__{'r_' * 31}0-{HASH}", key) for key in keys)


# --- what is said of a sample --------------------------------------------------------------------------


def test_cls_and_json_and_soft_labels_say_what_part_files_say(output):
    rows = pa.concat_tables(map(pq.read_table, sorted(output.glob(".augcli-*.parquet")))).to_pylist()
    known = {Path(row["file_name"]).stem: row for row in rows}
    names = (output / "classes.txt").read_text().split()
    for key, sample in read_samples(output).items():
        row, said = known[key], json.loads(sample["json"])
        assert sample["cls"] == str(row["label"]).encode()
        assert said["label_name"] == names[row["label"]]
        same = ("label", "classes", "weights", "lam", "source", "op", "copy", "hash", "width", "height")
        assert {name: said[name] for name in same} == {name: row[name] for name in same}
        assert json.loads(said["partners"]) == row["partners"]
        exact = np.zeros(4)
        exact[row["classes"]] = row["weights"]
        np.testing.assert_allclose(said["soft_label"], 0.9 * exact + 0.025, rtol=1e-12)
        soft = np.load(io.BytesIO(sample["soft.npy"]))
        assert soft.dtype == np.float32
        np.testing.assert_array_equal(soft, np.float32(said["soft_label"]))


def test_floats_always_have_a_point_and_nothing_is_null_or_empty(photos, tmp_path):
    """`datasets` takes the types of all samples from the first five."""
    augcli.materialize(photos, tmp_path / "dst", unchanged())  # every weight is whole
    for sample in read_samples(tmp_path / "dst").values():
        said = json.loads(sample["json"])
        assert (said["lam"], said["weights"]) == (1.0, [1.0])
        for value in (said["lam"], *said["weights"], *said["soft_label"]):
            assert type(value) is float
        assert {type(value) for value in (said["label"], said["copy"], *said["classes"])} == {int}
        assert b"null" not in sample["json"]
        assert b"[]" not in sample["json"].replace(b'"[]"', b"")


def test_an_array_is_written_as_numpy_writes_it():
    values = np.linspace(0, 1, 7).astype(np.float32)
    own = io.BytesIO()
    np.save(own, values)
    assert npy_file(values) == own.getvalue()


def test_names_of_classes_are_those_of_the_class_list(tmp_path):
    """One line each, whatever they hold."""
    for number, name in enumerate(("a\nb", "c\u2028d")):
        save(tmp_path / "src" / name / "x.png", number)
        save(tmp_path / "src" / name / "y.png", number)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing())
    names = (tmp_path / "dst" / "classes.txt").read_text("utf-8").split("\n")
    assert names == ["a%0Ab", "c\u2028d", ""]
    assert all(said["label_name"] == names[said["label"]] for said in read_json(tmp_path / "dst"))
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_unlabelled_images_have_no_cls_and_no_soft_label(tmp_path):
    for number in range(3):
        save(tmp_path / "src" / f"{number}.png", number)
    recipe = {"op": [{"kind": "cutout"}], "format": "webdataset"}
    augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe)
    for sample in read_samples(tmp_path / "dst").values():
        assert set(sample) == {"png", "json"}
        assert (
            not {"label", "label_name", "classes", "weights", "soft_label"}
            & json.loads(sample["json"]).keys()
        )


@pytest.mark.parametrize(
    ("classes", "soft_labels", "members", "has_field"),
    [(256, None, 4, True), (257, None, 3, False), (257, "dense", 4, False), (3, "pair", 3, False)],
)
def test_soft_labels_are_dense_where_they_are_elsewhere(tmp_path, classes, soft_labels, members, has_field):
    for number in range(3):
        save(tmp_path / "src" / f"c{number}" / "a.png", number)
    (tmp_path / "classes.txt").write_text("".join(f"c{number}\n" for number in range(classes)))
    recipe = mixing(soft_labels=soft_labels)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", recipe, classes=tmp_path / "classes.txt")
    for sample in read_samples(tmp_path / "dst").values():
        assert len(sample) == members
        assert ("soft_label" in json.loads(sample["json"])) is has_field


def test_columns_of_the_input_are_carried_along_as_one_text(tmp_path):
    """Values of every type, and missing ones, in one type that loaders need not guess."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    images = pa.array([{"bytes": buffer.getvalue(), "path": f"{n}.png"} for n in range(3)])
    table = {"image": images, "label": [0, 1, 0], "caption": ["a", None, "ü"], "raw": [b"\xff", b"", b"x"]}
    table |= {"size": [1.0, 2.5, float("nan")], "label_name": ["x", "y", "z"]}
    (tmp_path / "src").mkdir()
    pq.write_table(pa.table(table), tmp_path / "src" / "a.parquet")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing(), workers=1)
    carried = {said["source"]: json.loads(said["columns"]) for said in read_json(tmp_path / "dst")}
    assert carried["a.parquet#0"] == {"caption": "a", "raw": "/w==", "size": 1.0, "label_name": "x"}
    assert carried["a.parquet#1"]["caption"] is None
    assert {said["label_name"] for said in read_json(tmp_path / "dst")} == {"0", "1"}


# --- one suffix ----------------------------------------------------------------------------------------


def test_names_of_two_kinds_are_refused_before_anything_is_written(tmp_path, cli):
    save(tmp_path / "src" / "c" / "a.JPEG", 1, "JPEG")
    save(tmp_path / "src" / "c" / "b.png", 2)
    done = cli("cutmix", "--format", "webdataset", "src", "dst", cwd=tmp_path)
    assert done.returncode == 2
    why = "webdataset: all images of a data set need the same suffix, got 'c/a.JPEG' and 'c/b.png'"
    assert done.stderr == f"augcli: {why}; give --image-format jpg or --image-format png\n"
    assert not (tmp_path / "dst").exists()
    assert cli("cutmix", "--format", "parquet", "src", "dst", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("form", ["jpg", "png"])
def test_with_image_format_two_kinds_come_out_as_one(tmp_path, form):
    save(tmp_path / "src" / "c" / "a.jpg", 1, "JPEG")
    save(tmp_path / "src" / "c" / "b.png", 2)
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing(image_format=form))
    assert [next(iter(sample)) for sample in read_samples(tmp_path / "dst").values()] == [form, form]


def test_bytes_of_another_kind_than_their_name_end_the_run_when_they_are_seen(tmp_path, cli):
    """ImageNet has a PNG among its JPEGs, called `n02105855_2933.JPEG`."""
    for number in range(4):
        save(tmp_path / "src" / "c" / f"{number}.jpg", number, "PNG" if number == 2 else "JPEG")
    run = ("cutmix", "--format", "webdataset", "src", "dst")
    for _ in range(2):  # the second time all chunks stand, and it is said again
        done = cli(*run, cwd=tmp_path)
        assert done.returncode == 2
        assert "need the same suffix, got 'train-000000.tar/" in done.stderr
        assert done.stderr.endswith("give --image-format jpg or --image-format png, and --force\n")
        assert not (tmp_path / "dst" / "_SUCCESS").exists()
    done = cli(*run, "--image-format", "jpg", "--force", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert cli("verify", "dst", cwd=tmp_path).returncode == 0


def test_two_splits_of_two_kinds_are_no_data_set(tmp_path):
    shard = {"train": "JPEG", "test": "PNG"}
    (tmp_path / "src").mkdir()
    for split, form in shard.items():
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, form)
        images = pa.array([{"bytes": buffer.getvalue(), "path": ""}] * 3)
        pq.write_table(pa.table({"image": images, "label": [0, 1, 0]}), tmp_path / "src" / f"{split}.parquet")
    with pytest.raises(UsageError, match="need the same suffix"):
        augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing(), workers=1)


# --- resume, verify, tables ----------------------------------------------------------------------------


def test_index_tells_timm_which_tar_files_there_are(output):
    info = json.loads((output / "_info.json").read_text())
    assert list(info) == ["splits"]
    train = info["splits"]["train"]
    assert train["filenames"] == [f"train-{number:06d}.tar" for number in range(4)]
    held = [len(tarfile.open(output / name).getnames()) // 4 for name in train["filenames"]]  # noqa: SIM115
    assert (train["name"], train["num_samples"], train["shard_lengths"]) == ("train", 48, held)


@pytest.mark.slow
def test_other_smoothing_writes_the_tar_files_anew_as_a_fresh_run_would(
    output, photos, tmp_path, tree, limit
):
    limit(chunk_outputs=16)
    shutil.copytree(output, tmp_path / "dst")
    summary = augcli.materialize(photos, tmp_path / "dst", mixing(copies=2, smoothing=0.3))
    assert (summary.outputs_made, summary.only_tables) == (0, True)
    augcli.materialize(photos, tmp_path / "fresh", mixing(copies=2, smoothing=0.3))
    assert tree(tmp_path / "dst") == tree(tmp_path / "fresh")
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_a_lost_tar_file_is_made_again(output, photos, tmp_path, tree, limit):
    limit(chunk_outputs=16)
    shutil.copytree(output, tmp_path / "dst")
    (tmp_path / "dst" / "train-000002.tar").unlink()
    found = augcli.verify(tmp_path / "dst").differences
    assert {difference.file for difference in found} >= {"train-000002.tar"}
    augcli.materialize(photos, tmp_path / "dst", mixing(copies=2, smoothing=0.1))
    assert tree(tmp_path / "dst") == tree(output)


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"lam": 0.', b'"lam": 1.', "it is not what the part files give, from byte"),
        (b"\xff\xd8\xff", b"\xff\xd8\xfe", "its bytes are others than were written"),
        (b"0000444", b"0000644", "cannot be read: .*train-000000.tar' is damaged"),
        (b".cls\x00", b".clz\x00", "is damaged"),
    ],
)
def test_verify_finds_any_byte_that_is_another(output, tmp_path, old, new, what):
    shutil.copytree(output, tmp_path / "dst")
    change(tmp_path / "dst" / "train-000000.tar", old, new)
    found = augcli.verify(tmp_path / "dst").differences
    assert any(re.search(what, str(difference.what)) for difference in found), found


@pytest.mark.slow
def test_verify_makes_outputs_again_from_their_sources(output, photos, limit):
    limit(chunk_outputs=16)
    done = augcli.verify(output, against=photos)
    assert (done.outputs, done.recomputed, done.differences) == (48, 48, ())


def test_a_damaged_tar_file_cannot_be_relabelled(output, photos, tmp_path, limit):
    limit(chunk_outputs=16)
    shutil.copytree(output, tmp_path / "dst")
    tar = tmp_path / "dst" / "train-000000.tar"
    size = tar.stat().st_size
    os.truncate(tar, 5000)
    os.truncate(tar, size)  # zeros follow
    with pytest.raises(OutputError, match=r"'.*train-000000\.tar' is damaged; remove it and run again"):
        augcli.materialize(photos, tmp_path / "dst", mixing(copies=2))


@pytest.mark.slow
def test_force_leaves_nothing_of_the_other_layout(output, photos, tmp_path, limit):
    limit(chunk_outputs=16)
    shutil.copytree(output, tmp_path / "dst")
    augcli.materialize(photos, tmp_path / "dst", mixing(format="folder"), force=True)
    assert not [*(tmp_path / "dst").glob("*.tar"), *(tmp_path / "dst").glob("_info.json")]
    augcli.materialize(photos, tmp_path / "dst", mixing(), force=True)
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_splits_have_tar_files_of_their_own(make_folder, tmp_path):
    for split, count in (("train", 4), ("val", 2)):
        make_folder({"cat": count, "dog": count}, f"src/{split}")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", mixing(smoothing=0.1, originals="copy"))
    splits = json.loads((tmp_path / "dst" / "_info.json").read_text())["splits"]
    assert {name: split["num_samples"] for name, split in splits.items()} == {"train": 16, "validation": 4}
    assert {said["op"] for said in read_json(tmp_path / "dst")} == {"original", "cutmix"}
    assert {tuple(said["soft_label"]) for said in read_json(tmp_path / "dst", "validation")} == {
        (1.0, 0.0),
        (0.0, 1.0),
    }
    card = (tmp_path / "dst" / "README.md").read_text()
    assert '- split: train\n    path: ["train-*.tar"]' in card
    assert '- split: validation\n    path: ["validation-*.tar"]' in card
    assert augcli.verify(tmp_path / "dst", against=tmp_path / "src").differences == ()


def test_failed_images_are_recorded_and_a_chunk_of_nothing_else_has_no_tar_file(make_folder, tmp_path, limit):
    limit(chunk_outputs=2)
    src = make_folder({"cat": 8})
    summary = augcli.materialize(src, tmp_path / "all", mixing())
    (tar, *others) = sorted((tmp_path / "all").glob("*.tar"))
    assert others
    sources = {said["source"] for said in read_json(tmp_path / "all")}
    with tarfile.open(tar) as file:
        held = [json.load(file.extractfile(name)) for name in file.getnames() if name.endswith(".json")]
    for said in held:
        (src / said["source"]).write_bytes(b"no image")
    summary = augcli.materialize(src, tmp_path / "dst", mixing(), max_errors=8)
    assert {failure.source for failure in summary.failures} == {said["source"] for said in held}
    assert {said["source"] for said in read_json(tmp_path / "dst")} == sources - {s["source"] for s in held}
    index = json.loads((tmp_path / "dst" / "_info.json").read_text())["splits"]["train"]
    assert index["filenames"] == [path.name for path in others]
    assert (tmp_path / "dst" / "failures.jsonl").exists()
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_a_limit_leaves_the_first_numbers(make_folder, tmp_path, limit):
    limit(chunk_outputs=4)
    augcli.materialize(make_folder({"cat": 32}), tmp_path / "dst", mixing(limit=11))
    index = json.loads((tmp_path / "dst" / "_info.json").read_text())["splits"]["train"]
    assert index["num_samples"] == 11
    assert index["filenames"] == [f"train-{n:06d}.tar" for n in range(len(index["filenames"]))]


def test_a_dry_run_writes_nothing(photos, tmp_path):
    summary = augcli.materialize(photos, tmp_path / "dst", mixing(), dry_run=True)
    assert (summary.outputs, summary.layout) == (24, "webdataset")
    assert not (tmp_path / "dst").exists()


@pytest.mark.slow
def test_preview_shows_what_a_tar_file_holds(output, photos, tmp_path):
    augcli.preview(photos, output, tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").size[0] > 100


@pytest.mark.slow
def test_partners_of_the_same_class_leave_no_tar_file_with_one_class(make_folder, tmp_path, limit):
    limit(chunk_outputs=8)
    src = make_folder({"cat": 32, "dog": 32, "emu": 32})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(partner="same-class"), format="webdataset"))
    tars = sorted((tmp_path / "dst").glob("*.tar"))
    assert len(tars) == 8 or len(tars) == 16
    for path in tars:
        with tarfile.open(path) as tar:
            assert len({tar.extractfile(n).read() for n in tar.getnames() if n.endswith(".cls")}) > 1
    assert augcli.verify(tmp_path / "dst", against=src).differences == ()


# --- masks and boxes -----------------------------------------------------------------------------------


@pytest.fixture
def annotated(tmp_path):
    """Four images, each with a mask, and boxes but for one."""
    images, boxes = [], []
    for number in range(4):
        save(tmp_path / "images" / f"{number}.png", 50 * number)
        mask = np.zeros((8, 10), np.uint8)
        mask[2:6, 1:5] = number + 1
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(mask).save(tmp_path / "masks" / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "height": 8, "width": 10, "license": 7})
        box = {"id": number, "image_id": number, "category_id": 5, "bbox": [1, 2, 4, 4], "iscrowd": 0}
        boxes += [box] * (number > 0)
    document = {"images": images, "annotations": boxes, "categories": [{"id": 5, "name": "thing"}]}
    (tmp_path / "boxes.json").write_text(json.dumps(document))
    return tmp_path


def test_masks_and_boxes_stand_in_the_samples(annotated):
    given = {"masks": annotated / "masks", "boxes": annotated / "boxes.json"}
    recipe = {"op": [{"kind": "cutout", "p": 0.0}], "format": "webdataset", "originals": "none"}
    augcli.materialize(annotated / "images", annotated / "dst", recipe, **given)
    samples = read_samples(annotated / "dst")
    assert len(samples) == 4
    for sample in samples.values():
        assert list(sample) == ["png", "json", "mask.png"]
        said, mask = json.loads(sample["json"]), np.asarray(Image.open(io.BytesIO(sample["mask.png"])))
        number = int(said["source"][0])
        assert (mask[3, 3], mask[0, 0]) == (number + 1, 0)
        own = {"bbox": [1.0, 2.0, 4.0, 4.0], "category": "thing", "category_index": 0, "visibility": 1.0}
        own |= {"weight": 1.0, "source": said["source"], "extra": {"iscrowd": 0}}
        assert json.loads(said["boxes"]) == [own] * (number > 0)
        assert json.loads(said["image"])["license"] == 7
    assert not list((annotated / "dst").glob("annotations*"))
    assert augcli.verify(annotated / "dst", against=annotated / "images", **given).differences == ()


# --- loaders -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_gnu_tar_lists_and_unpacks_them(output, tmp_path):
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("tar is not installed")
    for path in output.glob("*.tar"):
        done = subprocess.run([tar, "xf", path, "-C", tmp_path], capture_output=True, text=True, check=True)
        assert done.stderr == ""
    assert len(list(tmp_path.iterdir())) == 4 * 48
    for path in tmp_path.glob("*.jpg"):
        said = json.loads(path.with_suffix(".json").read_text())
        assert Image.open(path).size == (said["width"], said["height"])


class TestWebdataset:
    def test_its_own_reader_decodes_every_sample(self, output):
        wds = pytest.importorskip("webdataset")
        urls = str(output / "train-{000000..000003}.tar")
        samples = list(wds.WebDataset(urls, shardshuffle=False).decode("rgb8"))
        assert len(samples) == 48
        for sample in samples:
            said = sample["json"]
            assert sample["jpg"].shape == (said["height"], said["width"], 3)
            assert sample["cls"] == said["label"]
            assert sample["soft.npy"].sum() == pytest.approx(1, abs=1e-6)

    def test_a_dot_in_a_stem_would_be_read_as_a_suffix(self, tmp_path):
        """The trap: what `sample_key` is for."""
        wds = pytest.importorskip("webdataset")
        with (tmp_path / "a.tar").open("wb") as file:
            write_member(file, "a.b.jpg", b"1")
        (sample,) = wds.WebDataset(str(tmp_path / "a.tar"), shardshuffle=False)
        assert (sample["__key__"], sample["b.jpg"]) == ("a", b"1")


def write_tar(path: Path, *samples: dict[str, bytes]) -> None:
    with path.open("wb") as file:
        for number, sample in enumerate(samples):
            for suffix, data in sample.items():
                write_member(file, f"{number}.{suffix}", data)
        file.write(bytes(1024))


@pytest.fixture
def load(hugging_face, tmp_path):
    def call(root, streaming=False):
        return hugging_face.load_dataset(str(root), cache_dir=str(tmp_path / "cache"), streaming=streaming)

    return call


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_all_of_it(output, load, streaming):
    rows = list(load(output, streaming)["train"])
    assert len(rows) == 48
    for row in rows:
        assert row["jpg"].size == (row["json"]["width"], row["json"]["height"])
        assert row["cls"] == row["json"]["label"]
        assert sum(row["soft.npy"]) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(row["soft.npy"], row["json"]["soft_label"], atol=1e-7)


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_boxes_and_masks(annotated, load, streaming):
    given = {"masks": annotated / "masks", "boxes": annotated / "boxes.json"}
    recipe = {"op": [{"kind": "cutmix"}], "format": "webdataset", "copies": 4}
    augcli.materialize(annotated / "images", annotated / "dst", recipe, **given)
    rows = list(load(annotated / "dst", streaming)["train"])
    assert len(rows) == 16
    assert all(row["mask.png"].size == row["png"].size for row in rows)
    assert {0, 1} <= {len(json.loads(row["json"]["boxes"])) for row in rows}


def test_datasets_would_fail_on_whole_numbers_beside_floats(tmp_path, load):
    """The trap: `1` in one sample and `0.5` in another."""
    from datasets.exceptions import DatasetGenerationError

    jpg = save(tmp_path / "a.jpg", 1).read_bytes()
    (tmp_path / "data").mkdir()
    texts = [b'{"weights": [1]}', b'{"weights": [0.5, 0.5]}']
    write_tar(tmp_path / "data" / "train-000000.tar", *({"jpg": jpg, "json": text} for text in texts))
    with pytest.raises((pa.ArrowTypeError, pa.ArrowInvalid, DatasetGenerationError)):
        load(tmp_path / "data")


def test_datasets_would_lose_an_image_of_another_suffix(tmp_path, load):
    """The trap: the sixth image and those behind it are silently null."""
    jpg = save(tmp_path / "a.jpg", 1).read_bytes()
    (tmp_path / "data").mkdir()
    samples = [{"jpg": jpg, "cls": b"0"}] * 5 + [{"png": jpg, "cls": b"0"}]
    write_tar(tmp_path / "data" / "train-000000.tar", *samples)
    rows = load(tmp_path / "data")["train"]
    assert [row["jpg"] is None for row in rows] == [False] * 5 + [True]


def test_timm_finds_the_tar_files_and_decodes_their_samples(output):
    """`_load_info`, `_parse_split_info` and `_decode` of `reader_wds.py`."""
    info = json.loads((output / "_info.json").read_text())
    split = info["splits"]["train"]
    lengths = dict(zip(tuple(split["filenames"]), tuple(split["shard_lengths"]), strict=True))
    assert split["num_samples"] == sum(lengths.values())
    for name, length in lengths.items():
        with tarfile.open(output / name) as tar:
            samples: dict[str, dict[str, bytes]] = {}
            for member in tar:
                key, suffix = re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", member.name).groups()
                samples.setdefault(key, {})[suffix.lower()] = tar.extractfile(member).read()
        assert len(samples) == length
        for sample in samples.values():
            image = next(sample[suffix] for suffix in ("jpg", "png", "webp") if suffix in sample)
            Image.open(io.BytesIO(image)).convert("RGB")
            assert int(sample["cls"]) == json.loads(sample["json"])["label"]

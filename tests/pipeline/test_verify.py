"""What `verify` finds in an output that anyone changed, and that it finds nothing in one that nobody did."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import simplejpeg
from blake3 import blake3
from PIL import Image

import augcli
from augcli.errors import InputError, OutputError, UsageError
from augcli.io.records import part_files
from augcli.io.records.parts import Parts
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_names
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.erase import Erase
from augcli.ops.mixup import Mixup
from augcli.recipe import single
from augcli.recipe_files import read_recipe

CHAIN = read_recipe(
    {
        "op": [
            {"kind": "patch-cutout", "patch-size": 3, "fill": "normal"},
            {"kind": "erase", "p": 0.5, "fill": "random"},
            {"one_of": [{"kind": "cutmix", "weight": 0.5}, {"kind": "mixup", "weight": 0.5}]},
            {"kind": "cutmix", "minmax": "0.2:0.8"},
        ],
        "copies": 3,
        "originals": "copy",
        "smoothing": 0.1,
    }
)


@pytest.fixture(scope="module")
def originals(write_folder, limit_for, tmp_path_factory):
    """`src` and its outputs `folder` and `parquet`, of which tests change copies."""
    root = tmp_path_factory.mktemp("originals")
    write_folder(root / "src", {"cat": 10, "dog": 10})
    with pytest.MonkeyPatch.context() as patch:
        limit_for(patch, chunk_outputs=12)
        for form in ("folder", "parquet"):
            augcli.materialize(root / "src", root / form, single(CutMix(), format=form))
    return root


@pytest.fixture
def src(originals, tmp_path, limit):
    limit(chunk_outputs=12)
    return shutil.copytree(originals / "src", tmp_path / "src")


@pytest.fixture(params=["folder", "parquet"])
def made(request, originals, src, tmp_path):
    """A source and its output in either form."""
    return src, shutil.copytree(originals / request.param, tmp_path / "dst")


@pytest.fixture
def folder(originals, src, tmp_path):
    return shutil.copytree(originals / "folder", tmp_path / "dst")


@pytest.fixture
def shard_output(originals, src, tmp_path):
    return shutil.copytree(originals / "parquet", tmp_path / "dst")


def differences(dst, **options):
    return dict(augcli.verify(dst, **options).differences)


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def images(dst):
    return sorted(dst.glob("*/*.png"))


def below(dst, path):
    return path.relative_to(dst).as_posix()


# --- nothing was changed -------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_output_that_nobody_changed_has_no_differences(made):
    src, dst = made
    found = augcli.verify(dst, against=src)
    assert (found.differences, found.outputs, found.recomputed) == ((), 20, 20)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_chain_with_copies_originals_and_smoothing_verifies(src, tmp_path, form, workers):
    from dataclasses import replace

    augcli.materialize(src, tmp_path / "dst", replace(CHAIN, format=form))
    found = augcli.verify(tmp_path / "dst", against=src, workers=workers)
    assert (found.differences, found.recomputed) == ((), 80)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_what_was_read_from_shards_verifies_with_the_columns_it_carries(shards, tmp_path, form):
    augcli.materialize(shards, tmp_path / "dst", single(Mixup(), format=form))
    found = augcli.verify(tmp_path / "dst", against=shards)
    assert (found.differences, found.recomputed) == ((), 24)


def test_splits_failures_and_odd_class_names_verify(make_folder, tmp_path):
    for split in ("train", "val"):
        make_folder({"a,b": 3, "naïve": 3, "test tube": 3}, f"src/{split}")
    (tmp_path / "src" / "train" / "naïve" / "bad.png").write_bytes(b"no image")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout()), max_errors=1)
    assert differences(tmp_path / "dst", against=tmp_path / "src") == {}


def test_flat_unlabelled_and_soft_labelled_inputs_verify(tmp_path):
    (tmp_path / "src").mkdir()
    for number in range(4):
        Image.new("RGB", (9, 7), (number, 0, 0)).save(tmp_path / "src" / f"{number}.png")
    augcli.materialize(tmp_path / "src", tmp_path / "a", single(Erase()))
    assert differences(tmp_path / "a", against=tmp_path / "src") == {}
    lines = ["file_name,p:x,p:y", *(f"{number}.png,0.25,0.75" for number in range(4))]
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    augcli.materialize(tmp_path / "src", tmp_path / "b", single(CutMix()), labels=tmp_path / "labels.csv")
    assert differences(tmp_path / "b", against=tmp_path / "src", labels=tmp_path / "labels.csv") == {}


def test_an_output_that_was_moved_and_whose_times_changed_is_the_same(folder, src, tmp_path):
    shutil.copytree(folder, tmp_path / "moved")
    shutil.copytree(src, tmp_path / "copied", copy_function=shutil.copyfile)
    assert differences(tmp_path / "moved", against=tmp_path / "copied") == {}


@pytest.mark.slow
def test_verify_writes_nothing(made, tree):
    src, dst = made
    before = tree(dst), {path: path.stat().st_mtime_ns for path in dst.rglob("*")}
    augcli.verify(dst, against=src)
    assert before == (tree(dst), {path: path.stat().st_mtime_ns for path in dst.rglob("*")})


def test_carried_numbers_that_are_none_are_the_same(photos, tmp_path):
    image = next(photos.rglob("*.jpg")).read_bytes()
    columns = {"image": [image] * 4, "label": [0, 1] * 2, "x": [float("nan")] * 4}
    pq.write_table(pa.table(columns), tmp_path / "src.parquet")
    augcli.materialize(tmp_path / "src.parquet", tmp_path / "dst", single(CutMix()))
    assert differences(tmp_path / "dst", against=tmp_path / "src.parquet") == {}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_split_of_nothing_but_failures_verifies(make_folder, tmp_path, form):
    make_folder({"cat": 3, "dog": 3}, "src/train")
    for name in ("cat", "dog"):
        (tmp_path / "src" / "test" / name).mkdir(parents=True)
        (tmp_path / "src" / "test" / name / "bad.png").write_bytes(b"no image")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout(), format=form), max_errors=2)
    assert differences(tmp_path / "dst", against=tmp_path / "src") == {}


@pytest.mark.slow
@pytest.mark.parametrize("image", [pa.array([1] * 20), pa.array([b"x"] * 20), pa.nulls(20), None])
def test_a_shard_whose_images_were_replaced_is_a_difference(src, tmp_path, limit, image):
    limit(chunk_outputs=2000)
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), format="parquet"))
    (shard,) = (tmp_path / "dst" / "data").iterdir()
    table = pq.read_table(shard).drop_columns(["image"])
    pq.write_table(table if image is None else table.add_column(0, "image", image), shard)
    assert differences(tmp_path / "dst")


# --- files ---------------------------------------------------------------------------------------------


def test_a_missing_image_is_found(folder):
    gone = images(folder)[3]
    gone.unlink()
    assert differences(folder) == {below(folder, gone): "it is missing"}


def test_a_missing_shard_is_found(shard_output):
    gone = sorted((shard_output / "data").iterdir())[0]
    gone.unlink()
    assert differences(shard_output) == {below(shard_output, gone): "it is missing"}


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_flipped_byte_of_an_image_is_found(folder, at):
    flip(images(folder)[3], at)
    assert differences(folder) == {below(folder, images(folder)[3]): "its bytes are others than were written"}


def test_a_swapped_pair_of_images_is_found(folder):
    first, second = images(folder)[0], images(folder)[-1]
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)
    assert differences(folder).keys() == {below(folder, first), below(folder, second)}


def test_a_truncated_image_is_found(folder):
    os.truncate(images(folder)[0], 20)
    assert "it has 20 bytes, not" in differences(folder)[below(folder, images(folder)[0])]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["cat/mine.jpg", "notes.txt", "data/x.parquet", ".augcli.lock", "labels.csv.part"]
)
def test_a_file_that_does_not_belong_there_is_found(folder, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    assert differences(folder) == {name: "it is not of this output"}


def test_an_empty_folder_is_found(folder):
    (folder / "empty").mkdir()
    assert differences(folder).keys() == {"empty"}


def test_a_repository_in_the_output_is_left_alone(folder):
    (folder / ".git" / "refs").mkdir(parents=True)
    (folder / ".git" / "HEAD").write_bytes(b"ref")
    assert differences(folder) == {}


@pytest.mark.slow
def test_every_flipped_byte_of_a_shard_is_found(shard_output):
    shard = sorted((shard_output / "data").iterdir())[0]
    size = shard.stat().st_size
    for at in [0, 5, size // 3, size // 2, size - 900, size - 300, size - 6, size - 1]:
        flip(shard, at)
        assert differences(shard_output), at
        flip(shard, at)
    assert differences(shard_output) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    "labels.csv metadata.parquet classes.txt README.md augcli.json failures.jsonl warnings.jsonl".split(),
)
def test_a_flipped_byte_of_any_document_is_found(src, tmp_path, name):
    (src / "dog" / "bad.png").write_bytes(b"no image")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    whole = simplejpeg.encode_jpeg(pixels, quality=90)
    (src / "dog" / "damaged.jpg").write_bytes(whole[: len(whole) // 2] + whole[-2:])
    dst = tmp_path / "dst"
    augcli.materialize(src, dst, single(CutMix()), max_errors=1)
    assert differences(dst) == {}
    size = (dst / name).stat().st_size
    for at in sorted({0, size // 3, size // 2, 2 * size // 3, size - 1}):
        flip(dst / name, at)
        assert differences(dst), at
        flip(dst / name, at)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["labels.csv", "metadata.parquet", "classes.txt", "README.md", "_SUCCESS"])
def test_a_missing_document_is_found(folder, name):
    (folder / name).unlink()
    assert name in differences(folder)


def test_a_mark_that_is_not_empty_is_found(folder):
    (folder / "_SUCCESS").write_text("yes")
    assert differences(folder) == {"_SUCCESS": "it is not empty"}


@pytest.mark.slow
def test_every_flipped_byte_of_a_part_file_is_found(folder):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]
    size = part.stat().st_size
    for at in sorted({*range(0, size, size // 12), size - 8, size - 1}):
        flip(part, at)
        assert differences(folder), at
        flip(part, at)


def test_an_output_without_its_part_files_is_no_output(folder):
    for part in folder.glob(".augcli-*.parquet"):
        part.unlink()
    assert "no part file" in differences(folder)["."]


# --- labels --------------------------------------------------------------------------------------------


def test_an_edited_label_of_the_csv_is_found_by_its_line(folder):
    lines = (folder / "labels.csv").read_text().splitlines(keepends=True)
    name, label, rest = lines[4].split(",", 2)
    lines[4] = f"{name},{1 - int(label)},{rest}"
    (folder / "labels.csv").write_text("".join(lines))
    what = f"line 5 is not what the part files give: {lines[4].rstrip()[:80]}"
    assert differences(folder) == {"labels.csv": what}


def edit(part, column, change):
    """Rewrite a part file, as only someone who knows how could, with other values of one column."""
    store = LocalStore(str(part.parent))
    (chunk,) = part_names([part.name])
    held = Parts(store).read_one(chunk)
    rows, facts = held.rows(), held.facts
    at = rows.column_names.index(column)
    values = change(rows.column(column).to_pylist())
    rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))
    part_files.write_part_file(store, chunk, rows, facts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "other"), [("label", 7), ("lam", 0.123), ("classes", [7]), ("weights", [0.9]), ("label", None)]
)
def test_a_label_that_is_not_what_the_steps_give_is_found(folder, column, other):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]
    at = pq.read_table(part).column("classes").to_pylist().index([0, 1])
    name = pq.read_table(part).column("file_name")[at].as_py()
    edit(part, column, lambda values: [*values[:at], other, *values[at + 1 :]])
    assert "label" in differences(folder)[name]


def test_a_step_that_was_moved_is_found_by_the_label(folder):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]

    def change(values):
        moved = next(at for at, steps in enumerate(values) if steps and steps[0]["y1"] > steps[0]["y0"] + 1)
        values[moved][0]["y1"] -= 1
        return values

    edit(part, "steps", change)
    assert "its label is not what its steps give" in differences(folder).values()


def test_a_source_with_another_label_than_in_other_outputs_is_found(folder):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]

    def change(values):
        values[0][0]["classes"] = [1 - values[0][0]["classes"][0]]
        return values

    edit(part, "augcli:sources", change)
    assert any("another label than in other" in what for what in differences(folder).values())


def test_a_source_with_another_label_than_in_other_parts_is_found(folder):
    """All of one part agrees with itself: only that its images are partners in another one tells."""
    part = sorted(folder.glob(".augcli-*.parquet"))[0]

    def change(values):
        return [[label | {"classes": [1 - label["classes"][0]]} for label in row] for row in values]

    edit(part, "augcli:sources", change)
    assert any(
        what.endswith("sources have another label than in other parts")
        for what in differences(folder).values()
    )


def test_an_image_that_does_not_decode_is_found_whatever_its_hash(folder):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]
    name, data = pq.read_table(part).column("file_name")[0].as_py(), b"no image"
    (folder / name).write_bytes(data)
    digest = blake3(data).hexdigest(length=16)
    edit(part, "hash", lambda values: [digest, *values[1:]])
    edit(part, "bytes", lambda values: [len(data), *values[1:]])
    assert differences(folder)[name].startswith("it does not decode: not an image")


def test_a_recorded_size_that_is_not_the_pictures_is_found(folder):
    part = sorted(folder.glob(".augcli-*.parquet"))[0]
    edit(part, "height", lambda values: [values[0] + 1, *values[1:]])
    name = pq.read_table(part).column("file_name")[0].as_py()
    assert (name, "it has 8x10 pixels, not 9x10") in augcli.verify(folder).differences


@pytest.mark.parametrize("column", ["label", "soft_label"])
def test_an_edited_label_of_a_shard_is_found(shard_output, column):
    shard = sorted((shard_output / "data").iterdir())[0]
    table = pq.read_table(shard)
    at = table.column_names.index(column)
    values = table.column(column).to_pylist()
    values[0] = 1 - values[0] if column == "label" else values[0][::-1]
    field = table.schema.field(at)
    pq.write_table(table.set_column(at, field, pa.array(values, field.type)), shard)
    assert below(shard_output, shard) in differences(shard_output)


# --- against the sources -------------------------------------------------------------------------------


@pytest.mark.slow
def test_another_source_under_the_same_name_is_found(made):
    src, dst = made
    Image.new("RGB", (10, 8), "teal").save(src / "cat" / "3.png")
    assert differences(dst) == {}
    changed = differences(dst, against=src)
    assert len(changed) == 2  # the output that it is the base of, and the one that it is the partner of
    assert all(what.startswith("made again from SRC, it differs in") for what in changed.values())
    assert all("hash" in what for what in changed.values())


@pytest.mark.slow
def test_added_and_removed_sources_are_found(made):
    src, dst = made
    (src / "cat" / "3.png").rename(src / "cat" / "new.png")
    changed = " ".join(differences(dst, against=src).values())
    assert "its source 'cat/3.png' is not in SRC" in changed
    assert "it has no output of 'cat/new.png', which SRC gives" in changed


@pytest.fixture
def spoilt(src, tmp_path):
    """A source with an image that is none, and its output."""
    (src / "dog" / "bad.png").write_bytes(b"no image")
    augcli.materialize(src, tmp_path / "dst", single(CutMix()), max_errors=1)
    assert differences(tmp_path / "dst", against=src) == {}
    return src, tmp_path / "dst"


def test_a_failure_that_now_has_another_reason_is_found(spoilt):
    src, dst = spoilt
    (src / "dog" / "bad.png").write_bytes(b"")
    assert "'dog/bad.png' of SRC cannot be used: empty file" in differences(dst, against=src).values()


def test_a_failure_whose_source_can_now_be_used_is_found(spoilt):
    src, dst = spoilt
    shutil.copy(src / "dog" / "1.png", src / "dog" / "bad.png")
    found = " ".join(differences(dst, against=src).values())
    assert "it has no output of 'dog/bad.png', which SRC gives" in found


@pytest.mark.slow
def test_a_failure_whose_source_is_gone_is_found(spoilt):
    src, dst = spoilt
    (src / "dog" / "bad.png").unlink()
    assert "its source 'dog/bad.png' is not in SRC" in differences(dst, against=src).values()


@pytest.mark.slow
def test_chunks_that_only_one_of_output_and_source_has_are_found(made):
    src, dst = made
    for number in range(60):
        shutil.copy(src / "cat" / "1.png", src / "dog" / f"more{number}.png")
    found = " ".join(differences(dst, against=src).values())
    assert "SRC gives it, but it is missing: was the input another one" in found
    assert "SRC does not give it: was the input another one" in found


def test_a_relabelled_source_is_found(made):
    src, dst = made
    (src / "cat" / "3.png").rename(src / "dog" / "99.png")
    assert "its source 'cat/3.png' is not in SRC" in differences(dst, against=src).values()


def test_a_source_that_no_longer_decodes_is_found(folder, src):
    (src / "cat" / "3.png").write_bytes(b"no image")
    found = " ".join(differences(folder, against=src).values())
    assert "'cat/3.png' of SRC cannot be used: not an image" in found


@pytest.mark.slow
@pytest.mark.parametrize("sample", [1, 5, 20, 1000])
def test_a_sample_makes_so_many_again_spread_over_all_chunks(made, sample):
    src, dst = made
    found = augcli.verify(dst, against=src, sample=sample)
    assert (found.differences, found.recomputed) == ((), min(sample, 20))


def test_an_output_that_was_made_with_a_broken_kernel_is_found_against_its_source(folder, src):
    """A recorded hash proves that bytes stayed, not that they were right: for that the sources are read."""
    victim = images(folder)[2]
    pixels = Image.open(victim).convert("RGB")
    pixels.putpixel((0, 0), (1, 2, 3))
    pixels.save(victim)
    data = victim.read_bytes()
    for part in folder.glob(".augcli-*.parquet"):
        names = pq.read_table(part).column("file_name").to_pylist()
        if below(folder, victim) in names:
            at = names.index(below(folder, victim))
            digest = blake3(data).hexdigest(length=16)
            edit(part, "hash", lambda values, at=at, new=digest: [*values[:at], new, *values[at + 1 :]])
            edit(part, "bytes", lambda values, at=at: [*values[:at], len(data), *values[at + 1 :]])
    assert below(folder, victim) not in differences(folder)
    assert "hash" in differences(folder, against=src)[below(folder, victim)]


# --- what cannot be verified ---------------------------------------------------------------------------


def test_a_missing_output_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="is not a directory; give the DST of a run"):
        augcli.verify(tmp_path / "nothing")


def test_a_directory_that_is_no_output_is_an_output_error(src):
    with pytest.raises(OutputError, match=r"holds no augcli\.json"):
        augcli.verify(src)


def test_a_recipe_that_is_none_is_a_difference(folder):
    (folder / "augcli.json").write_text('{"recipe": {"op": [{"kind": "cutmax"}]}}')
    assert "unknown operation 'cutmax'" in differences(folder)["augcli.json"]


def test_an_output_of_another_version_is_a_difference(folder):
    document = json.loads((folder / "augcli.json").read_text())
    (folder / "augcli.json").write_text(json.dumps(document | {"output_version": 99}))
    assert "augcli.json" in differences(folder)


@pytest.mark.parametrize("options", [{"sample": 3}, {"labels": "x.csv"}, {"classes": "c.txt"}])
def test_options_of_the_sources_need_sources(folder, options):
    with pytest.raises(UsageError, match=r"^sample, labels, .* and boxes go with against='SRC'; give it"):
        augcli.verify(folder, **options)


@pytest.mark.parametrize("options", [{"sample": 0, "against": "src"}, {"workers": 0}])
def test_numbers_below_one_are_refused(folder, options):
    with pytest.raises(UsageError, match="must be >= 1, got 0"):
        augcli.verify(folder, **options)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_another_recipe_in_augcli_json_is_found(src, tmp_path, form):
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), format=form))
    path = tmp_path / "dst" / "augcli.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    found = [one for one in augcli.verify(tmp_path / "dst").differences if one.file == "augcli.json"]
    assert [one.what.split(" .augcli-")[0] for one in found] == ["it is not what"]


def test_other_smoothing_alone_is_no_other_recipe(src, tmp_path):
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    augcli.materialize(src, tmp_path / "dst", single(CutMix(), smoothing=0.1))
    assert not augcli.verify(tmp_path / "dst").differences


def test_a_shard_that_is_removed_with_its_part_file_is_missed(shard_output):
    part = sorted(shard_output.glob(".augcli-*.parquet"))[0]
    name = part.name.removeprefix(".augcli-").removesuffix(".parquet")
    (shard_output / "data" / f"train-{name}.parquet").unlink()
    part.unlink()
    found = {one.file: one.what for one in augcli.verify(shard_output).differences}
    assert "images" in found["README.md"]


def test_a_pipe_in_the_place_of_an_image_is_not_waited_for(folder, src):
    path = next(path for path in folder.rglob("*.png"))
    whole = path.read_bytes()
    path.unlink()
    os.mkfifo(path)
    name = path.relative_to(folder).as_posix()
    assert (name, "it is missing") in augcli.verify(folder, workers=1).differences
    augcli.materialize(src, folder, single(CutMix()))
    assert path.read_bytes() == whole

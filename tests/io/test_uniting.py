"""One class list for labels that were read apart: names are matched, numbers are indices into names."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augcli
from augcli.errors import InputError
from augcli.io.labels.labelling import Labelling
from augcli.io.labels.uniting import fit_classes, unite_lists
from augcli.ops.cutmix import CutMix
from augcli.recipe import single
from augcli.samples import SoftLabel

NAMES = ("cat", "dog", "emu")


def labelled(*classes):
    return Labelling([], classes)


@pytest.mark.parametrize(
    ("lists", "united"),
    [
        ([NAMES, NAMES], NAMES),
        ([("dog", "cat"), ("emu",)], NAMES),
        ([("emu", "cat")], ("emu", "cat")),
        ([("0", "1"), ("0", "1", "2")], ("0", "1", "2")),
        ([("0", "1", "2"), NAMES], NAMES),
        ([("0",), ("dog", "cat")], ("dog", "cat")),
        ([("0", "2"), ("0", "1", "2")], ("0", "1", "2")),
        ([("0", "1"), ("5", "7")], ("0", "1", "5", "7")),
        ([], None),
    ],
)
def test_lists_are_united_by_name_or_to_the_longest_of_numbers(lists, united):
    assert unite_lists([labelled(*classes) for classes in lists]) == united


@pytest.mark.parametrize("lists", [(("0", "1", "2", "3"), NAMES), (("0", "1"), NAMES, ("cat", "dog"))])
def test_numbers_that_no_single_list_of_names_explains_are_refused(lists):
    with pytest.raises(
        InputError, match=r"some labels are numbers up to \d, others are names \(cat, dog, emu\)"
    ):
        unite_lists([labelled(*classes) for classes in lists])


def test_numbers_take_the_names_of_the_others_with_a_note():
    fitted = fit_classes(Labelling([SoftLabel((1,), (1.0,)), None], ("0", "1")), NAMES)
    assert fitted.labelling == ([SoftLabel((1,), (1.0,)), None], NAMES)
    assert fitted.notes == ("labels that are numbers take the class names of the others",)


def test_numbers_that_meet_more_numbers_are_not_noted():
    assert fit_classes(labelled("0", "1"), ("0", "1", "2")) == (Labelling([], ("0", "1", "2")), (), ())


def test_each_weight_moves_with_its_name_and_lost_classes_are_named():
    whole, mixed = SoftLabel((0, 1), (0.25, 0.75)), SoftLabel((1, 2), (0.5, 0.5))
    fitted = fit_classes(Labelling([whole, mixed], ("emu", "cat", "yak")), NAMES)
    assert fitted.labelling == ([SoftLabel((0, 2), (0.75, 0.25)), None], NAMES)
    assert fitted.lost == ("yak",)


def test_names_do_not_become_numbers():
    with pytest.raises(InputError, match=r"labels are names \(cat, dog\) in one split and numbers up to 1"):
        fit_classes(labelled("cat", "dog"), ("0", "1"))


def test_names_that_are_some_of_the_numbers_are_their_indices():
    fitted = fit_classes(Labelling([SoftLabel((0,), (1.0,))], ("2",)), ("0", "1", "2"))
    assert fitted.labelling.labels == [SoftLabel((2,), (1.0,))]


@pytest.mark.parametrize(
    ("own", "classes", "indices"),
    [
        (("0", "1", "2"), ("0", "2"), [0, None, 1]),
        (("2", "5"), ("0", "1", "2"), [2, None]),
        (("1", "2", "3"), ("3", "2"), [None, 1, 0]),
        (tuple(f"{n:02d}" for n in range(11)), ("0", "1"), [0, 1] + [None] * 9),
        (("0", "1"), tuple(f"{n:02d}" for n in range(11)), [0, 1]),
    ],
)
def test_names_that_are_numbers_are_matched_by_name(own, classes, indices):
    labels = [SoftLabel((index,), (1.0,)) for index in range(len(own))]
    fitted = fit_classes(Labelling(labels, own), classes)
    expected = [None if index is None else SoftLabel((index,), (1.0,)) for index in indices]
    assert fitted.labelling == (expected, classes)
    assert fitted.lost == tuple(name for name, index in zip(own, indices, strict=True) if index is None)
    assert not fitted.notes


@pytest.mark.parametrize("form", ["folders", "tables"])
def test_a_digit_that_training_lacks_is_no_other_digit(make_folder, tmp_path, form):
    digits = {"train": "02", "test": "012"}
    if form == "folders":
        root = make_folder({f"{split}/{digit}": 1 for split in digits for digit in digits[split]})
    else:
        root = make_folder({split: len(digits[split]) for split in digits})
        for split in digits:
            rows = [{"file_name": f"{n}.png", "label": digit} for n, digit in enumerate(digits[split])]
            (root / split / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    summary = augcli.materialize(root, tmp_path / "out", single(CutMix()))
    rows = pq.read_table(tmp_path / "out" / "test" / "metadata.parquet").to_pylist()
    assert [row["label"] for row in sorted(rows, key=lambda row: row["source"])] == [0, None, 1]
    assert (
        "classes of split 'test' that 'train' does not have: '1'; their images are unlabelled"
        in summary.notes
    )


@pytest.mark.slow
@pytest.mark.parametrize(("train", "test"), [("cat dog", "0 1 dog"), ("0 1", "cat dog 1")])
@pytest.mark.parametrize("form", ["folders", "shards"])
def test_names_of_folders_and_texts_of_shards_are_no_indices(make_folder, tmp_path, form, train, test):
    splits = {"train": train.split(), "test": test.split()}
    root = make_folder({f"{split}/{name}": 1 for split in splits for name in splits[split]})
    if form == "shards":
        for split, names in splits.items():
            images = [(root / split / name / "0.png").read_bytes() for name in names]
            pq.write_table(pa.table({"image": images, "label": names}), tmp_path / f"{split}.parquet")
        root = tmp_path / "t*.parquet"
    summary = augcli.materialize(root, tmp_path / "out", single(CutMix(), format="folder"))
    rows = pq.read_table(tmp_path / "out" / "test" / "metadata.parquet").to_pylist()
    assert sorted(row["label"] for row in rows if row["label"] is not None) == [1], "the last name alone"
    lost = ", ".join(map(repr, test.split()[:2]))
    assert f"classes of split 'test' that 'train' does not have: {lost}; their images are unlabelled" in (
        summary.notes
    )

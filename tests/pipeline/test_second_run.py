"""An output as input: labels stay exact, whatever its form, and are smoothed once."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

import augcli
from augcli.errors import InputError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.recipe import single

NAMES = tuple(f"k{i:03d}" for i in range(257))


def read_labels(dst) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """The exact labels of an output, sorted: keys of a second run are other ones."""
    tables = [*dst.rglob("metadata.parquet"), *(dst / "data").glob("*.parquet")]
    rows = [row for path in tables for row in pq.read_table(path, columns=["classes", "weights"]).to_pylist()]
    return sorted((tuple(row["classes"]), tuple(row["weights"])) for row in rows)


@pytest.fixture
def src(make_folder):
    return make_folder({"cat": 3, "dog": 3, "emu": 3})


@pytest.mark.slow
@pytest.mark.parametrize("soft_labels", ["dense", "pair"])
@pytest.mark.parametrize(
    ("first", "second"), [("folder", "parquet"), ("parquet", "folder"), ("folder", "folder")]
)
def test_soft_labels_survive_runs_from_form_to_form(src, tmp_path, first, second, soft_labels):
    mix = single(CutMix(lam=0.3), format=first, soft_labels=soft_labels, smoothing=0.1)
    augcli.materialize(src, tmp_path / "a", mix)
    augcli.materialize(tmp_path / "a", tmp_path / "b", single(Cutout(), format=second))
    augcli.materialize(tmp_path / "b", tmp_path / "c", single(Cutout()))
    labels = read_labels(tmp_path / "a")
    assert sum(len(classes) > 1 for classes, _ in labels) > 0
    assert read_labels(tmp_path / "b") == read_labels(tmp_path / "c") == labels
    assert not augcli.verify(tmp_path / "b", against=tmp_path / "a").differences


def test_soft_labels_of_more_than_256_classes_survive(src, tmp_path):
    (tmp_path / "classes").write_text("\n".join((*NAMES, "cat", "dog", "emu")))
    augcli.materialize(src, tmp_path / "a", single(CutMix(lam=0.3)), classes=tmp_path / "classes")
    augcli.materialize(tmp_path / "a", tmp_path / "b", single(Cutout()))
    assert read_labels(tmp_path / "b") == read_labels(tmp_path / "a")


@pytest.mark.slow
def test_soft_labels_survive_in_splits(make_folder, tmp_path):
    root = make_folder({f"{split}/{name}": 3 for split in ("train", "val") for name in ("cat", "dog")})
    augcli.materialize(root, tmp_path / "a", single(CutMix(lam=0.3)))
    augcli.materialize(tmp_path / "a", tmp_path / "b", single(Cutout()))
    assert read_labels(tmp_path / "b") == read_labels(tmp_path / "a")


def test_labels_are_smoothed_once(src, tmp_path):
    augcli.materialize(src, tmp_path / "a", single(CutMix(lam=0.3), smoothing=0.1))
    augcli.materialize(tmp_path / "a", tmp_path / "b", single(Cutout(), smoothing=0.1))

    def soft(dst):
        return sorted(pq.read_table(dst / "metadata.parquet").column("soft_label").to_pylist())

    assert soft(tmp_path / "b") == soft(tmp_path / "a")


def test_smoothing_that_is_not_repeated_is_noted(src, tmp_path):
    augcli.materialize(src, tmp_path / "a", single(CutMix(lam=0.3), smoothing=0.1))
    notes = augcli.materialize(tmp_path / "a", tmp_path / "b", single(Cutout())).notes
    assert (
        "the labels of the input were smoothed (ε = 0.1); those of this output are not; give smoothing 0.1 to"
        " have them smoothed"
    ) in notes


def test_smoothed_weights_without_exact_ones_are_not_smoothed_again(src, tmp_path):
    augcli.materialize(src, tmp_path / "a", single(CutMix(lam=0.3), smoothing=0.1))
    again = single(Cutout(), smoothing=0.1)
    with pytest.raises(InputError, match="the labels that were read are smoothed already"):
        augcli.materialize(tmp_path / "a", tmp_path / "b", again, labels=tmp_path / "a" / "labels.csv")
    assert not (tmp_path / "b").exists()


def test_mixing_names_the_columns_that_could_be_labels(make_folder, tmp_path):
    root = make_folder({"": 2})
    (root / "metadata.csv").write_text("file_name,fine_label\n0.png,cat\n1.png,dog\n")
    with pytest.raises(
        InputError, match=r"no labels were read; give label_col .such as label_col='fine_label'"
    ):
        augcli.materialize(root, tmp_path / "b", single(CutMix()))


@pytest.mark.parametrize("column", ["breed", "kind id"])
def test_columns_that_are_not_called_like_labels_are_named_where_none_was_read(make_folder, tmp_path, column):
    root = make_folder({"": 2})
    value = 7 if column == "kind id" else "beagle"
    names = sorted(path.name for path in root.iterdir())
    rows = "".join(f"{name},{value},0.5,64\n" for name in names)
    (root / "metadata.csv").write_text(f"file_name,{column},score,width\n{rows}")
    summary = augcli.materialize(root, tmp_path / "out", single(Cutout()))
    [note] = [note for note in summary.notes if "no labels were read" in note]
    assert note == f"no labels were read; columns that could be: {column}: give label_col"
    with pytest.raises(InputError, match=f"give label_col .such as label_col='{column}'"):
        augcli.materialize(root, tmp_path / "mixed", single(CutMix()))


def test_outputs_without_a_label_for_their_partner_are_counted(make_folder, tmp_path):
    root = make_folder({"": 3})
    (root / "metadata.csv").write_text("file_name,label\n0.png,cat\n1.png,dog\n")
    counts = augcli.materialize(root, tmp_path / "mixed", single(CutMix(lam=0.5))).counts
    assert counts["outputs without a label, since a partner has none"] == 1
    assert not augcli.materialize(root, tmp_path / "hidden", single(Cutout())).counts


def test_an_output_whose_base_has_no_label_is_not_counted_for_its_partner(make_folder, tmp_path):
    root = make_folder({"": 2})
    (root / "metadata.csv").write_text("file_name,label\n0.png,dog\n")
    summary = augcli.materialize(root, tmp_path / "mixed", single(CutMix(lam=0.5), limit=1))
    [row] = pq.read_table(tmp_path / "mixed" / "metadata.parquet").to_pylist()
    assert (row["source"], row["partners"]) == ("1.png", ["0.png"])
    assert "outputs without a label, since a partner has none" not in summary.counts

"""Tables and documents of an output that were removed or changed since: a run writes them anew."""

from __future__ import annotations

import json

import pytest

import augcli
from augcli.io.records.document_sizes import EDITED_CARD
from augcli.io.store.names import DOCUMENTS_SEEN
from augcli.ops.cutout import Cutout
from augcli.recipe import single

BOXES = {
    "images": [{"id": 1, "file_name": "0.png", "width": 20, "height": 20}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 2, 9, 9]}],
    "categories": [{"id": 1, "name": "cell"}],
}
DOCUMENTS = {
    "folder": ["README.md", "classes.txt", "labels.csv", "metadata.parquet"],
    "parquet": ["README.md", "classes.txt"],
    "webdataset": ["README.md", "classes.txt", "_info.json"],
    "coco": ["README.md", "annotations.json", "labels.csv", "metadata.parquet"],
    "yolo": ["README.md", "data.yaml", "images/train/labels.csv", "images/train/metadata.parquet"],
}


@pytest.fixture
def make(make_folder, tmp_path):
    """Make an output of a kind; gives a call that makes it again."""

    def make(kind):
        is_boxed = kind in ("coco", "yolo")
        src = make_folder({"": 1} if is_boxed else {"cat": 2, "dog": 2}, size=(20, 20))
        files = {}
        if is_boxed:
            files["boxes"] = tmp_path / "boxes.json"
            files["boxes"].write_text(json.dumps(BOXES))
        form = "folder" if kind == "coco" else kind
        recipe = single(Cutout(), format=form)

        def again(**options):
            return augcli.materialize(src, tmp_path / "dst", recipe, **files, **options)

        again()
        return again

    return make


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["removed", "cut short"])
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents_that_were_changed_or_removed_are_written_anew(make, tmp_path, tree, kind, harm):
    again = make(kind)
    names = [name for name in DOCUMENTS[kind] if harm == "removed" or name != "README.md"]  # it may be edited
    before, paths = tree(tmp_path / "dst"), [tmp_path / "dst" / name for name in names]

    def spoil(path):
        if harm == "removed":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:-1])

    for path in paths:  # each is missed alone
        data = path.read_bytes()
        spoil(path)
        assert again(dry_run=True).only_tables
        path.write_bytes(data)
    assert not again(dry_run=True).only_tables
    for path in paths:
        spoil(path)
    summary = again()
    assert (summary.outputs_made, summary.only_tables) == (0, True)
    assert tree(tmp_path / "dst") == before
    assert not again().only_tables


def test_a_document_of_another_size_is_written_anew(make, tmp_path):
    again, table = make("folder"), tmp_path / "dst" / "labels.csv"
    text = table.read_text()
    table.write_text(text + "mine\n")
    assert again().only_tables
    assert table.read_text() == text
    assert not again().only_tables


def test_an_edited_card_is_no_reason_to_write_anything(make, tmp_path, tree):
    again, card = make("folder"), tmp_path / "dst" / "README.md"
    card.write_text("mine\n")
    before = tree(tmp_path / "dst")
    summary = again()
    assert (summary.only_tables, summary.notes) == (False, ())
    assert tree(tmp_path / "dst") == before
    assert [difference.file for difference in augcli.verify(tmp_path / "dst").differences] == ["README.md"]


@pytest.mark.parametrize(
    "edit", [lambda text: text + "mine\n", str.swapcase], ids=["longer", "of the same size"]
)
def test_an_edited_card_is_left_as_it_is_and_noted_until_it_is_removed(make, tmp_path, edit):
    again, dst = make("folder"), tmp_path / "dst"
    text = (dst / "README.md").read_text()
    (dst / "README.md").write_text(edit(text))
    for _ in range(2):
        (dst / "classes.txt").unlink()
        assert EDITED_CARD in again().notes
        assert (dst / "classes.txt").exists()
        assert (dst / "README.md").read_text() == edit(text)
    (dst / "README.md").unlink()
    assert EDITED_CARD not in again().notes
    assert (dst / "README.md").read_text() == text


def test_a_card_of_ours_is_written_anew_where_it_would_be_another_one(make, make_folder, tmp_path):
    again, card = make("folder"), tmp_path / "dst" / "README.md"
    assert "train: 4 images" in card.read_text()
    make_folder({"cat": 3, "dog": 3}, size=(20, 20))
    assert EDITED_CARD not in again().notes
    assert "train: 6 images" in card.read_text()


def test_an_edited_card_is_left_as_it_is_after_a_run_that_was_interrupted(make, tmp_path, monkeypatch):
    again, dst = make("folder"), tmp_path / "dst"
    (dst / "README.md").write_text("mine\n")
    (dst / "classes.txt").unlink()

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("augcli.pipeline.completion.relabel", fail)
        with pytest.raises(KeyboardInterrupt):
            again()
    again()
    assert (dst / "README.md").read_text() == "mine\n"


def test_force_writes_the_card_of_another_recipe_over_an_edited_one(make, make_folder, tmp_path):
    make("folder")
    card = tmp_path / "dst" / "README.md"
    card.write_text("mine\n")
    src = make_folder({"cat": 2, "dog": 2}, size=(20, 20))
    summary = augcli.materialize(src, tmp_path / "dst", single(Cutout(), seed=7), force=True)
    assert EDITED_CARD not in summary.notes
    assert card.read_text().startswith("---")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"README.md": "7"', "[" * 100_000])
def test_a_damaged_cache_of_sizes_makes_nothing_again(make, tmp_path, text):
    again = make("folder")
    (tmp_path / "dst" / DOCUMENTS_SEEN).write_text(text)
    assert not again().only_tables


def test_without_the_cache_of_sizes_nothing_is_made_again(make, tmp_path):
    again = make("folder")
    (tmp_path / "dst" / DOCUMENTS_SEEN).unlink()
    (tmp_path / "dst" / "labels.csv").write_text("mine\n")
    assert not again().only_tables


def test_the_cache_of_sizes_is_no_part_of_the_output(make, tmp_path):
    make("folder")
    (tmp_path / "dst" / DOCUMENTS_SEEN).write_text("{}")
    assert augcli.verify(tmp_path / "dst").differences == ()


def test_the_cache_of_sizes_goes_before_documents_are_written(make, tmp_path, monkeypatch):
    again = make("folder")
    (tmp_path / "dst" / "README.md").unlink()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("augcli.pipeline.output.documents.write_documents", fail)
    with pytest.raises(KeyboardInterrupt):
        again()
    assert not (tmp_path / "dst" / DOCUMENTS_SEEN).exists()


@pytest.mark.slow
def test_documents_of_merged_partitions_are_watched_too(make_folder, tmp_path, tree):
    src, dst, recipe = make_folder({"cat": 8, "dog": 8}), tmp_path / "dst", single(Cutout())
    for index in range(2):
        augcli.materialize(src, dst, recipe, partition=f"{index}/2")
    augcli.merge(dst)
    before = tree(dst)
    with (dst / "labels.csv").open("a") as file:
        file.write("\n")
    assert augcli.materialize(src, dst, recipe).only_tables
    assert tree(dst) == before


@pytest.mark.slow
def test_a_merge_leaves_an_edited_card_as_it_is(make_folder, tmp_path):
    src, dst, recipe = make_folder({"cat": 8, "dog": 8}), tmp_path / "dst", single(Cutout())

    def make_and_merge():
        for index in range(2):
            augcli.materialize(src, dst, recipe, partition=f"{index}/2")
        return augcli.merge(dst)

    make_and_merge()
    (dst / "README.md").write_text("mine\n")
    make_folder({"cat": 9, "dog": 9})
    assert EDITED_CARD in make_and_merge().notes
    assert (dst / "README.md").read_text() == "mine\n"

"""What holds for whole runs of every operation, those of tomorrow included."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from PIL import Image

from augcli.kernels import cpu
from augcli.kernels.backends import Backend
from augcli.kernels.table import FILL
from augcli.ops import OPERATIONS
from augcli.pipeline.worker import task
from augcli.program.labels import Shares, mix_labels
from augcli.recipe import single
from augcli.recipe_files import read_recipe
from augcli.samples import SoftLabel
from tests.smoothing import smooth

every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())


@pytest.mark.slow
@every_operation
def test_inputs_are_never_changed(operation, photos, materialize, tree):
    before = tree(photos)
    materialize(photos, recipe=single(operation()))
    assert tree(photos) == before


@pytest.mark.slow
@every_operation
def test_a_probability_of_zero_copies_the_source_bytes(operation, photos, materialize, tmp_path, read_rows):
    summary = materialize(photos, recipe=single(operation(), 0.0))
    assert (summary.applied, summary.outputs, summary.unmixed) == (0, 24, {"not drawn": 24})
    for row in read_rows(tmp_path / "dst"):
        assert (tmp_path / "dst" / row["file_name"]).read_bytes() == (photos / row["source"]).read_bytes()
        assert (row["applied"], row["op"], row["reason"]) == (False, "none", "not drawn")
        assert (row["lam"], row["partners"]) == (1.0, [])


@pytest.mark.slow
@every_operation
def test_half_are_hit_and_the_same_whatever_the_workers(
    operation, make_folder, materialize, tmp_path, tree, read_rows
):
    src = make_folder({"cat": 60, "dog": 40}, size=(32, 32))
    for workers in (1, 3):
        materialize(src, f"workers{workers}", single(operation(), 0.5), workers=workers)
    assert tree(tmp_path / "workers1") == tree(tmp_path / "workers3")
    drawn = sum(row["reason"] != "not drawn" for row in read_rows(tmp_path / "workers1"))
    assert abs(drawn / 100 - 0.5) < 4 * math.sqrt(0.25 / 100)


@pytest.mark.slow
@every_operation
def test_the_resolved_recipe_gives_the_same_bytes(operation, make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 5, "dog": 5}, size=(32, 32))
    materialize(src, "first", single(operation(), 0.8, copies=2))
    materialize(src, "second", tmp_path / "first" / "augcli.json")
    assert tree(tmp_path / "first") == tree(tmp_path / "second")


@pytest.mark.slow
@every_operation
def test_a_command_is_a_recipe_of_one_operation(operation, make_folder, materialize, tmp_path, tree):
    src = make_folder({"cat": 5, "dog": 5}, size=(32, 32))
    materialize(src, "command", single(operation()))
    (tmp_path / f"{operation.name}.toml").write_text(f'[[op]]\nkind = "{operation.name}"\n')
    materialize(src, "recipe", tmp_path / f"{operation.name}.toml")
    assert tree(tmp_path / "command") == tree(tmp_path / "recipe")


@pytest.mark.slow
@every_operation
@pytest.mark.parametrize(("mode", "depth"), [("L", 8), ("RGBA", 8), ("L", 16)])
def test_every_kind_of_image_works(operation, flat_images, materialize, tmp_path, read_rows, mode, depth):
    summary = materialize(flat_images(mode=mode, depth=depth, count=5), recipe=single(operation()))
    assert summary.outputs == 10
    for row in read_rows(tmp_path / "dst"):
        image = Image.open(tmp_path / "dst" / row["file_name"])
        assert image.mode == ("I;16" if depth == 16 else mode)
        assert (image.height, image.width) == (row["height"], row["width"])


@pytest.mark.slow
@every_operation
def test_only_mixing_changes_the_label(operation, make_folder, materialize, tmp_path, read_rows):
    materialize(make_folder({"cat": 9, "dog": 9}, size=(32, 32)), recipe=single(operation()))
    rows = read_rows(tmp_path / "dst")
    assert any(len(row["classes"]) == 2 for row in rows) == operation.mixes
    if not operation.mixes:
        assert all(row["lam"] == 1.0 and row["weights"] == [1.0] and row["partners"] == [] for row in rows)


# Chains -----------------------------------------------------------------------------------------------------

CHAIN = {
    "cutmix": {"kind": "cutmix", "lam": 0.6},
    "second cutmix": {"kind": "cutmix", "boundary": "inside", "p": 0.9},
    "mixup": {"kind": "mixup", "alpha": 1.0, "p": 0.9},
    "erase": {"kind": "erase", "count": "1:3"},
}


@pytest.mark.slow
@pytest.mark.parametrize("order", itertools.permutations(CHAIN), ids=" ".join)
def test_census_holds_for_a_chain_in_any_order(
    flat_images, materialize, tmp_path, read_rows, monkeypatch, order
):
    """Fills are left out, as a hole leaves the label to what it covers; 16 bit, so that rounding is small."""

    def apply_mixing(table, partners, image):
        cpu.apply(table._replace(steps=table.steps[table.steps["kind"] != FILL]), partners, image)

    monkeypatch.setattr(
        task, "choose_backend", lambda *_: Backend("mixing alone", lambda: apply_mixing, True)
    )
    recipe = read_recipe({"op": [CHAIN[name] for name in order]})
    materialize(flat_images(depth=16, count=8), recipe=recipe)
    rows = read_rows(tmp_path / "dst")
    assert any(len(row["partners"]) == 3 for row in rows)
    assert any(row["op"].count("+") == 3 for row in rows)
    for row in rows:
        grey = np.asarray(Image.open(tmp_path / "dst" / row["file_name"])).astype(np.float64)
        weight = dict(zip(row["classes"], row["weights"], strict=True)).get(1, 0.0)
        assert abs(grey.mean() / 65535 - weight) <= 0.5 / 65535 + 1e-12  # one blend rounds half a level


def test_every_mixing_operation_of_a_chain_has_its_own_partner(make_folder, materialize, tmp_path, read_rows):
    chain = {"copies": 2, "op": [{"kind": "cutmix", "lam": 0.5}, {"kind": "mixup", "lam": 0.5}]}
    materialize(make_folder({"cat": 9, "dog": 9}, size=(32, 32)), recipe=read_recipe(chain))
    met = {}
    for row in read_rows(tmp_path / "dst"):
        assert [step["slot"] for step in row["steps"]] == [0, 1]
        met.setdefault(row["source"], []).extend(row["partners"])
    assert all(len(set(partners)) == 4 for partners in met.values())


@pytest.mark.slow
def test_one_of_is_one_place_in_the_chain(make_folder, materialize, tmp_path, read_rows):
    chain = read_recipe(
        {
            "op": [
                {
                    "one_of": [
                        {"kind": "cutmix", "lam": 0.5, "weight": 0.3},
                        {"kind": "erase", "weight": 0.3},
                    ]
                },
                {"kind": "cutout", "p": 0.5, "length": 4},
            ]
        }
    )
    materialize(make_folder({"cat": 150, "dog": 150}, size=(32, 32)), recipe=chain)
    kinds = [row["op"] for row in read_rows(tmp_path / "dst")]
    assert set(kinds) == {"cutmix", "erase", "cutmix+cutout", "erase+cutout", "cutout", "none"}
    for part, share in (("cutmix", 0.3), ("erase", 0.3), ("cutout", 0.5)):
        hit = sum(part in kind.split("+") for kind in kinds) / 300
        assert abs(hit - share) < 4 * math.sqrt(share * (1 - share) / 300)


@pytest.mark.slow
def test_the_chain_of_the_specification_runs(photos, materialize, tmp_path, tree):
    recipe = tmp_path / "strong.toml"
    recipe.write_text(
        """
        seed = 1
        copies = 2
        [[op]]
        kind = "patch-cutout"
        ratio = 0.2
        p = 0.5
        [[op]]
        one_of = [ {kind = "cutmix", alpha = 1.0, weight = 0.5}, {kind = "mixup", alpha = 0.2, weight = 0.5} ]
        p = 0.8
        [[op]]
        kind = "erase"
        p = 0.25
        [labels]
        smoothing = 0.1
        """
    )
    summary = materialize(photos, "dst", recipe)
    assert summary.outputs == 48
    assert all("__strong" in path for path in tree(tmp_path / "dst") if path.endswith(".jpg"))
    resolved = json.loads((tmp_path / "dst" / "augcli.json").read_text())["recipe"]
    assert resolved["op"][0] == {
        "kind": "patch-cutout", "p": 0.5, "patch-size": "16x16", "ratio": "0.2", "fill": "0,0,0",
        "mean": "0.485,0.456,0.406", "std": "0.229,0.224,0.225",
    }  # fmt: skip
    materialize(photos, "again", tmp_path / "dst" / "augcli.json")
    assert tree(tmp_path / "again") == tree(tmp_path / "dst")


@pytest.mark.parametrize("form", ["uniform", "others"])
def test_smoothing_and_mixing_commute(form):
    labels = [SoftLabel((0,), (1.0,)), SoftLabel((1, 3), (0.25, 0.75)), SoftLabel((3,), (1.0,))]
    shares = Shares((5, 2, 1), 8)
    mixed_first = smooth(mix_labels(labels, shares), 4, 0.1, form)
    smoothed_first = sum(
        np.array(smooth(label, 4, 0.1, form)) * count / 8
        for label, count in zip(labels, shares.counts, strict=True)
    )
    # The two differ by the rounding of a few float operations.
    np.testing.assert_allclose(mixed_first, smoothed_first, atol=1e-15)


def test_both_forms_of_smoothing_give_the_written_values(make_folder, materialize, tmp_path, read_rows):
    src = make_folder({"a": 1, "b": 1, "c": 1, "d": 1})
    for form, own, other in (("uniform", 0.9 + 0.1 / 4, 0.1 / 4), ("others", 0.9, 0.1 / 3)):
        materialize(src, form, single(OPERATIONS["cutout"](), smoothing=0.1, smoothing_form=form))
        for row in read_rows(tmp_path / form):
            expected = [other] * 4
            expected[row["label"]] = own
            np.testing.assert_allclose(row["soft_label"], expected, atol=1e-7)  # float32

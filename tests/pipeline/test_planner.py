"""Plans of outputs, from draws and from what is known of the samples: no image is needed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augcli.io.readers.base import Annotated
from augcli.ops import OPERATIONS
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.job import Job
from augcli.pipeline.plan.rings import Ring
from augcli.pipeline.worker.planner import Planner
from augcli.program.steps import Fill, Paste
from augcli.recipe import single
from augcli.recipe_files import read_recipe
from augcli.rng import Draws, hash_key
from augcli.samples import Catalogue, Shape

COUNT = 7
ALWAYS = single(CutMix(lam=0.5, boundary="inside"))


class Around:
    """What a planner knows of samples: one shape for all, and which of them fail."""

    def __init__(self, bad=()):
        self.surprises, self.bad = 3, set(bad)

    def shape(self, position):
        return None if position in self.bad else Shape(16, 16)

    def expect_partner(self, position, place):
        good = [p for p in range(position + 1, position + COUNT) if p not in self.bad]
        return good[place % len(good)] if good else None


def make_planner(recipe, around, shifts=range(1, COUNT), outputs=None, start=0, hashes=None):
    if hashes is None:
        hashes = [number * 10**15 for number in range(COUNT)]
    count = len(hashes)
    zeros = np.zeros(count, np.int64)
    keys = [f"{number}.png" for number in range(count)]
    catalogue = Catalogue("", keys, zeros, zeros, [None] * count, None)
    counts = np.array(outputs or [recipe.copies + (recipe.originals == "copy")] * count)
    hashes = np.array(hashes, np.uint64)
    job = Job(catalogue, hashes, counts, recipe, None, None, (0, 0), Annotated(), "cpu")
    return Planner(job, Arc(Ring(np.arange(count), hashes, shifts), start, count), around)


def test_an_output_is_planned_from_its_header_alone():
    plan = make_planner(ALWAYS, Around()).plan(2, 0)
    assert (plan.kinds, plan.places, plan.partners, plan.reasons) == (("cutmix",), (0,), (3,), ())
    (step,) = plan.steps
    assert isinstance(step, Paste)
    assert (plan.is_drawn, plan.surprises, len(plan.table.steps)) == (True, 3, 1)


def test_each_copy_has_another_partner():
    planner = make_planner(single(CutMix(lam=0.5, boundary="inside"), copies=3), Around())
    assert [planner.plan(2, copy).partners for copy in range(3)] == [(3,), (4,), (5,)]


def test_a_partner_that_cannot_be_read_is_passed_over():
    assert make_planner(ALWAYS, Around(bad=[3, 4])).plan(2, 0).partners == (5,)


def test_without_any_partner_that_decodes_nothing_is_applied():
    plan = make_planner(ALWAYS, Around(bad=range(3, 40))).plan(2, 0)
    assert (plan.steps, plan.reasons) == ((), ("cutmix: no partner that decodes",))


def test_a_ring_without_shifts_has_no_partner():
    plan = make_planner(ALWAYS, Around(), shifts=range(0)).plan(2, 0)
    assert (plan.steps, plan.places, plan.reasons) == ((), (), ("cutmix: no partner of any",))


def test_what_is_not_drawn_says_so():
    plan = make_planner(single(CutMix(), 0.0), Around()).plan(2, 0)
    assert (plan.is_drawn, plan.steps, plan.reasons) == (False, (), ("not drawn",))


def test_an_original_is_left_alone_and_says_nothing():
    recipe = single(CutMix(lam=0.5), originals="copy")
    plan = make_planner(recipe, Around()).plan(2, -1)
    assert (plan.is_drawn, plan.steps, plan.reasons) == (False, (), ())


def test_a_base_that_cannot_be_read_is_not_planned():
    plan = make_planner(ALWAYS, Around(bad=[2])).plan(2, 0)
    assert (plan.is_drawn, plan.steps) == (False, ())


def test_a_fill_by_the_mean_waits_for_the_pixels():
    plan = make_planner(single(Cutout(length=4, fill="image-mean")), Around()).plan(2, 0)
    assert isinstance(plan.steps[0], Fill)
    assert plan.table is None


class Grey(Around):
    """Samples of which all are grey but number 3."""

    def shape(self, position):
        return Shape(16, 16, 3 if position == 3 else 1)


def test_a_grey_base_with_a_colour_partner_is_planned_in_colour():
    chain = read_recipe({"op": [{"kind": "cutout", "fill": "random-color"}, {"kind": "cutmix", "lam": 0.5}]})
    planner = make_planner(chain, Grey())
    meets_colour, meets_grey = planner.plan(2, 0), planner.plan(4, 0)
    paints = [plan.steps[0].fill for plan in (meets_colour, meets_grey)]
    assert len({paints[0].red, paints[0].green, paints[0].blue}) == 3
    assert len({paints[1].red, paints[1].green, paints[1].blue}) == 1
    values = meets_colour.table.steps[0]["value"].tolist()
    assert values == [paints[0].red, paints[0].green, paints[0].blue, 0]
    assert meets_grey.table.steps[0]["value"].tolist() == [paints[1].red, 0, 0, 0]


def test_the_operations_of_a_chain_have_slots_of_their_own():
    chain = read_recipe({"op": [{"kind": "cutmix", "lam": 0.5}, {"kind": "mixup", "lam": 0.5}]})
    plan = make_planner(chain, Around()).plan(0, 0)
    assert (plan.kinds, plan.partners) == (("cutmix", "mixup"), (1, 2))
    assert [step.slot for step in plan.steps] == [0, 1]


@pytest.mark.parametrize(
    ("originals", "outputs", "copies"),
    [("none", 2, range(2)), ("copy", 3, range(-1, 2)), ("none", 0, range(0))],
)
def test_copies_are_numbered_from_the_original_on(originals, outputs, copies):
    recipe = single(CutMix(), originals=originals, copies=2)
    planner = make_planner(recipe, Around(), outputs=[3] * 4 + [outputs] + [3] * 2, start=2)
    assert list(planner.copies(4)) == list(copies)


def test_no_more_than_so_many_are_planned_ahead():
    planner = make_planner(single(CutMix(), copies=3), Around())
    assert list(planner.plan_ahead(1, 4, 5)) == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    assert planner.plan_ahead(1, 4, 5)[2, 0].steps == planner.plan(2, 0).steps


def test_draws_belong_to_the_sample_wherever_the_arc_begins():
    whole = make_planner(ALWAYS, Around()).plan(5, 0)
    cut = make_planner(ALWAYS, Around(), start=4).plan(5, 0)
    assert whole.steps == cut.steps
    assert whole.steps != make_planner(ALWAYS, Around()).plan(4, 0).steps


WINDOW = 25
SHAPES = (Shape(333, 500), Shape(64, 48, 1), Shape(7, 31, 4), Shape(480, 640, 1, 16), Shape(1, 1))
OPTIONS = {
    "cutmix": {"minmax": "0.2:0.8"},
    "cutout": {"holes": "1:4", "length": "8:99", "boundary": "inside", "fill": "random-color"},
    "erase": {"count": "1:3", "clean-split": 0.3, "fill": "normal-color"},
    "mixup": {"alpha": 0.01, "keep-base": True},
    "patch-cutout": {"ratio": "0:1", "fill": "normal"},
}
RECIPES = {
    **{name: {"op": [{"kind": name}]} for name in OPERATIONS},
    **{f"{name} with options": {"op": [{"kind": name, **options}]} for name, options in OPTIONS.items()},
    "chain": {"op": [{"kind": "cutout"}, {"kind": "mixup", "p": 0.5}, {"kind": "cutmix"}]},
    "choice": {"op": [{"one_of": [{"kind": "erase", "weight": 0.4}, {"kind": "cutmix", "weight": 0.5}]}]},
}


class Varied(Around):
    """Samples of several shapes, all of them readable."""

    def shape(self, position):
        return SHAPES[position % len(SHAPES)]

    def expect_partner(self, position, place):
        return position + 1 + place


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES.keys())
@settings(max_examples=settings.default.max_examples // 5)
@given(seed=st.integers(0, 2**64 - 1))
def test_a_window_has_the_plans_of_one_output_after_the_other(recipe, seed):
    """Draws that nobody computed ahead give the same steps, to the last bit.

    There are 50 outputs an example: 12,000 in all, 240,000 with the profile `soak`.
    """
    recipe = read_recipe({**recipe, "seed": seed, "copies": 2})
    hashes = [hash_key(str(number), seed) for number in range(WINDOW)]
    planner = make_planner(recipe, Varied(), hashes=hashes)
    planned = planner.plan_ahead(0, WINDOW, 1000)
    assert list(planned) == [(position, copy) for position in range(WINDOW) for copy in range(2)]
    for (position, copy), plan in planned.items():
        steps, slot = (), 0
        for place, entry in enumerate(recipe.entries):
            draws = Draws(seed, place, copy, hashes[position])
            operation = entry.draw(draws)
            added = operation.plan(draws, SHAPES[position % len(SHAPES)], slot).steps if operation else ()
            steps += added
            slot += bool(added) and operation.mixes
        assert plan.steps == steps

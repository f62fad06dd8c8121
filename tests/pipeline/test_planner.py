"""Plans of outputs, from draws and from what is known of the samples: no image is needed."""

from __future__ import annotations

import numpy as np
import pytest

from augcli.io.readers.base import Annotated
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.job import Job
from augcli.pipeline.plan.rings import Ring
from augcli.pipeline.worker import planner as planner_module
from augcli.pipeline.worker.planner import Planner
from augcli.program.steps import Fill, Paste
from augcli.recipe import single
from augcli.recipe_files import read_recipe
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


def make_planner(recipe, around, shifts=range(1, COUNT), outputs=None, start=0):
    keys = [f"{number}.png" for number in range(COUNT)]
    zeros = np.zeros(COUNT, np.int64)
    catalogue = Catalogue("", keys, zeros, zeros, [None] * COUNT, None)
    hashes = np.arange(COUNT, dtype=np.uint64) * np.uint64(10**15)
    counts = np.array(outputs or [recipe.copies + (recipe.originals == "copy")] * COUNT)
    job = Job(catalogue, hashes, counts, recipe, None, None, Annotated(), "cpu")
    ring = Ring(np.arange(COUNT), hashes, shifts)
    return Planner(job, Arc(ring, start, COUNT), around)


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


def test_only_the_draws_of_samples_nearby_are_held(monkeypatch):
    monkeypatch.setattr(planner_module, "BLOCK", 2)
    whole = [make_planner(ALWAYS, Around()).plan(position, 0).steps for position in range(COUNT)]
    planner = make_planner(ALWAYS, Around())
    for position in [0, 1, 2, 3, 1, 4, 5, 6, 0]:
        assert planner.plan(position, 0).steps == whole[position]
        assert len(planner._draws) <= 2


def test_draws_belong_to_the_sample_wherever_the_arc_begins():
    whole = make_planner(ALWAYS, Around()).plan(5, 0)
    cut = make_planner(ALWAYS, Around(), start=4).plan(5, 0)
    assert whole.steps == cut.steps
    assert whole.steps != make_planner(ALWAYS, Around()).plan(4, 0).steps

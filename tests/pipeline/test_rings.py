"""Rings: who meets whom, with and without a rule on classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import InputError
from augcli.pipeline.plan.rings import Ring, check_partners, form_rings, hash_samples, same_class_shares
from augcli.samples import Catalogue, SoftLabel


def make_catalogue(counts):
    """A catalogue of classes of these sizes; a class of size 0 has no sample."""
    labels = [SoftLabel((number,), (1.0,)) for number, count in enumerate(counts) for _ in range(count)]
    keys = [f"{number:05d}" for number in range(len(labels))]
    zeros = np.zeros(len(labels), np.int64)
    return Catalogue("", keys, zeros, zeros, labels, tuple(map(str, range(len(counts)))))


def rings_of(catalogue, rule):
    hashes = hash_samples(catalogue, 0)
    return form_rings(np.argsort(hashes, kind="stable"), hashes, catalogue, rule)


def partners(rings, copy=0, slot=0, slots=1):
    """Partner of each sample, as the walk finds it where every image decodes."""
    found = {}
    for ring in rings:
        for at, sample in enumerate(ring.members.tolist()):
            if len(ring.shifts):
                step = ring.shifts[ring.place_partner(copy, slot, slots)]
                found[sample] = int(ring.members[(at + step) % len(ring)])
    return found


def class_of(catalogue, sample):
    return catalogue.labels[sample].classes[0]


counts = st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(lambda many: sum(many) >= 2)


@pytest.mark.slow
@given(counts, st.sampled_from(["any", "same-class", "other-class"]))
def test_every_sample_is_in_one_ring_and_keys_ascend(many, rule):
    rings = rings_of(make_catalogue(many), rule)
    assert sorted(i for ring in rings for i in ring.members.tolist()) == list(range(sum(many)))
    assert all((np.diff(ring.keys.astype(object)) >= 0).all() for ring in rings)


@pytest.mark.slow
@given(counts, st.sampled_from(["any", "same-class", "other-class"]), st.integers(0, 4))
def test_partners_of_every_copy_are_a_derangement(many, rule, copy):
    found = partners(rings_of(make_catalogue(many), rule), copy)
    assert sorted(found.values()) == sorted(found)
    assert all(partner != sample for sample, partner in found.items())


@pytest.mark.slow
@given(counts, st.integers(0, 4), st.integers(0, 1))
def test_other_classes_and_same_classes_are_what_they_say(many, copy, slot):
    catalogue = make_catalogue(many)
    for rule, is_same in (("other-class", False), ("same-class", True)):
        for sample, partner in partners(rings_of(catalogue, rule), copy, slot, 2).items():
            assert (class_of(catalogue, sample) == class_of(catalogue, partner)) == is_same


@given(counts)
def test_only_the_surplus_of_a_class_beyond_half_has_no_other_class(many):
    catalogue = make_catalogue(many)
    unmixed = sum(many) - len(partners(rings_of(catalogue, "other-class")))
    assert unmixed == max(0, 2 * max(many) - sum(many))


@pytest.mark.slow
@given(counts)
def test_only_a_class_of_one_has_nobody_of_its_own(many):
    unmixed = sum(many) - len(partners(rings_of(make_catalogue(many), "same-class")))
    assert unmixed == many.count(1)


@pytest.mark.parametrize("counts", [[10, 10, 10, 10], [20, 20], [9, 9, 2], [7, 6, 2], [6, 6, 2]])
def test_other_classes_are_met_in_few_rings(counts):
    assert len(rings_of(make_catalogue(counts), "other-class")) <= 2


@pytest.mark.parametrize("rule", ["any", "same-class", "other-class"])
def test_copies_and_slots_have_different_partners_while_there_are_enough(rule):
    rings = rings_of(make_catalogue([10, 10, 10, 10]), rule)
    drawn = [partners(rings, copy, slot, 2) for copy in range(3) for slot in range(2)]
    for sample in range(40):
        assert len({found[sample] for found in drawn}) == 6


def test_many_balanced_classes_make_one_ring():
    (ring,) = rings_of(make_catalogue([10] * 10), "other-class")
    assert len(ring) == 100
    # Shifts from 10 to 90 leave every class: 81 of the 99 there are.
    assert len(ring.shifts) == 81


@pytest.mark.parametrize("counts", [[8, 8], [8, 5, 3], [20, 5, 3]])
def test_a_class_of_half_meets_the_others_by_turns(counts):
    rings = rings_of(make_catalogue(counts), "other-class")
    assert (len(rings[0]), len(rings[0].shifts)) == (16, 8)  # every odd step
    assert [len(ring) for ring in rings[1:]] == [12] * (counts[0] == 20)  # the surplus
    assert len({tuple(sorted(partners(rings, copy).items())) for copy in range(8)}) == 8


def test_adding_a_file_moves_nothing_else_of_a_class():
    before, after = make_catalogue([30, 30]), make_catalogue([30, 31])
    one, two = (partners(rings_of(catalogue, "same-class")) for catalogue in (before, after))
    assert sum(one[sample] != two[sample] for sample in one) == 1


@pytest.mark.parametrize("rule", ["same-class", "other-class"])
def test_unlabelled_samples_have_no_partner_and_are_none(rule):
    catalogue = make_catalogue([4, 4])
    catalogue.labels[0] = catalogue.labels[5] = None
    found = partners(rings_of(catalogue, rule))
    assert sorted(found) == sorted(found.values()) == [1, 2, 3, 4, 6, 7]
    catalogue.labels[:] = [None] * 8
    assert partners(rings_of(catalogue, rule)) == {}


def test_nobody_to_mix_with_is_refused():
    with pytest.raises(InputError, match="at least 2 images"):
        check_partners(rings_of(make_catalogue([1]), "any"), "any")
    with pytest.raises(InputError, match=r"^partner other-class: no two images of other class are there"):
        check_partners(rings_of(make_catalogue([5]), "other-class"), "other-class")
    with pytest.raises(InputError, match=r"^partner same-class: no two images of same class"):
        check_partners(rings_of(make_catalogue([1, 1]), "same-class"), "same-class")
    check_partners(rings_of(make_catalogue([2, 1]), "same-class"), "same-class")


def test_steps_within_a_reach():
    ring = Ring(np.arange(9), np.arange(9, dtype=np.uint64), np.array([1, 4, 6]))
    assert ring.shifts_within(5).tolist() == [1, 4]
    assert list(Ring(ring.members, ring.keys, range(1, 9)).shifts_within(3)) == [1, 2, 3]


def test_class_sorted_pairs_are_noticed():
    catalogue = make_catalogue([100] * 10)
    ring = Ring(np.arange(1000), np.arange(1000, dtype=np.uint64), range(1, 1000))
    planned, random = same_class_shares(catalogue, [ring])
    assert planned == pytest.approx(0.99)  # ten arcs of a class: 990 of 1000 neighbours agree
    assert random == pytest.approx(99 / 999)  # drawn without replacement


def test_pairs_of_classes_of_unequal_size_are_all_counted():
    ring = Ring(np.arange(400), np.arange(400, dtype=np.uint64), range(1, 400))
    planned, random = same_class_shares(make_catalogue([100, 300]), [ring])
    assert planned == pytest.approx((99 + 299) / 400)
    assert random == pytest.approx((100 * 99 + 300 * 299) / (400 * 399))


def test_shuffled_pairs_are_as_random_ones():
    catalogue = make_catalogue([500] * 10)
    planned, random = same_class_shares(catalogue, rings_of(catalogue, "any"))
    assert planned == pytest.approx(random, abs=4 * 0.3 / 5000**0.5)

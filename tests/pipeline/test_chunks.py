"""Order, rings and chunks."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from augcli.errors import UsageError
from augcli.pipeline.plan.chunks import chunk_folder, chunk_groups, count_outputs, cut_pieces, trim_chunks
from augcli.pipeline.plan.fingerprint import fingerprint, samples_read
from augcli.pipeline.plan.rings import form_rings, hash_samples
from augcli.samples import Catalogue, MaskFiles, RowGroup, SoftLabel


def make_catalogue(count, size=1000, classes=3):
    labels = [SoftLabel((number % classes,), (1.0,)) for number in range(count)]
    keys = [f"{number:07d}.jpg" for number in range(count)]
    names = tuple(f"class {number}" for number in range(classes))
    return Catalogue("", keys, np.full(count, size), np.zeros(count, np.int64), labels, names)


def chunk(catalogue, outputs=1, limit=None, rule="any"):
    hashes, counts = hash_samples(catalogue, 0), np.full(len(catalogue), outputs)
    order = np.argsort(hashes)
    made = chunk_folder(form_rings(order, hashes, catalogue, rule), catalogue.sizes, counts)
    counts[order[limit:] if limit is not None else []] = 0
    return trim_chunks(made, counts)


def members(made):
    return [int(i) for one in made for s in one.arcs for i in s.ring.members[s.start : s.stop]]


@pytest.mark.parametrize("count", [1, 2, 1999, 2000, 2001, 9000])
def test_every_sample_is_base_once(count):
    assert sorted(members(chunk(make_catalogue(count)))) == list(range(count))


def number(count, outputs=1, rule="any", size=1000):
    catalogue = make_catalogue(count, size)
    hashes, counts = hash_samples(catalogue, 0), np.full(count, outputs)
    rings = form_rings(np.argsort(hashes), hashes, catalogue, rule)
    return chunk_folder(rings, catalogue.sizes, counts, is_numbered=True)


@pytest.mark.parametrize("rule", ["any", "other-class"])
@pytest.mark.parametrize(("count", "chunks"), [(1, 1), (2000, 1), (2001, 2), (4000, 2), (4001, 4), (9000, 8)])
def test_numbered_chunks_are_numbers_without_a_gap(count, chunks, rule):
    made = number(count, rule=rule)
    width = (chunks - 1).bit_length()
    assert [one.name for one in made] == ([f"{n:0{width}b}" for n in range(chunks)] if width else ["all"])
    assert sorted(members(made)) == list(range(count))
    assert all(0.8 * count / chunks < len(one) < 1.2 * count / chunks or count == 1 for one in made)


def test_numbered_chunks_are_fewer_where_one_would_be_empty():
    """Of some large samples two of eight parts would hold none."""
    made = number(8, size=256 << 20)
    assert sorted(members(made)) == list(range(8))
    assert len(made) in (1, 2, 4)
    assert all(len(one) for one in made)


def test_one_heavy_sample_does_not_make_all_numbered_chunks_small():
    catalogue = make_catalogue(1000)
    catalogue.sizes[0] = 300 << 20
    hashes = hash_samples(catalogue, 0)
    rings = form_rings(np.argsort(hashes), hashes, catalogue, "any")
    assert len(chunk_folder(rings, catalogue.sizes, np.ones(1000, int), is_numbered=True)) == 2


def test_numbered_chunks_of_row_groups_hold_eight_at_least():
    catalogue = make_catalogue(200 * 50)
    groups = [RowGroup(f"{n}.parquet", 0, 50 * n, 50, 1000) for n in range(200)]
    hashes = hash_samples(catalogue, 0)
    made = chunk_groups(catalogue, hashes, groups, np.full(10000, 10), "any", 0, is_numbered=True)
    assert [one.name for one in made] == [f"{n:0{len(made[0].name)}b}" for n in range(len(made))]
    assert 1 < len(made) <= 16
    assert min(len(one.groups) for one in made) >= 8
    assert sum(len(one.groups) for one in made) == 200


@pytest.mark.slow
def test_chunks_hold_at_most_two_thousand_outputs():
    assert all(len(one) * 3 <= 2000 for one in chunk(make_catalogue(9000), outputs=3))


def test_chunks_hold_at_most_256_mib_of_input():
    made = chunk(make_catalogue(300, size=4 << 20))
    assert len(made) > 1
    assert all(len(one) * 4 <= 256 for one in made)


def test_one_sample_larger_than_a_chunk_is_a_chunk():
    assert [len(one) for one in chunk(make_catalogue(2, size=300 << 20))] == [1, 1]


def test_chunks_run_along_one_ring_in_the_order_of_the_hash():
    catalogue = make_catalogue(5000)
    made = chunk(catalogue)
    hashes = hash_samples(catalogue, 0)
    assert np.all(np.diff(hashes[members(made)].astype(np.float64)) >= 0)
    stops = [(one.arcs[0].start, one.arcs[0].stop) for one in made]
    assert [start for start, _ in stops[1:]] == [stop for _, stop in stops[:-1]]
    assert len({id(one.arcs[0].ring) for one in made}) == 1


def test_names_are_prefixes_of_the_hash():
    catalogue = make_catalogue(5000)
    hashes = hash_samples(catalogue, 0)
    for one in chunk(catalogue):
        bits = {f"{int(hashes[i]):064b}"[: len(one.name)] for i in members([one])}
        assert bits == {one.name}
    assert [one.name for one in chunk(make_catalogue(10))] == ["all"]


def test_limit_keeps_the_first_of_the_ring_and_all_partners():
    catalogue = make_catalogue(5000)
    made = chunk(catalogue, limit=2500)
    assert members(made) == members(chunk(catalogue))[:2500]
    assert len(made[0].arcs[0].ring) == 5000


def test_pieces_are_as_long_as_asked_for_and_cover_the_chunk():
    arcs = [arc for (arc,) in cut_pieces(chunk(make_catalogue(150))[0], iter([64, 64, 8, 8, 8]))]
    assert [len(arc) for arc in arcs] == [64, 64, 8, 8, 6]
    assert [position for arc in arcs for position in range(arc.start, arc.stop)] == list(range(150))


def test_short_arcs_go_into_a_piece_together():
    (made,) = chunk(make_catalogue(100, classes=20), rule="same-class")
    pieces = list(cut_pieces(made, itertools.repeat(64)))
    assert [sum(map(len, arcs)) for arcs in pieces] == [60, 40]
    assert [len(arcs) for arcs in pieces] == [12, 8]


class TestFingerprint:
    CATALOGUE = make_catalogue(4000)
    CHUNK = chunk(CATALOGUE)[0]

    def changed(self, **columns):
        return self.digest(replace(self.CATALOGUE, **columns)) != self.digest(self.CATALOGUE)

    def digest(self, catalogue, outputs=1, chunk=CHUNK, partners=1):
        counts = np.broadcast_to(outputs, len(catalogue))
        return fingerprint(catalogue, counts, chunk.arcs, [2], partners)

    def edited(self, column, sample, value):
        copy = list(getattr(self.CATALOGUE, column))
        copy[sample] = value
        return {column: np.array(copy) if column in ("sizes", "versions") else copy}

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("labels", SoftLabel((2,), (0.5,))),
            ("labels", None),
            ("keys", "other"),
        ],
    )
    def test_it_changes_with_every_fact_of_a_member(self, column, value):
        assert self.changed(**self.edited(column, members([self.CHUNK])[5], value))

    def test_it_changes_with_a_weight_alone(self):
        sample = members([self.CHUNK])[5]
        label = self.CATALOGUE.labels[sample]
        assert self.changed(**self.edited("labels", sample, SoftLabel(label.classes, (0.5,))))

    @pytest.mark.slow
    def test_it_changes_with_a_mask_that_is_gone(self):
        """A folder's masks are known by their names; whether one is there decides, not where it lies."""
        numbers, keys = self.CATALOGUE.sizes, [f"{number}.png" for number in range(4000)]
        there = replace(self.CATALOGUE, masks=MaskFiles(keys, numbers, numbers))
        lost = [None if number == members([self.CHUNK])[5] else key for number, key in enumerate(keys)]
        gone = replace(self.CATALOGUE, masks=MaskFiles(lost, numbers, numbers))
        assert self.digest(gone) != self.digest(there)

    @pytest.mark.parametrize("column", ["sizes", "versions"])
    def test_it_does_not_change_with_what_a_copy_changes(self, column):
        assert not self.changed(**self.edited(column, members([self.CHUNK])[5], 7))

    def test_it_changes_with_a_sample_read_beyond_the_end(self):
        ring, stop = self.CHUNK.arcs[0].ring, self.CHUNK.arcs[0].stop
        assert self.changed(**self.edited("keys", ring.members[stop + 1], "other"))
        assert not self.changed(**self.edited("keys", ring.members[stop + 2], "other"))

    def test_its_samples_are_listed_with_those_beyond_the_end_each_once(self):
        arc = self.CHUNK.arcs[0]
        assert samples_read([arc], [2]).tolist() == arc.ring.members[arc.start : arc.stop + 2].tolist()
        last = replace(arc, start=len(arc.ring) - 3, stop=len(arc.ring))
        wrapped = [*arc.ring.members[-3:], *arc.ring.members[:2]]
        assert samples_read([last], [2]).tolist() == wrapped
        assert len(samples_read([last], [10**6])) == len(arc.ring)

    def test_it_changes_with_the_class_list(self):
        assert self.changed(classes=("class 0", "class 1", "class 2", "class 3"))

    def test_it_changes_with_a_members_number_of_outputs(self):
        outputs = np.ones(4000, int)
        outputs[members([self.CHUNK])[5]] = 2
        assert self.digest(self.CATALOGUE, outputs) != self.digest(self.CATALOGUE)

    def test_it_changes_with_the_steps_to_partners(self):
        (arc,) = self.CHUNK.arcs
        for steps in (np.array([1, 3]), np.array([2, 3]), np.array([], int)):
            other = replace(self.CHUNK, arcs=(replace(arc, ring=replace(arc.ring, shifts=steps)),))
            assert self.digest(self.CATALOGUE, chunk=other) != self.digest(self.CATALOGUE)

    def test_it_changes_with_the_partners_of_a_small_ring_only(self):
        small = chunk(make_catalogue(3))[0]
        digests = {self.digest(make_catalogue(3), chunk=small, partners=count) for count in (1, 2, 3, 4)}
        assert len(digests) == 2


def make_groups(count, rows=100, size=1 << 20):
    return [RowGroup(f"s{n // 10}.parquet", n % 10, n * rows, rows, size) for n in range(count)]


def chunk_rows(count, size=1 << 20, rows=100):
    catalogue = make_catalogue(count * rows)
    hashes, outputs = hash_samples(catalogue, 0), np.ones(len(catalogue), int)
    groups = make_groups(count, rows, size)
    return catalogue, chunk_groups(catalogue, hashes, groups, outputs, "any", 0)


def test_row_groups_are_mixed_eight_at_least():
    _, made = chunk_rows(200)
    assert len(made) > 1
    assert all(len(one.groups) >= 8 for one in made)
    assert sorted(members(made)) == list(range(20_000))


def test_few_row_groups_are_one_chunk():
    _, made = chunk_rows(3)
    assert [one.name for one in made] == ["all"]


def test_each_chunk_of_rows_is_a_ring_of_its_own():
    _, made = chunk_rows(200)
    for one in made:
        assert len(one.arcs[0].ring) == len(one) == sum(group.rows for group in one.groups)


def test_heavy_chunks_are_read_slice_by_slice():
    _, made = chunk_rows(8, size=100 << 20)
    assert made[0].portions == 4  # 800 MiB in portions of at most 256 MiB
    order = made[0].arcs[0].ring.members
    quarter = [{int(i) % 100 // 25 for i in order[part : part + 200]} for part in range(0, 800, 200)]
    assert quarter == [{0}, {1}, {2}, {3}]


def test_classes_meet_inside_a_slice_of_rows():
    catalogue = make_catalogue(800, classes=4)
    hashes = hash_samples(catalogue, 0)
    groups = make_groups(8, 100, 100 << 20)
    (made,) = chunk_groups(catalogue, hashes, groups, np.ones(800, int), "same-class", 0)
    assert (made.portions, len(made.arcs)) == (4, 16)
    for arc in made.arcs:
        assert len({int(i) % 4 for i in arc.members}) == 1
        assert len({int(i) % 100 // 25 for i in arc.members}) == 1


def outputs_of(catalogue, **options):
    settings = {"copies": 1, "target": None, "has_originals": False} | options
    return count_outputs(catalogue, hash_samples(catalogue, 0), **settings)


def test_outputs_are_the_copies_and_the_original():
    assert set(outputs_of(make_catalogue(9), copies=3)) == {3}
    assert set(outputs_of(make_catalogue(9), copies=3, has_originals=True)) == {4}


@pytest.mark.parametrize("target", [1, 2, 7, 50, 51, "max"])
def test_a_target_gives_every_class_exactly_as_many_outputs(target):
    catalogue = make_catalogue(60, classes=3)
    for sample in range(0, 60, 3):
        catalogue.labels[sample] = SoftLabel((1,), (1.0,)) if sample > 20 else None  # 0, 33 and 20 samples
    outputs = outputs_of(catalogue, target=target)
    wanted = 33 if target == "max" else target
    for one, count in ((1, 33), (2, 20)):
        mine = [outputs[i] for i, label in enumerate(catalogue.labels) if label and label.classes == (one,)]
        assert len(mine) == count
        assert sum(mine) == wanted
        assert max(mine) - min(mine) <= 1
    assert sum(outputs) == 2 * wanted


def test_more_outputs_of_an_image_than_copies_allow_are_refused():
    with pytest.raises(UsageError, match="needs more than 1048576 outputs of an image"):
        outputs_of(make_catalogue(3, classes=3), target=2**20 + 1)


def test_the_first_of_the_ring_get_one_more():
    catalogue = make_catalogue(10, classes=1)
    order = np.argsort(hash_samples(catalogue, 0))
    assert outputs_of(catalogue, target=13)[order].tolist() == [2] * 3 + [1] * 7


def test_originals_come_beside_a_target():
    assert sum(outputs_of(make_catalogue(10, classes=1), target=3, has_originals=True)) == 13


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["any", "same-class", "other-class"])
def test_every_sample_of_a_rule_is_in_one_chunk(rule):
    made = chunk(make_catalogue(9001, classes=7), rule=rule)
    assert sorted(members(made)) == list(range(9001))
    assert len(made) > 3
    assert len({one.name for one in made}) == len(made)


def test_small_classes_stay_whole():
    made = chunk(make_catalogue(9000, classes=30), rule="same-class")
    assert all(len(arc) == len(arc.ring) for one in made for arc in one.arcs)

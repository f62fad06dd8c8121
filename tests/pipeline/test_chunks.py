"""Order, rings and chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from augcli.datatypes import Catalogue, RowGroup, SoftLabel
from augcli.errors import InputError
from augcli.pipeline import chunks
from augcli.pipeline.chunks import (
    chunk_folder,
    chunk_groups,
    cut_runs,
    fingerprint,
    hash_samples,
    partner_distance,
    same_class_shares,
)


def make_catalogue(count, size=1000, classes=3):
    labels = [SoftLabel((number % classes,), (1.0,)) for number in range(count)]
    keys = [f"{number:07d}.jpg" for number in range(count)]
    names = tuple(f"class {number}" for number in range(classes))
    return Catalogue("", keys, np.full(count, size), np.zeros(count, np.int64), labels, names)


def chunk(catalogue, outputs=1, limit=None):
    return chunk_folder(catalogue, hash_samples(catalogue, 0), outputs, limit)


def members(made):
    return [int(i) for one in made for s in one.stretches for i in s.ring.members[s.start : s.stop]]


@pytest.mark.parametrize("count", [1, 2, 1999, 2000, 2001, 9000])
def test_every_sample_is_base_once(count):
    assert sorted(members(chunk(make_catalogue(count)))) == list(range(count))


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
    stops = [(one.stretches[0].start, one.stretches[0].stop) for one in made]
    assert [start for start, _ in stops[1:]] == [stop for _, stop in stops[:-1]]
    assert len({id(one.stretches[0].ring) for one in made}) == 1


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
    assert len(made[0].stretches[0].ring) == 5000


@pytest.mark.parametrize(("copies", "slots", "ring"), [(3, 1, 10), (2, 2, 50), (5, 1, 3), (4, 3, 2)])
def test_partners_of_a_copy_are_a_derangement(copies, slots, ring):
    for copy in range(copies):
        for slot in range(slots):
            partners = [(at + partner_distance(copy, slot, slots, ring)) % ring for at in range(ring)]
            assert sorted(partners) == list(range(ring))
            assert all(partner != at for at, partner in enumerate(partners))


def test_copies_and_slots_have_different_partners_while_there_are_enough():
    distances = {partner_distance(copy, slot, 2, 7) for copy in range(3) for slot in range(2)}
    assert distances == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    ("total", "workers", "length"), [(10, 1, 8), (600, 2, 64), (400, 5, 20), (10**6, 2, 64)]
)
def test_runs_are_cut_by_the_rule(total, workers, length):
    runs = list(cut_runs(chunk(make_catalogue(150))[0], total, workers))
    assert {run.stop - run.start for run in runs[:-1]} == {length}
    assert [at for run in runs for at in range(run.start, run.stop)] == list(range(150))


class TestFingerprint:
    CATALOGUE = make_catalogue(4000)
    CHUNK = chunk(CATALOGUE)[0]

    def changed(self, **columns):
        return fingerprint(replace(self.CATALOGUE, **columns), self.CHUNK, [2]) != fingerprint(
            self.CATALOGUE, self.CHUNK, [2]
        )

    def edited(self, column, sample, value):
        copy = list(getattr(self.CATALOGUE, column))
        copy[sample] = value
        return {column: np.array(copy) if column in ("sizes", "versions") else copy}

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("sizes", 7),
            ("versions", 7),
            ("labels", SoftLabel((2,), (0.5,))),
            ("labels", None),
            ("keys", "other"),
        ],
    )
    def test_it_changes_with_every_fact_of_a_member(self, column, value):
        assert self.changed(**self.edited(column, members([self.CHUNK])[5], value))

    def test_it_changes_with_a_sample_read_beyond_the_end(self):
        ring, stop = self.CHUNK.stretches[0].ring, self.CHUNK.stretches[0].stop
        assert self.changed(**self.edited("sizes", ring.members[stop + 1], 7))
        assert not self.changed(**self.edited("sizes", ring.members[stop + 2], 7))

    def test_it_changes_with_the_class_list(self):
        assert self.changed(classes=("class 0", "class 1", "class 2", "class 3"))


def make_groups(count, rows=100, size=1 << 20):
    return [RowGroup(f"s{n // 10}.parquet", n % 10, n * rows, rows, size) for n in range(count)]


def chunk_rows(count, size=1 << 20, rows=100):
    catalogue = make_catalogue(count * rows)
    hashes = hash_samples(catalogue, 0)
    return catalogue, chunk_groups(catalogue, hashes, make_groups(count, rows, size), 1, None, 0)


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
        assert len(one.stretches[0].ring) == len(one) == sum(group.rows for group in one.groups)


def test_heavy_chunks_are_read_slice_by_slice():
    _, made = chunk_rows(8, size=100 << 20)
    assert made[0].slices == 4  # 800 MiB in slices of at most 256 MiB
    order = made[0].stretches[0].ring.members
    quarter = [{int(i) % 100 // 25 for i in order[part : part + 200]} for part in range(0, 800, 200)]
    assert quarter == [{0}, {1}, {2}, {3}]


def test_class_sorted_pairs_are_noticed():
    catalogue = make_catalogue(1000, classes=10)
    made = chunk_folder(catalogue, np.array([i % 10 * 1000 + i for i in range(1000)], np.uint64), 1, None)
    planned, random = same_class_shares(catalogue, made)
    assert planned == pytest.approx(0.99)  # ten stretches of a class: 990 of 1000 neighbours agree
    assert random == pytest.approx(99 / 999)  # drawn without replacement


def test_shuffled_pairs_are_as_random_ones():
    catalogue = make_catalogue(5000, classes=10)
    planned, random = same_class_shares(catalogue, chunk(catalogue))
    assert planned == pytest.approx(random, abs=4 * 0.3 / 5000**0.5)


def test_a_ring_of_one_cannot_mix():
    made = chunk(make_catalogue(1))
    chunks.check_partners(made, 0)
    with pytest.raises(InputError, match="at least 2 images"):
        chunks.check_partners(made, 1)

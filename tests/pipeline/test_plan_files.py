"""The plans of partitions as files, and what is said of them."""

from __future__ import annotations

import pytest

from augcli.errors import Note, Option, Spelling, spell_note
from augcli.io.store.local import LocalStore
from augcli.pipeline.output.agreement import list_numbers, name_partitions
from augcli.pipeline.output.plan_files import (
    Plan,
    PlannedArc,
    PlannedChunk,
    PlannedSplit,
    read_plans,
    write_plan,
)
from augcli.pipeline.plan.partitions import Partition

NOTES = (
    "plain",
    Note("give ", Option("smoothing"), " 0.1"),
    Note("two: ", Note(Option("links", False), " and ", Option("fit", "pad"))),
)
FEATURES = {"weather": {"names": ["rain", "sun"], "_type": "ClassLabel"}}
SPLITS = (
    PlannedSplit(
        *("train", False, ("a", "b"), ("a", "b%"), FEATURES),
        (PlannedChunk("train-01", (PlannedArc(0, 3, 4, 9), PlannedArc(1, 0, 2, 2))),),
        {0: 3, 2: 1},
    ),
    PlannedSplit("test", True, None, None, {}, (), {}),
)
PLAN = Plan(Partition(3, 12), "recipe", "environment", "view", 7, SPLITS, NOTES)


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path))


def test_a_plan_is_read_as_it_was_written(store):
    write_plan(store, PLAN)
    [(partition, read)] = read_plans(store, [".augcli-plan-3-of-12", "augcli.json"]).items()
    assert (partition, read) == (Partition(3, 12), PLAN)
    assert list(read.splits[0].features["weather"]) == ["names", "_type"]  # in this order


@pytest.mark.parametrize("spelling", Spelling)
def test_options_in_notes_are_spelled_for_who_reads_them(store, spelling):
    write_plan(store, PLAN)
    [read] = read_plans(store, [".augcli-plan-3-of-12"]).values()
    assert [spell_note(note, spelling) for note in read.notes] == [
        spell_note(note, spelling) for note in NOTES
    ]


def test_a_plan_under_the_name_of_another_one_is_none(store, tmp_path):
    write_plan(store, PLAN)
    (tmp_path / ".augcli-plan-3-of-12").rename(tmp_path / ".augcli-plan-4-of-12")
    assert read_plans(store, [".augcli-plan-4-of-12"]) == {Partition(4, 12): None}


def test_plans_come_in_the_order_of_their_numbers(store):
    keys = [f".augcli-plan-{index}-of-12" for index in (10, 9, 2, 0)]
    assert [partition.index for partition in read_plans(store, keys)] == [0, 2, 9, 10]


@pytest.mark.parametrize(
    ("numbers", "listed"), [([3], "3"), ([0, 1], "0-1"), ([5, 0, 2, 1], "0-2,5"), ([1, 3, 5], "1,3,5")]
)
def test_numbers_are_listed_as_slurm_takes_them(numbers, listed):
    assert list_numbers(numbers) == listed


def test_one_partition_is_named_otherwise_than_several():
    assert [name_partitions([2]), name_partitions([2, 4])] == ["partition 2", "partitions 2,4"]

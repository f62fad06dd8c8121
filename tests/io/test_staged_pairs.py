"""Encoded images and masks between the worker that made them and the shard that holds them."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from augcli.errors import StorageError
from augcli.io.store.contents import list_contents
from augcli.io.store.local import LocalStore
from augcli.io.store.names import is_unfinished
from augcli.io.writers.base import Pair
from augcli.io.writers.staged_pairs import drop_pairs, read_cells, stage_pairs

FIRST = [Pair(b"image 0", b"mask 0"), Pair(b"", b""), Pair(b"a longer image 2")]
SECOND = [Pair(bytes(range(256)), b"mask 3")]
KEYS = ("data/a__cutmix0-0123456789abcdef.jpg", "data/b__cutmix0-0123456789abcdef.jpg")


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path))


@pytest.fixture
def staged(store):
    return [*stage_pairs(store, KEYS[0], FIRST), *stage_pairs(store, KEYS[1], SECOND)]


def test_images_and_masks_are_read_in_any_order(store, staged):
    order = [3, 0, 2, 1, 0]
    given = [*FIRST, *SECOND]
    images = read_cells(store, [staged[place].image for place in order])
    masks = read_cells(store, [staged[place].mask for place in order])
    assert images.to_pylist() == [given[place].image for place in order]
    assert masks.to_pylist() == [given[place].mask for place in order]
    assert read_cells(store, []).to_pylist() == []
    assert [pair.length for pair in staged] == [13, 0, 16, 262]


def test_they_lie_in_one_file_a_time_under_unfinished_names_until_they_are_dropped(store, staged):
    standing = list_contents(store).sizes
    assert sorted(standing.values()) == [29, 262]
    assert all(map(is_unfinished, standing))
    drop_pairs(store, staged)
    assert not list_contents(store).sizes


def test_another_attempt_at_the_same_outputs_meets_other_files(store, staged):
    other = LocalStore(store.root)
    stage_pairs(other, KEYS[0], [replace_image(pair) for pair in FIRST])
    assert read_cells(store, [staged[0].image]).to_pylist() == [b"image 0"]


def replace_image(pair):
    return pair._replace(image=pair.image.upper())


def test_a_staged_file_that_is_gone_is_a_storage_error(store, staged):
    os.unlink(store.path(store.staged(KEYS[0])))
    with pytest.raises(StorageError, match=r"cannot read .*No such file"):
        read_cells(store, [staged[0].image])


def test_a_store_that_pickles_keeps_its_names(store):
    assert replace(store).staged("data/x.jpg") == store.staged("data/x.jpg") != "data/x.jpg"

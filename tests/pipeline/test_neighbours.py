"""The samples around a position: who is a partner, and what is known of those that were looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from blake3 import blake3

from augcli.pipeline.plan.chunks import Arc
from augcli.pipeline.plan.limits import Limits
from augcli.pipeline.plan.rings import Ring, SectionTooShortError
from augcli.pipeline.worker.loader import Loader
from augcli.pipeline.worker.neighbours import Neighbours
from augcli.pipeline.worker.values import Stopwatch
from augcli.pipeline.worker.window import Window
from augcli.recipe import Recipe
from tests.pipeline.test_window import COUNT, Files

MEMBERS = np.arange(COUNT)
WHOLE = Ring(MEMBERS, MEMBERS.astype(np.uint64), range(1, COUNT))
ALL = Arc(WHOLE, 0, COUNT)


def look_around(files, arc=ALL):
    """Return a window over an arc, and what is known of the samples around its positions."""
    loader = Loader(files, Recipe(), None, None, True, Stopwatch())
    window = Window(arc, loader, 1, Limits())
    return window, Neighbours(window, arc)


def find_partner(around, position, place):
    """Find a partner that decodes: as long as one was expected in vain, the next is."""
    window, neighbours = around
    while True:
        surprises = neighbours.surprises
        candidates = neighbours.candidates(position, place)
        neighbours.try_partners({ahead: window.open(ahead) for ahead in candidates})
        if neighbours.surprises == surprises:
            return neighbours.expect_partner(position, place)


def test_the_partner_is_the_nearest_that_decodes():
    _, neighbours = around = look_around(Files(bad=[3], torn=[4]))
    assert neighbours.expect_partner(2, 0) == 4  # whose header is whole
    assert find_partner(around, 2, 0) == 5
    assert neighbours.expect_partner(2, 0) == 5
    assert (neighbours.failed, neighbours.looked_at, neighbours.surprises) == ({3, 4}, set(), 1)


def test_what_was_looked_at_behind_the_arc_is_known_with_its_hash():
    files = Files(bad=[3])
    window, neighbours = around = look_around(files, Arc(WHOLE, 0, 3))
    assert [find_partner(around, position, 0) for position in (0, 2)] == [1, 4]
    assert neighbours.looked_at == {3, 4}
    assert window.content(4) == blake3(files.data[4]).digest(length=16)


def test_partners_run_on_from_the_start_of_the_ring():
    window, _ = around = look_around(Files())
    assert (find_partner(around, 7, 1), window.open(9).sample) == (9, 1)


def test_with_too_few_partners_they_take_turns():
    around = look_around(Files(bad=[1, 2, 3, 4, 5]))
    assert [find_partner(around, 0, place) for place in range(4)] == [6, 7, 6, 7]
    assert find_partner(look_around(Files(bad=range(1, 8))), 0, 0) is None


def test_of_a_section_nobody_looks_beyond_the_end():
    ring, start = WHOLE.cut_section(1, 3, 2)
    assert (start, ring.members.tolist(), len(ring), ring.partners) == (0, [1, 2, 3, 4], COUNT, COUNT - 1)
    around = look_around(Files(bad=[3]), Arc(ring, 0, 2))
    assert find_partner(around, 1, 0) == 3
    with pytest.raises(SectionTooShortError):
        find_partner(around, 1, 1)


def test_of_a_section_with_few_shifts_nobody_takes_turns():
    whole = replace(WHOLE, shifts=np.array([1, 5]))
    ring, _ = whole.cut_section(0, 1, 1)
    assert (ring.members.tolist(), ring.shifts.tolist(), ring.partners) == ([0, 1], [1], 2)
    around = look_around(Files(), Arc(ring, 0, 1))
    assert find_partner(around, 0, 0) == 1
    with pytest.raises(SectionTooShortError):  # the second partner is five ahead
        find_partner(around, 0, 1)

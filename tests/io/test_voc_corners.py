"""How the corners of VOC boxes count pixels."""

from __future__ import annotations

from augcli.io.boxes.voc_corners import Corner, find_counting


def test_one_box_that_ends_at_the_side_tells_that_ends_lie_outside():
    corners = [Corner((0, 0, 10, 5), 8, 10), Corner((0, 0, 9, 7), 8, 10)]
    counting, _ = find_counting(
        [corner._replace(sides=tuple(map(float, corner.sides))) for corner in corners]
    )
    assert (counting.first, counting.last) == (0, 0)

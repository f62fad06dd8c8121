"""Categories of boxes that were read apart."""

from __future__ import annotations

import numpy as np

from augcli.io.readers.categories import Listed, move_cells
from augcli.program.annotated import SKIP
from augcli.samples import ImageBoxes, Outline


def test_boxes_of_unknown_categories_are_left_out_with_all_that_is_theirs():
    edges = np.arange(16, dtype=np.float64).reshape(4, 4)
    outlines = tuple(Outline(area=float(number)) for number in range(4))
    image = ImageBoxes(20, 20, edges, (5, 0, 6, 1), ("a", "b", "c", "d"), "{}", outlines)
    listed = Listed("objects", (("cat", "dog"),), ("ant", "cat", "dog"), None, [])
    [moved] = move_cells([image], [1], listed, SKIP)
    assert moved.categories == (1, 2)
    assert moved.edges.tolist() == [[4, 5, 6, 7], [12, 13, 14, 15]]
    assert moved.extras == ("b", "d")
    assert [outline.area for outline in moved.outlines] == [1, 3]
    assert [box.reason for box in moved.skipped] == ["unknown category"] * 2

"""CutMix's box by itself."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING

from augcli.arrays.planning import check_seed
from augcli.errors import PlanError
from augcli.ops.base import BOUNDARIES, box_around, place_box
from augcli.ops.cutmix import PLACE, CutMix, box_sides
from augcli.options import defaults_of
from augcli.recipe import Recipe
from augcli.rng import Draws
from augcli.samples import Shape

if TYPE_CHECKING:
    from augcli.program.steps import Box

CUTMIX, RECIPE = defaults_of(CutMix), defaults_of(Recipe)


def rand_box(
    height: int,
    width: int,
    lam: float,
    *,
    boundary: str = CUTMIX.boundary,
    cy: int | None = None,
    cx: int | None = None,
    seed: int = RECIPE.seed,
) -> Box:
    """Draw CutMix's box: sides floor(H·√(1-λ)) and floor(W·√(1-λ)), around a centre uniform over the pixels.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        lam: λ in 0..1, the image's share before the box is clipped.
        boundary: `clip`, or `inside`: uniform over all places where the box fits.
        cy: Row of the centre, instead of a drawn one; needs `cx`, and `clip`.
        cx: Column of the centre.
        seed: 0..2**64 - 1.

    Returns:
        The box, half-open: `y0, x0, y1, x1`, `area`. The label's λ is 1 - area / (height · width).

    Raises:
        PlanError: If an argument lies outside its range.

    Example:
        >>> rand_box(8, 8, 0.75, cy=0, cx=4)
        Box(y0=0, x0=2, y1=2, x1=6)
    """
    are_sides = all(isinstance(side, Integral) and side >= 1 for side in (height, width))
    if not are_sides or not isinstance(lam, Real) or not 0 <= lam <= 1 or boundary not in BOUNDARIES:
        raise PlanError(
            "a box needs height and width >= 1, lam in 0..1 and boundary clip or inside,"
            f" got {height}, {width}, {lam}, {boundary!r}"
        )
    shape = Shape(int(height), int(width))
    sides = box_sides(1 - float(lam), shape)
    if cy is None and cx is None:
        return place_box(Draws(check_seed(seed), 0, 0, 0), PLACE, *sides, shape, boundary)
    sides_by_place = ((cy, shape.height), (cx, shape.width))
    is_inside = all(isinstance(place, Integral) and 0 <= place < side for place, side in sides_by_place)
    if cy is None or cx is None or not is_inside or boundary != "clip":
        raise PlanError(f"a centre needs cy in 0..{height - 1}, cx in 0..{width - 1} and boundary clip")
    return box_around(int(cy), int(cx), *sides, shape)

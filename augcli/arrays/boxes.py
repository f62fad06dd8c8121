"""CutMix's box by itself."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from augcli.arrays.streams import read_seed
from augcli.errors import PlanError, show_value
from augcli.ops.base import BOUNDARIES, box_around, place_box
from augcli.ops.cutmix import PLACE, CutMix, box_sides
from augcli.options import defaults_of
from augcli.recipe import Recipe
from augcli.rng import Draws, hash_key
from augcli.samples import Shape

if TYPE_CHECKING:
    from augcli.arrays.streams import Seed
    from augcli.program.steps import Box

MOST_PIXELS = 1 << 31
"""Of a side: more than any image has."""

CUTMIX, RECIPE = defaults_of(CutMix), defaults_of(Recipe)


def rand_box(
    height: int,
    width: int,
    lam: float,
    *,
    boundary: str = CUTMIX.boundary,
    cy: int | None = None,
    cx: int | None = None,
    seed: Seed = RECIPE.seed,
) -> Box:
    """Draw CutMix's box: sides floor(H·√(1-λ)) and floor(W·√(1-λ)), around a centre uniform over the pixels.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        lam: λ in 0..1, the image's share before the box is clipped.
        boundary: `clip`, or `inside`: uniform over all places where the box fits.
        cy: Row of the centre, instead of a drawn one; needs `cx`, and `clip`.
        cx: Column of the centre.
        seed: A whole number in 0..2**64 - 1, a tuple of such, or None for a fresh one.

    Returns:
        The box, half-open: `y0, x0, y1, x1`, `area`. The label's λ is 1 - area / (height · width).

    Raises:
        PlanError: If an argument lies outside its range.

    Example:
        >>> rand_box(8, 8, 0.75, cy=0, cx=4)
        Box(y0=0, x0=2, y1=2, x1=6)
    """
    _check_box(height, width, lam, boundary)
    shape = Shape(int(height), int(width))
    sides = box_sides(1 - float(lam), shape)
    if cy is None and cx is None:
        draws = Draws(hash_key("rand_box", read_seed(seed)), 0, 0, 0)
        return place_box(draws, PLACE, *sides, shape, boundary)
    sides_by_place = ((cy, shape.height), (cx, shape.width))
    is_inside = all(
        place is not None and _is_whole(place) and 0 <= place < side for place, side in sides_by_place
    )
    if cy is None or cx is None or not is_inside or boundary != "clip":
        raise PlanError(f"a centre needs cy in 0..{height - 1}, cx in 0..{width - 1} and boundary clip")
    return box_around(int(cy), int(cx), *sides, shape)


def _check_box(height: Any, width: Any, lam: Any, boundary: Any) -> None:
    """Refuse what no box can be made of, naming the argument."""
    for name, side in (("height", height), ("width", width)):
        if not _is_whole(side) or not 1 <= side <= MOST_PIXELS:
            accepted = f"a whole number in 1..{MOST_PIXELS}"
            raise PlanError(f"a box needs {name} to be {accepted}, got {show_value(side)}")
    is_number = isinstance(lam, Real) and not isinstance(lam, bool)
    if not is_number or not 0 <= lam <= 1:
        raise PlanError(f"a box needs lam in 0..1, got {show_value(lam)}")
    if not isinstance(boundary, str) or boundary not in BOUNDARIES:
        raise PlanError(f"a box needs boundary {' or '.join(BOUNDARIES)}, got {show_value(boundary)}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)

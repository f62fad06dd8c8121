"""How outputs are written, decided by the headers of what they are made from: channels, encoding, profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.io.images import codec
from augcli.io.images.profiles import are_alike, fits
from augcli.io.records.part_files import LAID_OVER, WRITTEN_ANEW
from augcli.kernels.match import mixed_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from augcli.io.images.geometry import Geometry
    from augcli.pipeline.worker.values import Loaded, Made
    from augcli.recipe import Recipe

GREYED = "colour partners read as grey, since 16-bit grey stays so"
OTHER_PROFILE = "partners with another colour profile, whose numbers are used as they are"
PROFILE_LEFT_OUT = "colour profiles left out, since they do not describe the images written"
"""Each is counted once for an output of which it is true."""


def expect_changed(made: Made, recipe: Recipe) -> None:
    """Decide in which channels an output is made, and how it is written."""
    base = made.base
    assert base.shape is not None
    shapes = [partner.shape for partner in made.sources if partner.shape is not None]
    shape = mixed_shape(base.shape, shapes)
    if any(other[2:] != shape[2:] for other in (base.shape, *shapes)):
        made.brought_to = shape
        is_greyed = shape.channels == 1 and any(partner.channels > 1 for partner in shapes)
        has_transparent = any(partner.channels == 4 for partner in shapes)
        made.remarks += (GREYED,) * is_greyed + (LAID_OVER,) * has_transparent
    elif shape.channels == 4 and shapes:
        made.brought_to, made.remarks = shape, (LAID_OVER,)
    made.remarks += _note_sources(base, made.sources)
    choose_encoding(made, shape.channels, recipe)


def expect_unchanged(made: Made, recipe: Recipe, geometry: Geometry | None) -> None:
    """Take the file itself where it may stand in the output."""
    header = made.base.header
    assert header is not None
    obstacle = codec.find_copy_obstacle(header, recipe.image_format, geometry)
    made.is_decoded = made.plan.is_drawn or obstacle is not None
    if obstacle is None:
        made.data, made.suffix = made.base.data, "jpg" if header.format == "JPEG" else "png"
        made.height, made.width = header.height, header.width
    else:
        made.remarks = (f"{WRITTEN_ANEW}{obstacle}", *_note_sources(made.base, ()))


def choose_encoding(made: Made, channels: int, recipe: Recipe) -> None:
    """Decide how an output is written, and note what is lost in it."""
    header = made.base.header
    assert header is not None
    made.encoding = codec.choose_encoding(
        header, channels, recipe.image_format, recipe.quality, recipe.subsampling
    )
    made.profile = header.profile
    if made.profile and not fits(made.profile, channels):
        made.profile, made.remarks = b"", (*made.remarks, PROFILE_LEFT_OUT)
    if channels == 4 and made.encoding.file_format == "jpg" and LAID_OVER not in made.remarks:
        made.remarks = (*made.remarks, LAID_OVER)


def _note_sources(base: Loaded, partners: Sequence[Loaded]) -> tuple[str, ...]:
    """Return remarks on the images that an output is decoded from."""
    headers = [loaded.header for loaded in (base, *partners) if loaded.header is not None]
    bits = {header.narrowed for header in headers if header.narrowed}
    remarks = [f"{number}-bit colour read as 8-bit" for number in sorted(bits)]
    profile = headers[0].profile
    if not all(are_alike(profile, header.profile) for header in headers[1:]):
        remarks.append(OTHER_PROFILE)
    return tuple(remarks)

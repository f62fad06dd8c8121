"""What an input and a recipe must allow together before anything is planned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option, UsageError
from augcli.io.boxes.base import COLUMN, WITH_IMAGES
from augcli.io.writers.choose import WRITERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


BECOME_COCO = {"folder": WITH_IMAGES, "parquet": WITH_IMAGES - {COLUMN}}
"""Box formats that are written as a COCO file, by the layout of the output."""


def check_masks(recipe: Recipe, annotated: Annotated) -> None:
    """Refuse what index masks do not allow.

    Raises:
        UsageError: Naming the option.
    """
    if not annotated.masks:
        return
    operations = [choice.operation for entry in recipe.entries for choice in entry.choices]
    blending = next((operation.name for operation in operations if operation.blends), None)
    if blending and recipe.mask_policy is None:
        why = f"{blending} blends images, but a mean of two indices of masks means nothing"
        policy = Option("mask_policy", "dominant")
        raise UsageError(f"{why}; give ", policy, ", or an input without masks")
    if recipe.size and recipe.fit == "pad" and recipe.mask_fill is None:
        fit, fill = Option("fit", "pad"), Option("mask_fill")
        raise UsageError(fit, " frames masks too; say with ", fill, " which index the frame has")


def check_boxes(recipe: Recipe, annotated: Annotated) -> None:
    """Refuse a layout for boxes where the input has no boxes, or has masks; and boxes that it cannot hold.

    Raises:
        UsageError: Naming the option.
        InputError: If boxes become a COCO file, in which not every class would have a name of its own.
    """
    _check_class_names(recipe, annotated)
    if not WRITERS[str(recipe.format)].needs_boxes:
        return
    layout = Option("format", str(recipe.format))
    if annotated.boxes is None:
        give = " needs boxes; give ", Option("boxes"), ", or ", Option("format", "folder")
        raise UsageError(layout, *give, " for images without boxes")
    if annotated.masks:
        raise UsageError(layout, " has no place for masks; give ", Option("format", "folder"))


def _check_class_names(recipe: Recipe, annotated: Annotated) -> None:
    header, layout = annotated.boxes, str(recipe.format)
    if header is None or header.box_format not in BECOME_COCO.get(layout, ()):
        return
    counts = Counter(header.names)
    number = next((n for n, name in enumerate(header.names) if not name or counts[name] > 1), None)
    if number is None:
        return
    name = header.names[number]
    why = (
        f"two classes of boxes are called {name!r}" if name else f"class {number} of boxes has an empty name"
    )
    raise InputError(
        f"{why}, but ",
        Option("format", layout),
        " writes them to a COCO file, where each has a name of its own; correct the names, or give ",
        Option("format", "yolo"),
    )


JPEG_NAMES = frozenset("jpg jpeg jpe jfif".split())
PNG_NAMES = frozenset("png bmp gif tif tiff ppm pgm".split())
"""Suffixes of images that become JPEG, and of those that become PNG, if they are what their names say."""


def check_suffixes(recipe: Recipe, keys: Iterable[str]) -> None:
    """Refuse images whose names say that some become JPEG and some PNG, where all must be alike.

    What their bytes are is seen when they are read; an output that differs ends the run then.

    Args:
        recipe: The recipe.
        keys: Names of images.

    Raises:
        UsageError: Naming one of each.
    """
    if recipe.image_format != "keep" or not WRITERS[str(recipe.format)].has_one_suffix:
        return
    first_keys: dict[str, str] = {}
    for key in keys:
        first_keys.setdefault(key.rpartition(".")[2].lower(), key)
    jpg = next((first_keys[suffix] for suffix in sorted(first_keys) if suffix in JPEG_NAMES), None)
    png = next((first_keys[suffix] for suffix in sorted(first_keys) if suffix in PNG_NAMES), None)
    if jpg and png:
        raise UsageError(*mixed_words(str(recipe.format), jpg, png))


def mixed_words(layout: str, jpg: str, png: str) -> tuple[object, ...]:
    """Return the words that refuse JPEG and PNG files in one output, where all must have one suffix."""
    why = f"{layout}: all images of a data set need the same suffix, got {jpg!r} and {png!r}; give "
    return why, Option("image_format", "jpg"), " or ", Option("image_format", "png")

"""What an input and a recipe must allow together before anything is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from augcli.errors import Option, UsageError

if TYPE_CHECKING:
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


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

"""Labels, shares and recipes in words."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Any

from augcli.errors import Option, Spelling
from augcli.io.store.names import RECIPE
from augcli.io.store.urls import join_path
from augcli.options import flag, option_fields
from augcli.program.steps import Blend, Fill, Normal, Patches, Uniform
from augcli.samples import Q16, Colour, Colour16

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.entries import Entry
    from augcli.ops import Operation
    from augcli.program.steps import Area, Paint, Step
    from augcli.recipe import Recipe
    from augcli.samples import Edges


def name_class(number: int, classes: Sequence[str]) -> str:
    """Return the name of a class; its number where the class list is shorter."""
    return classes[number] if 0 <= number < len(classes) else f"class {number}"


def plain_line(text: str) -> str:
    """Return a text that came from files as one line, without codes that terminals obey."""
    return "".join(char if char.isprintable() else " " for char in text)


def describe_label(
    classes: Iterable[int] | None, weights: Iterable[float] | None, names: Sequence[str]
) -> str:
    """Return a label in words, the largest weight first: `dress 0.79, shoes 0.21`; empty without a label."""
    if classes is None or weights is None:
        return ""
    return write_label(order_label(classes, weights, names))


def order_label(
    classes: Iterable[int], weights: Iterable[float], names: Sequence[str]
) -> tuple[tuple[str, float], ...]:
    """Return the names of a label's classes with their weights, the largest first."""
    pairs = sorted(zip(classes, weights, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name_class(number, names), weight) for number, weight in pairs)


def write_label(label: Iterable[tuple[str, float]]) -> str:
    """Return names of classes and their weights in words, in their order."""
    return ", ".join(f"{name} {write_share(weight)}" for name, weight in label)


def write_share(share: float, digits: int = 2) -> str:
    """Return a share with some decimals; what is less than all, or more than nothing, does not read so."""
    least = 10.0**-digits
    if 0 < share < least / 2:
        return f"<{least:.{digits}f}"
    if 1 - least / 2 <= share < 1:
        return f">{1 - least:.{digits}f}"
    return f"{share:.{digits}f}"


def describe_recipe(recipe: Recipe) -> list[str]:
    """Return in words what a recipe does, an operation in each line, then what else it asks for."""
    lines = [_describe_entry(entry) for entry in recipe.entries] or ["nothing is changed"]
    settings = ", ".join(f"{name} {value}" for name, value in _list_changed(recipe).items())
    return lines + ([f"with {settings}"] if settings else [])


def write_command(recipe: Recipe, dst: str) -> str:
    """Return the command that makes an output of the same recipe, in the words of a shell.

    A recipe of one operation is written with its options; any other recipe is the output's own document.
    """
    choices = [choice for entry in recipe.entries for choice in entry.choices]
    if len(choices) != 1 or choices[0].operation.name != recipe.name or choices[0].weight != 1.0:
        return shlex.join(["augcli", "run", join_path(dst, RECIPE), "SRC", "NEW_DST"])
    operation, p = choices[0].operation, recipe.entries[0].p
    values = _list_changed(operation) | ({} if p == 1.0 else {"p": p}) | _list_changed(recipe)
    options = [_spell(name, value) for name, value in values.items()]
    return " ".join([f"augcli {operation.name}", *options, "SRC", "NEW_DST"])


def _spell(name: str, value: Any) -> str:
    """Return an option and its value as the command line has them."""
    is_switch = isinstance(value, bool)
    return Option(name.replace("-", "_"), value if is_switch else str(value)).spell(Spelling.FLAG)


def _describe_entry(entry: Entry) -> str:
    """Return one step of a recipe in words."""
    if [choice.weight for choice in entry.choices] == [1.0]:
        words = _describe_operation(entry.choices[0].operation)
    else:
        choices = (
            f"{_describe_operation(option.operation)} (weight {option.weight:g})" for option in entry.choices
        )
        words = f"one of: {'; '.join(choices)}"
    return words if entry.p == 1.0 else f"{words}, with probability {entry.p:g}"


def _describe_operation(operation: Operation) -> str:
    """Return an operation in words: its name, and the options that are not as by default."""
    changed = ", ".join(f"{name} {value}" for name, value in _list_changed(operation).items())
    return f"{operation.name} ({changed})" if changed else operation.name


def _list_changed(owner: Recipe | Operation) -> dict[str, Any]:
    """Return the options that are not as by default, under the names of the command line."""
    changed = {}
    for field in option_fields(owner):
        value = getattr(owner, field.name)
        if value != getattr(type(owner)(), field.name):
            changed[flag(field.name)] = value
    return changed


def describe_step(step: Step, height: int, width: int, partners: Sequence[str]) -> str:
    """Return a step on an image of H×W pixels in words, the share in percent of the image."""
    area = sum(box.area for box in step.area.boxes(height, width))
    share, where = area / max(height * width, 1), _describe_area(step.area)
    if isinstance(step, Fill):
        return f"lost {percent(share)} {where}, filled with {_describe_paint(step.fill)}"
    partner = partners[step.slot]
    if isinstance(step, Blend):
        weight = 1 - step.weight_q16 / Q16
        return f"was blended with {partner}, {percent(weight)} of it {where}"
    return f"got {percent(share)} of {partner} {where}"


def percent(share: float) -> str:
    """Return a share in percent: whole, but where it would be 0 or 100 and is not."""
    rounded = f"{100 * share:.0f} %"
    return f"{100 * share:.2g} %" if rounded == "0 %" and share else rounded


def _describe_area(area: Area) -> str:
    """Return where an area lies, its last row and column included."""
    if isinstance(area, Patches):
        return f"in {sum(area.bitmap)} patches of {area.width} × {area.height}"
    if not area.area:
        return "nowhere"
    return describe_place((area.y0, area.x0, area.y1, area.x1))


def describe_place(edges: Edges) -> str:
    """Return where a box lies: the pixels that it touches, its last row and column included."""
    (y0, x0), (y1, x1) = map(math.floor, edges[:2]), (math.ceil(edge) - 1 for edge in edges[2:])
    return f"at rows {y0} to {y1}, columns {x0} to {x1}"


def _describe_paint(paint: Paint) -> str:
    """Return what a hole is filled with."""
    if isinstance(paint, Uniform | Normal):
        return "noise"
    if isinstance(paint, Colour | Colour16):
        return f"the colour {paint.red},{paint.green},{paint.blue}"
    return "the image's mean"

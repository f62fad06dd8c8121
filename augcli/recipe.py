"""What the user asked for: operations with their probabilities, and how the output is made.

A `Recipe` is complete and checked: whatever it says is all that decides the output's bytes, besides the
input. Its fields carry their help, bounds and choices, from which the command line, recipe files and
`augcli.json` follow.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from augcli.boxes import BOX_POLICIES, MASK_POLICIES
from augcli.errors import UsageError
from augcli.fields import (
    Bounds,
    Size,
    check_fields,
    flag,
    is_text,
    option,
    option_fields,
    read_colour,
    read_quality,
    read_size,
    read_target,
)
from augcli.ops import OPERATIONS, Operation
from augcli.ops.base import MixOperation
from augcli.rng import Draws

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from augcli.datatypes import Colour

PILLOW_ERROR_BOUND = 178_956_970
"""Pixels above which Pillow refuses an image: twice its warning bound of 1 GiB / 4 / 3."""

CHANCE = 0
"""The stream of `Draws` that decides whether an operation is applied, and which of `one_of`."""

P_HELP = "Probability for each output; the rest stays as it is."

COMMAND_LINE_KEYS = (
    "labels", "classes", "workers", "backend", "max-errors", "force", "dry-run", "quiet", "json"
)  # fmt: skip
"""What says where and how a run is done, not what it gives."""

ANNOTATIONS = "Masks and boxes"
"""Heading of their options in the help."""

MOST_ENTRIES = 256
"""What the counter of `Draws` has room for."""

INPUT_KEYS = ("masks", "boxes")
"""Keys of a recipe file that say where the input's annotations lie. They are no part of what is stored in an
output, which is the same wherever its input lay."""

TABLE_KEYS = ("smoothing", "smoothing_form", "soft_labels")
"""Keys that only concern tables and label columns: changing them rewrites these, not images."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One operation of an entry and its share of the cases."""

    operation: Operation
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One place in a recipe: applied with probability `p`; one of its choices by weight."""

    choices: tuple[Choice, ...]
    p: float = 1.0

    def __post_init__(self) -> None:
        weights = [choice.weight for choice in self.choices]
        for value in (self.p, *weights):
            if isinstance(value, bool) or not isinstance(value, Real):
                raise UsageError(f"--p and weight must be numbers, got {value!r}")
        object.__setattr__(self, "p", float(self.p))
        choices = tuple(replace(choice, weight=float(choice.weight)) for choice in self.choices)
        object.__setattr__(self, "choices", choices)
        if not Bounds(0, 1).accepts(self.p):
            raise UsageError(f"--p must be >= 0 and <= 1, got {self.p}")
        if not weights or min(weights) < 0 or not sum(weights) <= 1 + 1e-9:
            cure = "give each choice its weight" if weights else "give at least one choice"
            raise UsageError(f"one_of: weights must be >= 0 and sum to at most 1, got {weights}; {cure}")

    @property
    def mixes(self) -> bool:
        """Whether any choice reads a partner."""
        return any(choice.operation.mixes for choice in self.choices)

    def draw(self, draws: Draws) -> Operation | None:
        """Draw the operation for one output; None leaves the image as it is."""
        chance, which = draws.uniforms(CHANCE, 2)
        if chance >= self.p:
            return None
        for choice in self.choices:
            if which < choice.weight:
                return choice.operation
            which -= choice.weight
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides an output, resolved and checked.

    Raises:
        UsageError: If a value lies outside its range, naming the option, the value and what is accepted.
    """

    name: str = "recipe"
    entries: tuple[Entry, ...] = ()
    masks: str | None = None
    boxes: str | None = None

    seed: int = option(0, "Seed of every random choice.", Bounds(0, 2**64 - 1))
    copies: int = option(1, "Different outputs per image.", Bounds(1, 2**20))
    target_per_class: int | str | None = option(
        None,
        "Instead of --copies: N outputs from each class, or `max` for as many as the largest has images.",
        read=read_target,
    )
    originals: str = option(
        "none", "Also put the images themselves into the output.", choices=("none", "copy")
    )
    limit: int | None = option(None, "Only the first N images of the shuffled order.", Bounds(1, 2**62))

    format: str | None = option(
        None, "Form of the output (default: as the input).", choices=("folder", "parquet"), panel="Images"
    )
    size: Size | None = option(
        None, "Bring every image to this size, `224` or `HxW`, at load.", read=read_size, panel="Images"
    )
    fit: str = option("crop", "How --size fits an image.", choices=("crop", "pad", "stretch"), panel="Images")
    image_format: str = option(
        "keep",
        "Write JPEG or PNG (keep: lossy sources as JPEG, others as PNG).",
        choices=("keep", "jpg", "png"),
        panel="Images",
    )
    quality: int | str = option(
        "keep",
        "JPEG quality 1..100 (keep: the source's own, 95 where it has none).",
        read=read_quality,
        panel="Images",
    )
    subsampling: str = option(
        "keep",
        "JPEG chroma subsampling (keep: the source's own).",
        choices=("keep", "444", "422", "420"),
        panel="Images",
    )
    background: Colour = option(
        "white",
        "Colour behind what has none: `r,g,b`, `black`, `white` or `gray`.",
        read=read_colour,
        panel="Images",
    )
    max_pixels: int = option(
        PILLOW_ERROR_BOUND, "Images with more pixels count as failed.", Bounds(1, 2**40), panel="Images"
    )

    split: str = option("train", "The split that is augmented, where the input has splits.", panel="Input")
    other_splits: str = option(
        "copy", "Pass the other splits on, or leave them out.", choices=("copy", "skip"), panel="Input"
    )
    image_col: str | None = option(
        None, "Parquet column of the images (default: found by name).", panel="Input"
    )
    label_col: str | None = option(
        None, "Column of the labels (default: soft_label or label).", panel="Input"
    )
    links: bool = option(True, "Follow symbolic links.", panel="Input")

    mask_fill: int | None = option(
        None,
        "Index of masks in holes, and around padded ones (default: holes leave masks alone).",
        Bounds(0, 65535),
        panel=ANNOTATIONS,
    )
    mask_policy: str | None = option(
        None,
        "Which mask a blend of two images has: that of the larger weight (default: blends are refused).",
        choices=MASK_POLICIES,
        panel=ANNOTATIONS,
    )
    box_policy: str = option(
        "keep",
        "Leave boxes that are partly hidden as they are, or shrink them to what is seen.",
        choices=BOX_POLICIES,
        panel=ANNOTATIONS,
    )
    min_visibility: float = option(
        0.0, "Share of a box that must be seen, or it is dropped.", Bounds(0, 1), panel=ANNOTATIONS
    )
    min_paste_visibility: float = option(
        0.1, "Share of a partner's box that must lie in what is pasted.", Bounds(0, 1), panel=ANNOTATIONS
    )

    smoothing: float = option(0.0, "Label smoothing ε, after mixing.", Bounds(0, 0.999999), panel="Labels")
    smoothing_form: str = option(
        "uniform", "Spread ε over all classes or the others.", choices=("uniform", "others"), panel="Labels"
    )
    soft_labels: str | None = option(
        None,
        "One weight per class, or only the two largest (default: dense up to 256 classes).",
        choices=("dense", "pair"),
        panel="Labels",
    )

    def __post_init__(self) -> None:
        check_fields(self, self.name)
        for key in INPUT_KEYS:
            if not isinstance(getattr(self, key), str | None):
                raise UsageError(f"recipe: {key} must be a path, got {getattr(self, key)!r}")
        if self.size and self.size.height * self.size.width > self.max_pixels:
            raise UsageError(
                f"--size {self.size} is more than --max-pixels {self.max_pixels}; give a smaller one"
            )
        if self.target_per_class is not None and self.copies != 1:
            raise UsageError(
                f"{self.name}: --copies and --target-per-class both decide how many; give one of them"
            )
        if len(self.entries) > MOST_ENTRIES:
            raise UsageError(f"{self.name}: at most {MOST_ENTRIES} operations, got {len(self.entries)}")
        if len(self._partner_rules) > 1:
            rules = ", ".join(self._partner_rules)
            raise UsageError(f"{self.name}: --partner must be the same for all operations, got {rules}")
        letters = r"[^\s/\\.\x00-\x1f\x7f][^\s/\\\x00-\x1f\x7f]*"
        is_word = isinstance(self.name, str) and re.fullmatch(letters, self.name) and is_text(self.name)
        if not is_word or len(self.name.encode()) > 64:
            raise UsageError(f"recipe name {self.name!r} must be a word that a file name can hold")

    @property
    def mixing_entries(self) -> tuple[int, ...]:
        """Indices of the entries that can read a partner, in order: their place here is their slot `s`."""
        return tuple(index for index, entry in enumerate(self.entries) if entry.mixes)

    @property
    def partner_rule(self) -> str:
        """Which images may be partners, the same for all operations."""
        return self._partner_rules[0] if self._partner_rules else "any"

    @property
    def _partner_rules(self) -> list[str]:
        operations = [choice.operation for entry in self.entries for choice in entry.choices]
        return sorted({one.partner for one in operations if isinstance(one, MixOperation)})


def single(operation: Operation, p: float = 1.0, **settings: Any) -> Recipe:
    """Make the recipe of one operation, as the commands do.

    Args:
        operation: What to apply.
        p: Probability for each output.
        settings: Other fields of `Recipe`.
    """
    return Recipe(name=operation.name, entries=(Entry((Choice(operation),), p),), **settings)


def write_recipe(recipe: Recipe) -> dict[str, Any]:
    """Give a recipe as plain data with the command line's names, such that `read_recipe` gives it back."""
    data = {"name": recipe.name, **_write_options(recipe)}
    return data | {"op": [_write_entry(entry) for entry in recipe.entries]}


def read_recipe(data: Mapping[str, Any], name: str | None = None) -> Recipe:
    """Check plain data (a TOML or JSON document) and make it a recipe.

    Args:
        data: Keys are the command line's long names; `op` a list of operations; the table `labels` may
            hold the keys on labels.
        name: The recipe's name where the data give none.

    Raises:
        UsageError: If a key is unknown (naming the nearest known one) or a value is not accepted.
    """
    _refuse_huge_numbers(data)
    flat = {key: value for key, value in data.items() if key not in ("op", "labels")}
    labels = data.get("labels", {})
    operations = data.get("op", [])
    if not isinstance(labels, dict):
        raise UsageError(f"recipe: labels must be a table, [labels], got {labels!r}")
    if not _is_tables(operations):
        raise UsageError("recipe: op must be a list of tables; write [[op]] above each operation")
    if twice := sorted(flat.keys() & labels.keys()):
        raise UsageError(f"recipe: {twice[0]!r} is given twice, at the top and in [labels]; leave out one")
    flat |= labels
    known = {flag(one.name): one.name for one in option_fields(Recipe)} | {
        key: key for key in ("name", *INPUT_KEYS)
    }
    check_keys(data, [*known, "op", "labels"], "recipe")
    on_labels = [flag(one.name) for one in option_fields(Recipe) if one.metadata.get("panel") == "Labels"]
    check_keys(labels, on_labels, "[labels]")
    settings = {known[key]: value for key, value in flat.items()}
    if name is not None:
        settings.setdefault("name", name)
    try:
        return Recipe(entries=tuple(_read_entry(one) for one in operations), **settings)
    except TypeError as error:
        raise UsageError(f"recipe: {error}") from error


def check_keys(given: Iterable[str], known: Iterable[str], owner: str) -> None:
    """Refuse keys that nobody knows, naming the nearest known one."""
    known = list(known)
    for key in given:
        if key in COMMAND_LINE_KEYS and key not in known:
            raise UsageError(f"{owner}: {key!r} is no key of recipes; give --{key} on the command line")
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise UsageError(f"{owner}: unknown key {key!r}; {hint}")


def find_operation(name: str) -> type[Operation]:
    """Look up an operation by name, or say which one was meant."""
    if not isinstance(name, str) or name not in OPERATIONS:
        near = difflib.get_close_matches(str(name), OPERATIONS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(OPERATIONS)}"
        raise UsageError(f"unknown operation {name!r}; {hint}")
    return OPERATIONS[name]


def _refuse_huge_numbers(data: Mapping[str, Any]) -> None:
    """Refuse integers that nothing takes, and whose digits Python does not print."""
    pending: list[Any] = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, int) and value.bit_length() > 64:
            raise UsageError("recipe: a number has more than 64 bits, which nothing takes")


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _read_entry(data: Mapping[str, Any]) -> Entry:
    if "one_of" in data:
        check_keys(data, ["one_of", "p"], "one_of")
        if not _is_tables(data["one_of"]):
            raise UsageError("one_of must be a list of tables, each with a kind and a weight")
        choices = tuple(_read_choice(one, {"weight"}) for one in data["one_of"])
    else:
        choices = (_read_choice(data, {"p"}),)
    return Entry(choices, data.get("p", 1.0))


def _read_choice(data: Mapping[str, Any], beside: set[str]) -> Choice:
    if "kind" not in data:
        raise UsageError(f"recipe: an operation has no kind; give kind = one of {', '.join(OPERATIONS)}")
    operation = find_operation(data["kind"])
    known = {flag(one.name): one.name for one in option_fields(operation)}
    check_keys(data, ["kind", *beside, *known], operation.name)
    values = {known[key]: value for key, value in data.items() if key in known}
    return Choice(operation(**values), data.get("weight", 1.0))


def _write_entry(entry: Entry) -> dict[str, Any]:
    written = [
        {"kind": choice.operation.name, **_write_options(choice.operation)} for choice in entry.choices
    ]
    if len(written) == 1 and entry.choices[0].weight == 1.0:
        return written[0] | {"p": entry.p}
    weighed = [one | {"weight": choice.weight} for one, choice in zip(written, entry.choices, strict=True)]
    return {"one_of": weighed, "p": entry.p}


def _write_options(owner: Recipe | Operation) -> dict[str, Any]:
    """Give option fields as plain data: what is no number or text of itself, as it is written."""
    values = {flag(one.name): getattr(owner, one.name) for one in option_fields(owner)}
    plain = bool | int | float | str | None
    return {name: value if isinstance(value, plain) else str(value) for name, value in values.items()}

"""What the user asked for: operations with their probabilities, and how the output is made.

A `Recipe` is complete and checked: whatever it says is all that decides the output's bytes, besides the
input. Its fields carry their help, bounds and choices, from which the command line, recipe files and
`augcli.json` follow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.entries import Choice, Entry
from augcli.errors import Option, UsageError
from augcli.io.writers.choose import WRITERS
from augcli.needs import Fact, Given
from augcli.ops import Operation
from augcli.ops.base import MixOperation
from augcli.options import (
    Bounds,
    Size,
    check_fields,
    is_text,
    option,
    read_colour,
    read_quality,
    read_size,
    read_target,
)
from augcli.program.annotated import (
    BAD_BOXES,
    BOX_POLICIES,
    MASK_POLICIES,
    STOP,
    UNBOXED,
    YOLO_TASKS,
    BoxRule,
)
from augcli.recipe_keys import INPUT_KEYS

if TYPE_CHECKING:
    from augcli.samples import Colour

OUTPUT_VERSION = 6
"""Raised whenever the same seed and input give other bytes than before."""

PILLOW_ERROR_BOUND = 178_956_970
"""Pixels above which Pillow refuses an image: twice its warning bound of 1 GiB / 4 / 3."""

P_HELP = "Probability for each output; the rest stays as it is."

ANNOTATIONS = "Masks and boxes"
"""Heading of their options in the help."""

MOST_ENTRIES = 256
"""What the counter of `Draws` has room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides an output, resolved and checked.

    Raises:
        UsageError: If a value lies outside its range, naming the option, the value and what is accepted.
    """

    name: str = "recipe"
    entries: tuple[Entry, ...] = ()
    masks: str | None = None
    boxes: str | tuple[str, ...] | None = None

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
        None, "Layout of the output (default: as the input).", choices=WRITERS, panel="Images"
    )
    size: Size | None = option(
        None, "Bring every image to this size, `224` or `HxW`, at load.", read=read_size, panel="Images"
    )
    fit: str = option(
        "crop",
        "How --size fits an image.",
        choices=("crop", "pad", "stretch"),
        panel="Images",
        needs=(Given("size"),),
    )
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
        needs=(Fact.JPEG,),
    )
    subsampling: str = option(
        "keep",
        "JPEG chroma subsampling (keep: the source's own).",
        choices=("keep", "444", "422", "420"),
        panel="Images",
        needs=(Fact.JPEG,),
    )
    background: Colour = option(
        "white",
        "Colour behind transparent pixels and frames: `r,g,b`, `black`, `white` or `gray`.",
        read=read_colour,
        panel="Images",
        needs=(Fact.BACKGROUND,),
    )
    max_pixels: int = option(
        PILLOW_ERROR_BOUND, "Images with more pixels count as failed.", Bounds(1, 2**40), panel="Images"
    )

    split: str = option("train", "The split that is augmented, where the input has splits.", panel="Input")
    other_splits: str = option(
        "copy",
        "Pass the other splits on, or leave them out.",
        choices=("copy", "skip"),
        panel="Input",
        needs=(Fact.OTHER_SPLITS,),
    )
    splits: bool = option(
        True,
        "Read folders and shards with words such as train and test in their names as splits.",
        panel="Input",
    )
    image_col: str | None = option(
        None,
        "Column of the images in shards, or their suffix in tar files (default: found by name).",
        panel="Input",
        needs=(Fact.SHARDS,),
    )
    label_col: str | None = option(
        None,
        "Column of the labels; in tar files a suffix or json.FIELD (default: found by name).",
        panel="Input",
        needs=(Fact.LABEL_COLUMN,),
    )
    file_col: str | None = option(
        None,
        "Column of a table that names the images (default: found by name).",
        panel="Input",
        needs=(Fact.TABLE,),
    )
    label_sep: str | None = option(
        None,
        "What stands between several labels in one text, such as `|`.",
        panel="Input",
        needs=(Fact.LABEL_COLUMN,),
    )
    links: bool = option(True, "Follow symbolic links.", panel="Input")

    strict: bool = option(
        False, "Count images as failed that libjpeg decodes with a complaint.", panel="Images"
    )

    mask_fill: int | None = option(
        None,
        "Index of masks in holes, and around padded ones (default: holes leave masks alone).",
        Bounds(0, 65535),
        panel=ANNOTATIONS,
        needs=(Fact.MASKS, Fact.MASK_FILLING),
    )
    mask_policy: str | None = option(
        None,
        "Which mask a blend of two images has: that of the larger weight (default: blends are refused).",
        choices=MASK_POLICIES,
        panel=ANNOTATIONS,
        needs=(Fact.MASKS, Fact.BLENDING),
    )
    box_order: str | None = option(
        None,
        "Order of boxes in a column: as COCO has them, or corners; skip leaves the column out.",
        choices=("xywh", "xyxy", "skip"),
        panel=ANNOTATIONS,
        needs=(Fact.COLUMN,),
    )
    yolo_task: str | None = option(
        None,
        "What YOLO labels are of, where that is in doubt (default: found by their numbers).",
        choices=YOLO_TASKS,
        panel=ANNOTATIONS,
        needs=(Fact.YOLO,),
    )
    bad_boxes: str = option(
        STOP,
        "Boxes that are not right end the run, or are left out and listed in warnings.jsonl.",
        choices=BAD_BOXES,
        panel=ANNOTATIONS,
        needs=(Fact.BOXES,),
    )
    unboxed: str | None = option(
        None,
        "Images that the boxes do not name have none, are left out, or end the run (default: they have none,"
        " but end the run where names nearly match).",
        choices=UNBOXED,
        panel=ANNOTATIONS,
        needs=(Fact.BOXES, Fact.BOX_FILE),
    )
    box_policy: str = option(
        "keep",
        "Leave boxes that are partly hidden as they are, or shrink them to what is seen.",
        choices=BOX_POLICIES,
        panel=ANNOTATIONS,
        needs=(Fact.BOXES, Fact.HIDING),
    )
    min_visibility: float = option(
        0.0,
        "Share of a box that must be seen, or it is dropped.",
        Bounds(0, 1),
        panel=ANNOTATIONS,
        needs=(Fact.BOXES, Fact.HIDING),
    )
    min_paste_visibility: float = option(
        0.1,
        "Share of a partner's box that must lie in what is pasted.",
        Bounds(0, 1),
        panel=ANNOTATIONS,
        needs=(Fact.BOXES, Fact.PASTING),
    )

    min_area: float = option(
        0.0,
        "Pixels of a box that must be seen, or it is dropped.",
        Bounds(0, 2**40),
        panel=ANNOTATIONS,
        needs=(Fact.BOXES,),
    )
    min_size: float = option(
        0.0,
        "Pixels that the shorter side of a written box must have, or it is dropped.",
        Bounds(0, 2**31),
        panel=ANNOTATIONS,
        needs=(Fact.BOXES,),
    )

    smoothing: float = option(
        0.0, "Label smoothing ε, after mixing.", Bounds(0, 0.999999), panel="Labels", needs=(Fact.LABELS,)
    )
    smoothing_form: str = option(
        "uniform",
        "Spread ε over all classes or the others.",
        choices=("uniform", "others"),
        panel="Labels",
        needs=(Given("smoothing"), Fact.LABELS),
    )
    soft_labels: str | None = option(
        None,
        "One weight per class, or only the two largest (default: dense up to 256 classes).",
        choices=("dense", "pair"),
        panel="Labels",
        needs=(Fact.LABELS,),
    )

    def __post_init__(self) -> None:
        check_fields(self, self.name)
        _check_paths(self)
        if self.size and self.size.height * self.size.width > self.max_pixels:
            most = Option("max_pixels"), f" {self.max_pixels}; give a smaller one"
            raise UsageError(Option("size"), f" {self.size} is more than ", *most)
        if self.target_per_class is not None and self.copies != 1:
            both = Option("copies"), " and ", Option("target_per_class")
            raise UsageError(f"{self.name}: ", *both, " both decide how many; give one of them")
        if len(self.entries) > MOST_ENTRIES:
            raise UsageError(f"{self.name}: at most {MOST_ENTRIES} operations, got {len(self.entries)}")
        if len(self._partner_rules) > 1:
            rules = ", ".join(self._partner_rules)
            same = f" must be the same for all operations, got {rules}"
            raise UsageError(f"{self.name}: ", Option("partner"), same)
        _check_name(self)

    @property
    def mixing_entries(self) -> tuple[int, ...]:
        """Indices of the entries that can read a partner, in order: their place here is their slot `s`."""
        return tuple(index for index, entry in enumerate(self.entries) if entry.mixes)

    @property
    def box_rule(self) -> BoxRule:
        """Which boxes stay, and how."""
        return BoxRule(
            self.box_policy, self.min_visibility, self.min_paste_visibility, self.min_area, self.min_size
        )

    @property
    def partner_rule(self) -> str:
        """Which images may be partners, the same for all operations."""
        return self._partner_rules[0] if self._partner_rules else "any"

    @property
    def _partner_rules(self) -> list[str]:
        operations = [choice.operation for entry in self.entries for choice in entry.choices]
        return sorted({operation.partner for operation in operations if isinstance(operation, MixOperation)})


def _check_paths(recipe: Recipe) -> None:
    """Refuse masks and boxes that are not given as paths."""
    for key in INPUT_KEYS:
        if key == "boxes" and isinstance(recipe.boxes, tuple) and all(map(is_text, recipe.boxes)):
            continue
        path = getattr(recipe, key)
        if not isinstance(path, str | None):
            raise UsageError(f"recipe: {key} must be a path, got {path!r}")
        if path == "":
            raise UsageError(f"recipe: {key} is empty; give a path, or leave it out")


def _check_name(recipe: Recipe) -> None:
    """Refuse a name that cannot stand in names of files."""
    letters = r"[^\s/\\.\x00-\x1f\x7f][^\s/\\\x00-\x1f\x7f]*"
    name = recipe.name
    is_word = isinstance(name, str) and re.fullmatch(letters, name) and is_text(name)
    if not is_word or len(name.encode()) > 64:
        raise UsageError(f"recipe name {name!r} must be a word that a file name can hold")


def single(operation: Operation, p: float = 1.0, **settings: Any) -> Recipe:
    """Make the recipe of one operation, as the commands do.

    Args:
        operation: What to apply.
        p: Probability for each output.
        settings: Other fields of `Recipe`.
    """
    return Recipe(name=operation.name, entries=(Entry((Choice(operation),), p),), **settings)

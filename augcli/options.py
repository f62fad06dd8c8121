"""Fields of operations and recipes: each carries its help and what it accepts.

From such a field follow the command line's option, the recipe's key, its check and its entry in the docs.
A value that is written as text (`0.1:0.5`, `16,8`, `white`) is read once, when its owner is made, and
`str` gives the text back.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, fields
from numbers import Integral, Real
from types import SimpleNamespace
from typing import Any

from augcli.errors import Option, UsageError, show_value
from augcli.samples import Colour


@dataclass(frozen=True, slots=True)
class Bounds:
    """Accepted range of a number: `low <= value <= high`, or `low < value` when the low end is open."""

    low: float
    high: float
    low_open: bool = False

    def accepts(self, value: float) -> bool:
        """True if the value lies inside (a NaN never does)."""
        return (self.low < value if self.low_open else self.low <= value) and value <= self.high

    def __str__(self) -> str:
        return f"{'>' if self.low_open else '>='} {self.low} and <= {self.high}"


@dataclass(frozen=True, slots=True)
class Span:
    """Real numbers from `low` to `high`; one number where they are the same."""

    low: float
    high: float

    def at(self, unit: float) -> float:
        """Return the number at a place in 0..1 of the way from low to high."""
        return self.low + (self.high - self.low) * unit

    def __str__(self) -> str:
        return f"{self.low!r}" if self.low == self.high else f"{self.low!r}:{self.high!r}"


@dataclass(frozen=True, slots=True)
class WholeSpan:
    """Whole numbers from `low` to `high`, both included; one number where they are the same."""

    low: int
    high: int

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return self.high - self.low + 1

    def __str__(self) -> str:
        return f"{self.low}" if self.low == self.high else f"{self.low}:{self.high}"


@dataclass(frozen=True, slots=True)
class Size:
    """Rows and columns of pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


@dataclass(frozen=True, slots=True)
class Channels:
    """One share of the full range, 0..1, for each of red, green and blue."""

    red: float
    green: float
    blue: float

    def __str__(self) -> str:
        return f"{self.red!r},{self.green!r},{self.blue!r}"


def option(
    default: Any,
    help: str,
    bounds: Bounds | None = None,
    read: Callable[[Any], Any] | None = None,
    **more: Any,
) -> Any:
    """Make a dataclass field that carries its help and what it accepts.

    Args:
        default: The value where none is given; as text where `read` is given.
        help: One line for `--help` and the docs.
        bounds: What a number, or both ends of a span, must satisfy.
        read: Reads the text of a value; raises a ValueError that says what must be given.
        more: Further facts for those who read the fields, such as `choices`.
    """
    return dataclasses.field(default=default, metadata={"help": help, "bounds": bounds, "read": read, **more})


def option_fields(owner: Any) -> list[Field[Any]]:
    """Return the option fields of a dataclass, its own before those that it inherits."""
    declared = inspect.get_annotations(owner if isinstance(owner, type) else type(owner))
    options = [field for field in fields(owner) if "help" in field.metadata]
    return sorted(options, key=lambda field: field.name not in declared)


def defaults_of(owner: type) -> SimpleNamespace:
    """Return the defaults of a dataclass by field, as they are written: what functions have as theirs."""
    return SimpleNamespace(**{field.name: field.default for field in fields(owner)})


def flag(name: str) -> str:
    """Return a field's name as recipes and the command line spell it."""
    return name.replace("_", "-")


def check_fields(values: Any, owner: str) -> None:
    """Read and check every option field of a dataclass that was just made.

    Raises:
        UsageError: Naming the option, what it got and what it accepts.
    """
    for field in option_fields(values):
        value = getattr(values, field.name)
        try:
            object.__setattr__(values, field.name, _check(value, field))
        except (ValueError, OverflowError) as error:
            must = f" must be {error}, got {show_value(value)}"
            raise UsageError(f"{owner}: ", Option(field.name), must) from None


TYPES: dict[str, type] = {"bool": bool, "int": Integral, "float": Real, "str": str, "None": type(None)}


def _check(value: Any, field: Field[Any]) -> Any:
    """Return a field's value, read and checked."""
    read, bounds, choices = map(field.metadata.get, ("read", "bounds", "choices"))
    kind = str(field.type)
    if value is None and kind.endswith("| None"):
        return None
    if read:
        value = read(value)
    elif not _has_type(value, kind):
        raise ValueError(f"of type {kind}")
    elif "float" in kind:
        value = _read_float(value, bounds)
    elif "int" in kind:
        value = int(value)
    ends = (value.low, value.high) if isinstance(value, Span | WholeSpan) else (value,)
    if isinstance(value, str) and not is_text(value):
        raise ValueError("text that can be written as UTF-8")
    if value == "":
        raise ValueError("a text, or be left out")
    if bounds is not None and not all(bounds.accepts(end) for end in ends):
        raise ValueError(str(bounds))
    if choices and value not in choices:
        raise ValueError(f"one of {', '.join(choices)}")
    return value


def _read_float(value: Real, bounds: Bounds | None) -> float:
    """Return a number as a float, so that 1 and 1.0 are one value, down to the bytes of augcli.json."""
    try:
        return float(value)
    except OverflowError:
        raise ValueError(bounds or "a number that a float can hold") from None


def is_text(value: str) -> bool:
    """True if a text can be written as UTF-8: a lone surrogate cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_type(value: object, annotation: str) -> bool:
    """True if a value fits an annotation such as `int | None`; True is not a number."""
    names = annotation.split(" | ")
    return any(isinstance(value, TYPES[name]) for name in names) and (
        "bool" in names or not isinstance(value, bool)
    )


# --- readers: each takes what a command line, a recipe or Python gives --------------------------------


def read_span(value: Any) -> Span:
    """Read `0.1:0.5`, `0.5`, a number, or two numbers."""
    ends = _read_ends(value, float)
    if ends is None:
        raise ValueError("a number or LO:HI with LO <= HI")
    return Span(float(ends[0]), float(ends[1]))


def read_whole_span(value: Any) -> WholeSpan:
    """Read `1:3`, `2`, a whole number, or two of them."""
    ends = _read_ends(value, int)
    if ends is None:
        raise ValueError("a whole number or LO:HI with LO <= HI")
    return WholeSpan(*ends)


def read_length(value: Any) -> Span | WholeSpan:
    """Read a length: whole numbers are pixels, numbers with a decimal point shares of a side in (0, 1]."""
    pixels = _read_ends(value, int)
    if pixels is not None and pixels[0] >= 1:
        return WholeSpan(*pixels)
    parts = _split(value, ":")
    is_mixed = len({_is_whole(part) for part in parts}) > 1
    shares = _read_ends(value, float)
    if pixels is not None or is_mixed or shares is None or not 0 < shares[0] <= shares[1] <= 1:
        raise ValueError(
            "pixels (a whole number >= 1) or a share of the shorter side (> 0.0 and <= 1.0, with a decimal"
            " point), or LO:HI of one of the two"
        )
    return Span(*shares)


def read_size(value: Any) -> Size:
    """Read `224`, `240x320` or `16,8`, height first."""
    if isinstance(value, Size):
        return value
    parts = re.split("[xX,]", value) if isinstance(value, str) else _split(value, "")
    sides = [int(part) for part in parts if _is_whole(part) and 1 <= int(part) <= 99999]
    if len(sides) != len(parts) or len(sides) not in (1, 2):
        raise ValueError("1..99999 pixels such as 224, or height and width such as 240x320")
    return Size(sides[0], sides[-1])


def read_quality(value: Any) -> int | str:
    """Read a JPEG quality, 1..100, or `keep`."""
    if isinstance(value, str) and value == "keep":
        return "keep"
    if not _is_whole(value) or not 1 <= int(value) <= 100:
        raise ValueError("keep or 1..100")
    return int(value)


def read_target(value: Any) -> int | str:
    """Read a number of outputs, at least 1, or `max`."""
    if isinstance(value, str) and value == "max":
        return "max"
    if not _is_whole(value) or int(value) < 1:
        raise ValueError("a whole number in 1..999999999, or max")
    return int(value)


NAMED_COLOURS = {"black": Colour(0, 0, 0), "white": Colour(255, 255, 255), "gray": Colour(128, 128, 128)}
COLOUR_FORMS = f"{', '.join(NAMED_COLOURS)}, one number or r,g,b in 0..255"


def read_colour(value: Any) -> Colour:
    """Read `r,g,b`, one number for grey, or a name."""
    if isinstance(value, Colour):
        return value
    if isinstance(value, str) and value in NAMED_COLOURS:
        return NAMED_COLOURS[value]
    parts = _split(value, ",")
    if len(parts) not in (1, 3) or not all(_is_whole(part) and 0 <= int(part) <= 255 for part in parts):
        raise ValueError(COLOUR_FORMS)
    values = [int(part) for part in parts]
    return Colour(values[0], values[-2 if len(parts) == 3 else 0], values[-1])


def read_channels(value: Any) -> Channels:
    """Read `r,g,b` as shares of the full range, 0..1, or one share for all three."""
    if isinstance(value, Channels):
        return value
    try:
        values = [_read_number(part) for part in _split(value, ",")]
    except (TypeError, ValueError, OverflowError):
        values = []
    if len(values) not in (1, 3) or not all(0 <= share <= 1 for share in values):
        raise ValueError("one number or r,g,b in 0..1 (shares of the full range)")
    return Channels(values[0], values[-2 if len(values) == 3 else 0], values[-1])


def _read_ends(value: Any, kind: type) -> tuple[Any, Any] | None:
    """Read one or two numbers; None if they are not numbers, or not in ascending order."""
    read = _read_number if kind is float else _read_whole
    try:
        ends = [read(part) for part in _split(value, ":")]
    except (TypeError, ValueError, OverflowError):
        return None
    return (ends[0], ends[-1]) if len(ends) in (1, 2) and ends[0] <= ends[-1] else None


def _split(value: Any, separator: str) -> list[Any]:
    """Return the parts of a text, a sequence or a span; of anything else itself."""
    if isinstance(value, Span | WholeSpan):
        return [value.low, value.high]
    if isinstance(value, str):
        return [part.strip() for part in value.split(separator)]
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\s*[0-9]{1,9}\s*", value) is not None
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 <= int(value) < 10**9


def _read_whole(value: Any) -> int:
    """Read a whole number of at most nine digits."""
    if not _is_whole(value):
        raise ValueError
    return int(value)


def _read_number(value: Any) -> float:
    """Read a real number; True is not accepted, nor are digits of other scripts."""
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(r"\s*[-+.0-9eE]+\s*", value)):
        raise ValueError
    return float(value)

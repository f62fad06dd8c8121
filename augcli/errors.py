"""What can go wrong, and the exit code of each.

AugcliError                   1   a bug of ours, when nothing narrower fits
├── UsageError                2   a value, an option or a recipe that is not accepted
│   └── PlanError             2   a step or an argument of a Python function outside its range
├── InputError                4   the input is missing, empty or unreadable
│   └── DecodeError           4   one sample that cannot be decoded (a run records it and goes on)
├── OutputError               5   DST holds something else, overlaps SRC, or is in use
├── StorageError              7   the machine failed: disk full, no permission, a file vanished
└── MissingPartError          8   an optional package or a device is not there
    └── VersionError          8   a machine's libraries would write other bytes than those of the plan
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum
from typing import Self

MOST_BITS, MOST_SHOWN = 128, 200
"""Integers of more bits, and texts of more letters, are not shown whole."""


class Spelling(Enum):
    """How a message names options: as whoever reads it wrote them."""

    ARGUMENT = "of Python: max_pixels"
    KEY = "of a recipe: max-pixels"
    FLAG = "of the command line: --max-pixels"


@dataclass(frozen=True, slots=True)
class Option:
    """An option that a message names, or with a value tells to give; the reader decides how it is spelled.

    Attributes:
        name: As Python spells it.
        value: What it is to be: a text, several texts, True or False; None names the option alone.
    """

    name: str
    value: str | bool | tuple[str, ...] | None = None

    def spell(self, spelling: Spelling) -> str:
        """Return the option as Python, a recipe or the command line writes it."""
        words = self.name.replace("_", "-")
        several = self.value if isinstance(self.value, tuple) else None
        if spelling is Spelling.ARGUMENT:
            return (
                self.name
                if self.value is None
                else f"{self.name}={list(several) if several else self.value!r}"
            )
        if spelling is Spelling.KEY:
            shown = str(self.value).lower() if isinstance(self.value, bool) else f'"{self.value}"'
            shown = "[" + ", ".join(f'"{value}"' for value in several) + "]" if several else shown
            return words if self.value is None else f"{words} = {shown}"
        if several:
            return " ".join(Option(self.name, value).spell(spelling) for value in several)
        if isinstance(self.value, str):
            return f"--{words} {shlex.quote(self.value)}"
        return f"--no-{words}" if self.value is False else f"--{words}"


def show_value(value: object) -> str:
    """Return a value as a message shows it: long values are cut, and of huge integers the size is named."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = str(value) if isinstance(value, int | float) else repr(value)
    except Exception:  # noqa: BLE001 - whatever the `repr` of a stranger raises, or the digits of huge integers
        return f"a {type(value).__name__}"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def quantity(number: int, noun: str, nouns: str = "") -> str:
    """Return a number of things in words: `1 image`, `2 images`.

    Args:
        number: How many.
        noun: The word for one of them.
        nouns: What several are called, if that is not the noun with an s.
    """
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"


def spell(words: tuple[object, ...], spelling: Spelling) -> str:
    """Join the words of a message, its options spelled for who reads it."""
    return "".join(word.spell(spelling) if isinstance(word, Option | Note) else str(word) for word in words)


class AugcliError(Exception):
    """Any error that augcli raises on purpose; the message is one line with the cure.

    Its arguments are the words of the message: texts, and an `Option` for each option that is named. As a
    text it names them as Python does; the command line spells it otherwise.

    Attributes:
        exit_code: The command line's.
        spelling: How options are named, whoever shows the message; None leaves it to them.
    """

    exit_code = 1
    spelling: Spelling | None = None

    def spell(self, spelling: Spelling) -> str:
        """Return the message; options are spelled as given here where the error does not know better."""
        return spell(self.args, self.spelling or spelling)

    def __str__(self) -> str:
        return self.spell(Spelling.ARGUMENT)


class Reminder(UserWarning):
    """Something that was probably forgotten; its arguments are words, as for an `AugcliError`."""

    def spell(self, spelling: Spelling) -> str:
        """Return the message."""
        return spell(self.args, spelling)

    def __str__(self) -> str:
        return self.spell(Spelling.ARGUMENT)


class Note(str):
    """Something worth knowing, in words as in an `AugcliError`; its text names options as Python does."""

    __slots__ = ("words",)
    words: tuple[object, ...]

    def __new__(cls, *words: object) -> Self:
        """Make a note of texts, and an `Option` for each option that it names."""
        note = super().__new__(cls, spell(words, Spelling.ARGUMENT))
        note.words = words
        return note

    def __getnewargs__(self) -> tuple[object, ...]:  # type: ignore[override]
        """Return what a copy is made of."""
        return self.words

    def spell(self, spelling: Spelling) -> str:
        """Return the note."""
        return spell(self.words, spelling)


def spell_note(note: str, spelling: Spelling) -> str:
    """Return a note for who reads it; a plain text, which names no option, as it is."""
    return note.spell(spelling) if isinstance(note, Note) else note


class UsageError(AugcliError):
    """A value, an option or a recipe is not accepted."""

    exit_code = 2


class PlanError(UsageError):
    """A step or an argument lies outside its range."""


class InputError(AugcliError):
    """The input is missing, empty or unreadable."""

    exit_code = 4


class DecodeError(InputError):
    """A sample's bytes cannot be turned into pixels; a property of the data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class OutputError(AugcliError):
    """The destination holds something else, overlaps the source, or is in use."""

    exit_code = 5


class StorageError(AugcliError):
    """The machine failed, not the data: disk full, no permission, a file that changed."""

    exit_code = 7


class MissingPartError(AugcliError):
    """An optional package or a device is missing."""

    exit_code = 8


class VersionError(MissingPartError):
    """A machine's libraries would write other bytes than the machine that planned."""

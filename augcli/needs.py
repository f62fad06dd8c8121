"""When an option has an effect: what it needs of the options beside it, of the input and of the output.

An option says so where it is declared, `option(..., needs=(Given("size"),))`. An option without effect is
noted, never refused: it harms nothing, but whoever gave it thinks that it does something.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from augcli.errors import Note, Option
from augcli.options import option_fields

if TYPE_CHECKING:
    from collections.abc import Collection

Words = tuple[object, ...]
"""Part of a message: texts and options, as in an `AugcliError`."""


class Fact(Enum):
    """What an option may need of a run; the value says in words that the run lacks it."""

    SHARDS = "SRC is a folder of images"
    LABEL_COLUMN = "no table or column of labels is read"
    TABLE = "no table of labels is read"
    COLUMN = "SRC is a folder of images without a table"
    LABELS = "no image has a label"
    CLASSES = "all images are of one class"
    OTHER_SPLITS = "there are no other splits"
    MASKS = "there are no masks"
    BOXES = "there are no boxes"
    BOX_FILE = "no file of boxes is given that might not name an image"
    YOLO = "no YOLO labels are read or written"
    HIDING = "nothing is hidden"
    PASTING = "nothing is pasted"
    BLENDING = "no images are blended"
    MASK_FILLING = "no hole is made and nothing is padded"
    JPEG = "no JPEG is written"
    BACKGROUND = "nothing is padded or laid over it"

    def find_lack(self, owner: Any, facts: Collection[Fact]) -> Words:
        """Return why the need is not met, as `Need` says."""
        return () if self in facts else (self.value,)


class Need(Protocol):
    """Something without which an option has no effect."""

    def find_lack(self, owner: Any, facts: Collection[Fact]) -> Words:
        """Return why the need is not met, in words; empty if it is met.

        Args:
            owner: The recipe or operation that has the option.
            facts: What is true of this run.
        """


@dataclass(frozen=True, slots=True)
class Given:
    """Another option of the same owner must be given."""

    name: str

    def find_lack(self, owner: Any, facts: Collection[Fact]) -> Words:
        """Return why the need is not met, as `Need` says."""
        return () if getattr(owner, self.name) else (Option(self.name), " is not given")


@dataclass(frozen=True, slots=True)
class NotGiven:
    """Another option of the same owner, which decides in its place, must not be given."""

    name: str

    def find_lack(self, owner: Any, facts: Collection[Fact]) -> Words:
        """Return why the need is not met, as `Need` says."""
        return () if getattr(owner, self.name) is None else (Option(self.name), " decides in its place")


@dataclass(frozen=True, slots=True)
class OneOf:
    """Another option of the same owner must have one of these values."""

    name: str
    values: tuple[str, ...]

    def find_lack(self, owner: Any, facts: Collection[Fact]) -> Words:
        """Return why the need is not met, as `Need` says."""
        value = getattr(owner, self.name)
        return () if value in self.values else (Option(self.name), f" is {value}")


def find_idle(owner: Any, facts: Collection[Fact], name: str = "") -> list[Note]:
    """Return a note for each option that is not as by default and has no effect.

    Args:
        owner: A recipe or an operation.
        facts: What is true of this run.
        name: What the notes begin with: the operation's name.
    """
    plain, notes = type(owner)(), []
    for field in option_fields(owner):
        needs: tuple[Need, ...] = field.metadata.get("needs", ())
        if needs and getattr(owner, field.name) != getattr(plain, field.name):
            lack = next(filter(None, (need.find_lack(owner, facts) for need in needs)), None)
            if lack:
                start = f"{name}: " if name else ""
                notes.append(Note(start, Option(field.name), " has no effect: ", *lack))
    return notes

"""Folders that would be misread: layouts that are not read, parts of outputs, and images of other kinds.

Each is refused by its name, with the command that works.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option
from augcli.io.readers.pairs import join_root
from augcli.io.readers.passed_over import CONVERT, UNREADABLE_SUFFIXES
from augcli.io.store.locations import Kind, find_above
from augcli.io.store.names import RECIPE, TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from augcli.io.readers.base import Selection
    from augcli.io.store.base import Store
    from augcli.io.store.listing import Tree
    from augcli.io.store.urls import Access

LOOKED_AT = 1000
"""Files that are looked at to see whether some are labels."""

DEEPEST_FOLDER = 3
"""Directories from a class folder of an output up to the output: `out/train/images/cat`."""


def refuse_cityscapes(root: str, directories: Collection[str]) -> None:
    """Refuse the tree of Cityscapes, whose masks would be images of a class.

    Raises:
        InputError: If its two directories stand side by side.
    """
    masks = next((name for name in ("gtFine", "gtCoarse") if name in directories), None)
    if masks is not None and "leftImg8bit" in directories:
        raise InputError(
            f"{root!r} holds the masks of Cityscapes ({masks!r}) beside its images, which would"
            " become classes; put its *_labelIds.png into a directory of their own, under the names of their"
            " images, and give it as ",
            Option("masks"),
            f" and as SRC {join_root(root, 'leftImg8bit')!r}",
        )


def note_inner_folders(names: Iterable[str]) -> list[str]:
    """Return a note if all class folders hold the same folders, which may then be the classes.

    Args:
        names: The images, as paths below what holds the class folders.
    """
    below: dict[str, set[str]] = {}
    for holder in {name.rpartition("/")[0] for name in names}:
        top, _, rest = holder.partition("/")
        below.setdefault(top, set()).add(rest.split("/")[0])
    first = next(iter(below.values()), set())
    if len(first) < 2 or "" in first or any(folders != first for folders in below.values()):
        return []
    tops, inner = sorted(below), sorted(first)
    advice = f"the same folders {inner[0]!r}, {inner[1]!r} and so on; if these are the classes, give"
    if len(tops) == 1:
        advice = advice.removeprefix("the same ")
        return [f"the only class is {tops[0]!r}, which holds {advice} it as SRC"]
    return [
        f"classes are {tops[0]!r}, {tops[1]!r} and so on, each of which holds {advice} one of the former"
        " as SRC"
    ]


def note_labels_beside(root: str, selection: Selection) -> list[str]:
    """Return a note if a folder of images is given alone, and YOLO labels lie where theirs would be."""
    above, sign, below = f"/{root}".rpartition("/images")
    if not sign or below[:1] not in ("", "/"):
        return []
    labels = f"{above}/labels{below}"[1:]
    place = selection.locate(labels)
    if place.kind is not Kind.DIRECTORY:
        return []
    keys = (key for page in place.store.list() for key in page.keys)
    if not any(key.endswith(".txt") for key in islice(keys, LOOKED_AT)):
        return []
    cure = f"; give {above[1:] or '.'!r} as SRC to have them followed"
    return [f"{labels!r} seems to hold YOLO labels of these images, which are not read{cure}"]


def refuse_part_of_output(root: str, access: Access) -> None:
    """Refuse a folder of images in an output of augcli: its labels stand further up.

    Raises:
        InputError: Naming the output.
    """
    output = find_above(root, RECIPE, DEEPEST_FOLDER, access)
    if output is not None:
        raise InputError(
            f"{root!r} lies in {output!r}, an output of augcli, whose tables hold its labels; give"
            f" {output!r} as SRC, or ",
            Option("labels"),
        )


def refuse_lost_table(store: Store, tree: Tree, place: str) -> None:
    """Refuse class folders of an output of augcli whose table is missing: mixed images have several classes.

    Args:
        store: SRC.
        tree: What stands there.
        place: The directory in which the table would stand, for the message.

    Raises:
        InputError: If SRC is an output.
    """
    if tree.is_output:
        raise InputError(
            f"{store.name!r} is an output of augcli, and the table that holds its labels,"
            f" {join_root(place, TABLES[0])!r}, is missing; run its command again (or `augcli merge` after"
            " partitions), or give ",
            Option("labels", "FILE"),
        )


def refuse_outputs_below(root: str, tables: Iterable[str], access: Access) -> None:
    """Refuse outputs of augcli below SRC: their names would become classes, and their labels be lost.

    Args:
        root: SRC.
        tables: Tables below it that are not read.
        access: How object stores are reached.

    Raises:
        InputError: Naming the first of them.
    """
    for table in tables:
        output = find_above(join_root(root, table), RECIPE, table.count("/"), access)
        if output is not None:
            raise InputError(
                f"{root!r} holds an output of augcli, {output!r}, whose tables hold its labels; give"
                f" {output!r} as SRC, and so each other one; to take several together, write them with ",
                Option("format", "parquet"),
            )


def refuse_unreadable_folders(tree: Tree, prefix: str, keys: Collection[str], what: str, root: str) -> None:
    """Refuse a class folder or split that holds images of kinds that are not read, and no others.

    Args:
        tree: What stands in SRC.
        prefix: What the keys of the directory that holds the folders start with.
        keys: The images in it.
        what: What its folders are, in words.
        root: The directory, for messages.

    Raises:
        InputError: Naming the first such folder, with the cure.
    """
    if UNREADABLE_SUFFIXES.isdisjoint(tree.by_suffix):
        return
    filled = {key[len(prefix) :].split("/", 1)[0] for key in keys}
    lost: dict[str, Counter[str]] = {}
    for suffix in UNREADABLE_SUFFIXES.intersection(tree.by_suffix):
        for key in tree.by_suffix[suffix].keys:
            name, _, below = key[len(prefix) :].partition("/")
            if key.startswith(prefix) and below and name not in filled:
                lost.setdefault(name, Counter())[suffix] += 1
    for name, kinds in sorted(lost.items()):
        counts = " and ".join(f"{count} {suffix}" for suffix, count in sorted(kinds.items()))
        raise InputError(
            f"{what} {name!r} in {root!r} holds {counts} and no image of a kind that is read; {CONVERT}"
        )

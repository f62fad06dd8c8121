"""Directories of images and of their masks side by side, as data sets of segmentation have them.

`images/` beside `masks/` are not two classes. Where SRC holds nothing else, masks are read with the images.
Where more stands beside them, or each split has such directories, a run stops and names the right command.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from augcli.errors import InputError, Option
from augcli.input_files import NONE
from augcli.io.split_words import split_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

IMAGE_DIRECTORIES = frozenset(
    "image images img imgs jpegimages pngimages imagestr photos pictures rgb input inputs"
    " jpg jpgs jpeg jpegs png pngs".split()
)
MASK_DIRECTORIES = frozenset(
    "mask masks segmentation segmentations segmentationclass segmentationobject seg segs trimaps"
    " labelids semantic pedmasks labelstr".split()
)
LIKELY_MASK_DIRECTORIES = frozenset(
    "label labels annotation annotations gt groundtruth ground_truth target targets".split()
)
"""These hold masks only where their files bear the names of the images."""


ENDINGS = ("_mask", "-mask", "_segmentation", "_seg", "_gt", "_label", "_labelids")
MASK_ENDINGS = tuple(f"{ending}.png" for ending in ENDINGS)
"""What the names of masks end in that lie beside their images."""


WORD = re.compile("[-_. ]")
"""What parts the words of a directory's name."""

LEAVE_OUT = (", or ", Option("masks", NONE), " to leave them out")
"""The cure where masks stand as they cannot be read at once."""


class Pair(NamedTuple):
    """A directory of images, and one of their masks beside it, by their keys below SRC."""

    images: str
    masks: str


def find_pair(
    root: str,
    keys: Collection[str],
    tables: Collection[str],
    names_masks: Callable[[str], bool],
    finds_masks: bool = True,
) -> Pair | None:
    """Find the directory of images and the directory of masks, if SRC holds nothing else.

    Args:
        root: SRC as it was given, for messages.
        keys: All images below it, masks among them.
        tables: Tables that describe the images of their own directory, or of directories below it.
        names_masks: Whether such a table says which file is the mask of which image.
        finds_masks: Whether masks are wanted; else nothing is refused, and `list_masks` finds them.

    Returns:
        The pair; None where there is no such directory, or a table says what is what.

    Raises:
        InputError: If masks stand beside images, but not these two alone.
    """
    directories = {key.rpartition("/")[0].lower() for key in keys}
    if not any(IMAGE_DIRECTORIES.intersection(directory.split("/")) for directory in directories):
        return None
    beside = {_parent(table): table for table in tables}
    pairs = [
        pair
        for pair in _list_pairs(keys)
        if _parent(pair.images) not in beside or not names_masks(beside[_parent(pair.images)])
    ]
    if not pairs:
        return None
    first = pairs[0]
    table = beside.get(_parent(first.images))
    top = {key.split("/", 1)[0] for key in keys}
    if table is None and len(pairs) == 1 and top == {first.images, first.masks}:
        return first
    if not finds_masks:
        return None
    raise InputError(
        f"{root!r} holds masks ({first.masks!r}) beside images ({first.images!r}), which would become classes"
        " or images; give ",
        Option("masks", join_root(root, first.masks)),
        f" and as SRC {join_root(root, first.images)!r}",
        *((", and ", Option("labels", join_root(root, table))) if table else ()),
        _describe_others(pairs),
        *LEAVE_OUT,
    )


def list_masks(keys: Collection[str]) -> set[str]:
    """Return the keys of all masks beside images: in directories of their own, or among the images."""
    directories = tuple(f"{directory}/" for directory in _list_mask_directories(keys))
    masks = {key for key in keys if key.startswith(directories)}
    stems = {key.rpartition(".")[0].lower() for key in keys}
    return masks | {key for key in keys if key.lower().endswith(MASK_ENDINGS) and _cut_ending(key) in stems}


def _list_mask_directories(keys: Collection[str]) -> set[str]:
    """Return directories of masks: beside `images`, beside a directory called alike, or mirroring images."""
    listed = {pair.masks for pair in _list_pairs(keys)}
    holders = {_parent(key) for key in keys}
    directories = {
        "/".join(parts[: depth + 1])
        for parts in (name.split("/") for name in holders)
        for depth in range(len(parts))
    } - {""}
    by_subject: dict[tuple[str, str], set[str]] = {}
    for directory in directories:
        by_subject.setdefault((_parent(directory), _cut_kind(_last(directory))), set()).add(directory)
    for (_, subject), alike in by_subject.items():
        masks = {name for name in alike if not MASK_DIRECTORIES.isdisjoint(WORD.split(_last(name)))}
        if subject and masks < alike:  # `train` beside `train_masks`
            listed |= masks
    stems = {key.rpartition(".")[0] for key in keys}
    for directory in (name for name in directories - listed if _last(name) in MASK_DIRECTORIES):
        parent = f"{_parent(directory)}/".removeprefix("/")
        inside = [stem[len(directory) + 1 :] for stem in stems if stem.startswith(f"{directory}/")]
        if 2 * sum(parent + stem in stems for stem in inside) > len(inside):  # `train` beside `masks/train`
            listed.add(directory)
    return listed


def _cut_kind(name: str) -> str:
    """Return what a directory is called without the words that say whether it holds images or masks."""
    kinds = IMAGE_DIRECTORIES | MASK_DIRECTORIES
    return " ".join(word for word in WORD.split(name) if word not in kinds)


def refuse_mixed(root: str, keys: Collection[str]) -> None:
    """Refuse masks that lie among their images, each under the name of its image with an ending.

    Raises:
        InputError: If most images have such a mask beside them.
    """
    likely = [key for key in keys if key.lower().endswith(MASK_ENDINGS)]
    if 3 * len(likely) < len(keys) or not likely:
        return
    stems = {key.rpartition(".")[0].lower(): key for key in keys}
    masks = [(key, image) for key in likely if (image := stems.get(_cut_ending(key)))]
    if 3 * len(masks) >= len(keys):
        mask, image = masks[0]
        raise InputError(
            f"{root!r} holds {len(masks)} files that are named as masks of the images beside them"
            f" ({mask!r} of {image!r}), which would become images; put them into a directory of their own,"
            " under the names of their images, and give it as ",
            Option("masks"),
            "; if they are images, name all of them in a table for ",
            Option("labels"),
            *LEAVE_OUT,
        )


def _cut_ending(key: str) -> str:
    """Return the stem that the image of a mask has, in lower case."""
    stem = key.rpartition(".")[0].lower()
    return stem.removesuffix(next(ending for ending in ENDINGS if stem.endswith(ending)))


def _list_pairs(keys: Iterable[str]) -> list[Pair]:
    """List the pairs of directories: the highest up first, and of these the training images."""
    names: dict[str, set[str]] = {}
    for key in keys:
        parts = key.split("/")
        for depth, name in enumerate(parts[:-1]):
            if name.lower() in IMAGE_DIRECTORIES | MASK_DIRECTORIES | LIKELY_MASK_DIRECTORIES:
                below = "/".join(parts[depth + 1 :]).rpartition(".")[0]
                names.setdefault("/".join(parts[: depth + 1]), set()).add(below)
    pairs = [
        Pair(images, masks)
        for images in names
        if _last(images) in IMAGE_DIRECTORIES
        for masks in names
        if _parent(images) in (_parent(masks), _above_labels(masks))
        and (
            _last(masks) in MASK_DIRECTORIES
            or (_last(masks) in LIKELY_MASK_DIRECTORIES and names[masks] & names[images])
        )
    ]
    return sorted(pairs, key=lambda pair: (pair.images.count("/"), split_order(pair.images), pair))


def _above_labels(masks: str) -> str:
    """Return where images are looked for beside `annotations/trimaps`: two directories up."""
    parent = _parent(masks)
    return _parent(parent) if _last(parent) in LIKELY_MASK_DIRECTORIES else parent


def _describe_others(pairs: list[Pair]) -> str:
    count = len(pairs) - 1
    return f" (and so for {count} more such directories, one after the other)" if count else ""


def _parent(key: str) -> str:
    return key.rpartition("/")[0]


def _last(key: str) -> str:
    return key.rpartition("/")[2].lower()


def join_root(root: str, key: str) -> str:
    """Return the path of a key below SRC."""
    return f"{root.rstrip('/')}/{key}" if root.strip("/") else f"{root}{key}"

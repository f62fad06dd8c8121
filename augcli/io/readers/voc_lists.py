"""The lists of splits in a Pascal VOC tree: which images are in which."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from augcli.errors import InputError, Option, quantity
from augcli.io.boxes.image_names import without_suffix
from augcli.io.encodings import explain_encoding
from augcli.io.readers.folder_images import IMAGE_SUFFIXES
from augcli.io.readers.splits import describe_splits
from augcli.io.readers.voc_signs import IMAGES, LISTS
from augcli.io.split_words import SPLIT_OF
from augcli.io.store.listing import Files
from augcli.io.store.locations import read_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.readers.base import Input, Selection
    from augcli.io.store.listing import File

MAIN, SEGMENTATION = f"{LISTS}/Main", f"{LISTS}/Segmentation"
"""Directories of lists; some programs put their lists into `ImageSets/` itself."""

SPLITS = tuple(dict.fromkeys(["train", "val", "test", *SPLIT_OF]))
WHOLE = "trainval"
"""The list of train and val together: it is train where there is no list of that alone."""

MOST_LISTED = 256 << 20


def read_splits(src: Input, images: Input, selection: Selection) -> tuple[dict[str, Files], list[str]]:
    """Return the images of each split by the lists of the tree, none where it has none, and notes."""
    assert images.tree is not None
    directory, lists, notes = _find_lists(src, selection.files.masks is not None)
    if not lists:
        return {}, notes
    files = _by_name(images.tree.ending_in(IMAGE_SUFFIXES))
    named = {split: {_find_name(line, files) for line in lines} for split, lines in lists.items()}
    for split, names in named.items():
        if lost := len(names - files.keys()):
            what = f"{quantity(lost, 'image')} of {directory}/"
            notes.append(f"split {split!r}: {what} left out: no such file")
    there = {split: sorted(names & files.keys()) for split, names in named.items()}
    splits = {split: Files(files[name] for name in names) for split, names in there.items() if names}
    if not splits:
        first = min(next(iter(lists.values())))
        raise InputError(
            f"the lists of {directory}/ name no image of {IMAGES}/ ({first!r}, an image is {min(files)!r});"
            " write a name without its suffix in each line, or give ",
            Option("splits", False),
            " to take all images as one split",
        )
    notes.insert(
        0, describe_splits({name: len(images_of) for name, images_of in splits.items()}, f"{directory}/")
    )
    _refuse_shared(there, directory)
    listed = {name for names in there.values() for name in names}
    if len(listed) < len(files):
        notes.append(f"left out: {quantity(len(files) - len(listed), 'image')} of no split of {directory}/")
    return splits, notes


def _by_name(files: Files) -> dict[str, File]:
    """Return images by their names without suffix, which lists and XML know them by.

    Raises:
        InputError: If two images have one name.
    """
    by_name: dict[str, File] = {}
    for file in files:
        other = by_name.setdefault(without_suffix(file.key), file)
        if other is not file:
            raise InputError(
                f"{other.key!r} and {file.key!r} of {IMAGES}/ differ in their suffix alone, which"
                " lists and XML do not tell; leave one of them"
            )
    return by_name


def _find_name(line: str, files: Mapping[str, File]) -> str:
    """Return the name that a line means: the line or its first word, with the image's suffix or without."""
    word = line.split()[0]
    tried = (line, without_suffix(line), word, without_suffix(word))
    return next((name for name in tried if name in files), word)


def _find_lists(src: Input, has_masks: bool) -> tuple[str, dict[str, set[str]], list[str]]:
    """Return the directory of the lists of splits, the lines of each, and notes."""
    assert src.tree is not None
    directories = [SEGMENTATION, MAIN, LISTS] if has_masks else [MAIN, SEGMENTATION, LISTS]
    for directory in directories:
        if directory in src.tree.directories and (lists := _read_lists(src, directory)):
            break
    else:
        nothing = (
            f"{LISTS}/ holds no list of a split ({SPLITS[0]}.txt, {SPLITS[1]}.txt, ...): all images are one"
        )
        return "", {}, [nothing] if LISTS in src.tree.directories else []
    whole = lists.pop(WHOLE, None)
    if whole is None or any(SPLIT_OF[name] != "test" for name in lists):
        return directory, lists, []
    note = f"split 'train' is {directory}/{WHOLE}.txt, since no list is of train alone"
    return directory, dict(sorted([*lists.items(), ("train", whole)])), [note]


def _read_lists(src: Input, directory: str) -> dict[str, set[str]]:
    """Return the lines in the list of each split, without blanks around them.

    Raises:
        InputError: If a list is not UTF-8 text.
    """
    names = (*SPLITS, WHOLE)
    lists: dict[str, set[str]] = {}
    keys = [f"{directory}/{name}.txt" for name in names]
    for name, data in zip(names, read_known(src.store, keys, MOST_LISTED), strict=True):
        try:
            lines = data.decode("utf-8-sig").splitlines() if data is not None else []
        except UnicodeDecodeError as error:
            raise InputError(
                f"the list {directory}/{name}.txt {'; '.join(explain_encoding(data or b''))}"
            ) from error
        if listed := {line.strip() for line in lines if line.strip()}:
            lists[name] = listed
    return lists


def _refuse_shared(splits: Mapping[str, list[str]], directory: str) -> None:
    """Refuse images that stand in the lists of two splits: those of test would be in train.

    Raises:
        InputError: Naming the lists.
    """
    for first, second in combinations(splits, 2):
        if shared := sorted(set(splits[first]).intersection(splits[second])):
            raise InputError(
                f"{quantity(len(shared), 'image')} ({shared[0]!r} first) stand in the lists of {first!r} and"
                f" of {second!r}; leave each in one list of {directory}/"
            )

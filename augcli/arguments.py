"""What Python functions on data sets check of their arguments, and what these mean."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from augcli.errors import InputError, Note, Option, OutputError, Reminder, UsageError, show_value
from augcli.input_files import InputFiles
from augcli.recipe_files import load_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from augcli.io.readers.base import Selection
    from augcli.io.store.locations import Location
    from augcli.io.store.urls import Access
    from augcli.pipeline.plan.partitions import Partition
    from augcli.pipeline.settings import Settings
    from augcli.recipe import Recipe

ARGUMENTS = ("src", "dst", "recipe", "sheet", "key", "file", "first", "second", "a", "b")
"""What the command line takes by its place; there they are called `SRC`, and so on."""

SHEETS = ("sheet", "preview")
"""What names a picture to write."""


def check_paths(**paths: object) -> None:
    """Refuse empty paths: an unset variable, which would mean the current directory; and broken addresses.

    Raises:
        UsageError: Naming the argument.
    """
    from augcli.io.store.urls import is_url, plain_path

    for name, path in paths.items():
        if isinstance(path, os.PathLike):
            plain_path(path)
        option = name.upper() if name in ARGUMENTS else Option(name)
        if name in SHEETS and is_url(str(path)):
            raise UsageError(option, f" must be a local file, got {path!r}")
        if isinstance(path, str) and not path:
            raise UsageError(option, " is empty; give a path (`.` is the current directory)")


def check_output(dst: str, access: Access) -> None:
    """Refuse a directory that is not an output of augcli.

    Raises:
        InputError: If it is not a directory.
        OutputError: If it holds something else.
    """
    from augcli.io.store.locations import Kind, find_kind
    from augcli.io.store.urls import join_path

    if find_kind(dst, access) is not Kind.DIRECTORY:
        raise InputError(f"{dst!r} is not a directory; give the DST of a run")
    if find_kind(join_path(dst, "augcli.json"), access) is not Kind.FILE:
        raise OutputError(
            f"{dst!r} holds no augcli.json, so it is not an output of augcli; give the DST of a run"
        )


def locate_report(file: str | os.PathLike[str], dst: str, access: Access) -> Location:
    """Return where the report of an output is written: elsewhere, or at its root under the name it has there.

    Raises:
        OutputError: If it would stand among the files of the output, or a directory stands there.
    """
    from augcli.io.store.locations import Kind, find_kind, locate_file, path_below
    from augcli.io.store.names import REPORT
    from augcli.io.store.urls import plain_path

    path = plain_path(file)
    place = locate_file(path, access)
    below = path_below(place.store.name, dst)
    if below is not None and below + place.key != REPORT:
        raise OutputError(f"{path!r} lies in DST; give a file elsewhere, or {REPORT} at the root of DST")
    if find_kind(path, access) is Kind.DIRECTORY:
        raise OutputError(f"{path!r} is a directory; give the name of a file")
    return place


def read_settings(
    *,
    workers: int | None,
    backend: str,
    engine: str,
    ray_address: str | None,
    max_errors: int,
    partition: str | None,
    plan: int | None,
    force: bool,
    dry_run: bool,
) -> Settings:
    """Read how a run is to be done.

    Raises:
        UsageError: If a value is not accepted, or two do not go together.
    """
    from augcli.kernels.backends import BACKENDS
    from augcli.pipeline.settings import EngineChoice, Settings

    if backend not in BACKENDS:
        raise UsageError(Option("backend"), f" must be one of {', '.join(BACKENDS)}, got {backend!r}")
    check_at_least(1, "workers", workers)
    check_at_least(0, "max_errors", max_errors)
    _check_plan(plan, partition, engine)
    return Settings(
        workers=workers,
        force=force,
        dry_run=dry_run,
        max_errors=max_errors,
        backend=backend,
        engine=EngineChoice(engine, ray_address),
        partition=None if partition is None else _read_partition(partition, force),
        plan=plan,
    )


def _read_partition(text: str, force: bool) -> Partition:
    """Read which partition is to be made.

    Raises:
        UsageError: If it is not one, or if it shall replace another recipe's output.
    """
    from augcli.pipeline.plan.partitions import read_partition

    partition = read_partition(text)
    if force:
        why = " do not go together, since each partition would remove what others make; remove DST before"
        both = Option("force"), " and ", Option("partition", str(partition))
        raise UsageError(*both, why, " the first one begins, and leave out ", Option("force"))
    return partition


MOST_PARTITIONS = 100_000
"""For so many may be planned at most: each is a file."""


def _check_plan(count: int | None, partition: str | None, engine: str) -> None:
    """Refuse a number of partitions that is too small, and options that make outputs at the same time.

    Raises:
        UsageError: Naming the options.
    """
    if count is None:
        return
    if not 1 <= count <= MOST_PARTITIONS:
        raise UsageError(Option("plan"), f" must be in 1..{MOST_PARTITIONS}, got {show_value(count)}")
    plan = Option("plan", str(count))
    if partition is not None:
        why = " do not go together: plan first, then make each partition; leave out one of them"
        raise UsageError(plan, " and ", Option("partition", str(partition)), why)
    if engine != "local":
        why = " is for partitions, which a cluster does not need; leave out one of it and "
        raise UsageError(plan, why, Option("engine", engine))


def list_idle_access(access: Access, paths: Iterable[object]) -> list[Note]:
    """Return a note for each option on how buckets are reached that was given, where nothing lies in one.

    Args:
        access: What was given.
        paths: All that is read or written; None for a path that is not given.
    """
    from augcli.io.store.urls import is_url

    urls = [str(path) for path in paths if path is not None and is_url(str(path))]
    buckets = [url for url in urls if not url.startswith("hf://datasets/")]
    idle = {"endpoint_url": access.endpoint_url is not None and not buckets}
    idle["anonymous"] = access.anonymous and not urls
    why = " has no effect: nothing that is read or written lies in a bucket"
    return [Note(Option(name), why) for name, is_idle in idle.items() if is_idle]


def load_stored(dst: str, access: Access) -> Recipe:
    """Read the recipe of an output.

    Raises:
        OutputError: If its `augcli.json` is damaged, or was written by a later version.
    """
    from augcli.io.store.urls import join_path

    stored = join_path(dst, "augcli.json")
    try:
        return load_recipe(stored, access)
    except UsageError as error:
        cure = (
            "" if "upgrade augcli" in str(error) else "; restore it, or make the output anew in another DST"
        )
        raise OutputError(f"{stored!r} cannot be used: {error}{cure}") from error


def remind_of_annotations(dst: str, selection: Selection) -> None:
    """Warn where a stored recipe is run without the masks or boxes that its output had."""
    from augcli.io.boxes.base import WITH_IMAGES
    from augcli.io.boxes.recorded import read_annotated
    from augcli.io.store.places import open_destination

    had = read_annotated(open_destination(dst, selection.access))
    had_file = had.boxes is not None and had.boxes.box_format not in WITH_IMAGES
    for kind, was_there, path in (
        ("masks", had.masks, selection.files.masks),
        ("boxes", had_file, selection.files.boxes),
    ):
        if was_there and path is None:
            words = f"the output of this recipe had {kind}; give ", Option(kind), " to take them along"
            warnings.warn(Reminder(*words), stacklevel=3)


def check_at_least(least: int, name: str, value: int | None) -> None:
    """Refuse a number that is too small; None if it was not given.

    Raises:
        UsageError: Naming the argument.
    """
    if value is not None and value < least:
        raise UsageError(Option(name), f" must be >= {least}, got {value}")


def select(
    recipe: Recipe, dst: str | os.PathLike[str] | None, files: InputFiles, access: Access
) -> Selection:
    """Return how SRC is read; options that are given go before the recipe's."""
    from augcli.io.readers.base import Selection

    return Selection(
        files.or_else(InputFiles.of(masks=recipe.masks, boxes=recipe.boxes)),
        image_col=recipe.image_col,
        label_col=recipe.label_col,
        box_order=recipe.box_order,
        bad_boxes=recipe.bad_boxes,
        unboxed=recipe.unboxed,
        yolo_task=recipe.yolo_task,
        layout=recipe.format,
        changes_pixels=bool(recipe.entries or recipe.size),
        file_col=recipe.file_col,
        label_sep=recipe.label_sep,
        links=recipe.links,
        split=recipe.split,
        splits=recipe.splits,
        skip=None if dst is None else str(dst),
        access=access,
    )

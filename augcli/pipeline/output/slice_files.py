"""Slices of a plan as files: what each partition reads in the place of a listing of SRC.

They stand in DST from `plan` until the merge, with an index that is written last and removed first. What
follows from the recipe is left out of them, so that a partition does what its own command says or nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast

from augcli.errors import InputError, Option, OutputError, quantity
from augcli.io.records.plain_values import pack_values, unpack_values
from augcli.io.store.base import write_text
from augcli.io.store.names import SLICES, slice_key
from augcli.io.writers.choose import choose_writer
from augcli.pipeline.output.plan_files import describe_plan, parse_plan
from augcli.pipeline.plan.splits import pass_on, table_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.io.store.base import Store
    from augcli.pipeline.output.plan_files import Plan
    from augcli.pipeline.plan.partitions import Partition
    from augcli.pipeline.plan.splits import Split
    from augcli.recipe import Recipe

VERSION = 1

Given: TypeAlias = "Mapping[str, str | bool | list[str] | None]"
"""What a command was given beside its recipe, by the names of its options, as JSON holds it."""


@dataclass(frozen=True, slots=True)
class Index:
    """What DST was planned for.

    Attributes:
        count: How many partitions there are.
        environment: Digest of what decides bytes on the machine that planned.
        given: What the command was given beside the recipe, by the names of its options.
        attempt: A text that is another one in each plan.
    """

    count: int
    environment: str
    given: Given
    attempt: str


class PlanSlice(NamedTuple):
    """What a partition reads: what it makes, and the splits with no more than it needs for that."""

    plan: Plan
    splits: list[Split]


def new_index(count: int, environment: str, given: Given) -> Index:
    """Return the index of a plan that is about to be written."""
    return Index(count, environment, given, os.urandom(8).hex())


def write_index(store: Store, index: Index) -> None:
    """Write the index, by which slices begin to count."""
    document = {name: getattr(index, name) for name in Index.__slots__}
    write_text(store, SLICES, json.dumps(document | {"version": VERSION}, indent=2) + "\n")


def read_index(store: Store) -> Index | None:
    """Return what DST was planned for; None if it was not.

    Raises:
        OutputError: If the index is damaged, or of another version of augcli.
        StorageError: If the machine fails.
    """
    [data] = store.read([SLICES])
    if data is None:
        return None
    try:
        document = json.loads(data)
        if document.pop("version") != VERSION:
            raise ValueError("another version")
        return Index(**document | {"given": dict(document["given"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise damaged(store, SLICES) from error


def damaged(store: Store, key: str) -> OutputError:
    """Return the error of a file that `plan` wrote and that cannot be read."""
    what = f"{key} of DST {store.name!r} is missing or damaged, or of another augcli; plan again with "
    return OutputError(what, Option("plan", "N"))


def write_slice(store: Store, part: PlanSlice) -> None:
    """Write a slice."""
    partition = part.plan.partition
    with store.writing(slice_key(partition.index, partition.count)) as file:
        file.write(pack(part))


def read_slice(store: Store, partition: Partition, recipe: Recipe, backend: str) -> PlanSlice:
    """Read the slice of a partition, which is then done by a recipe.

    Raises:
        OutputError: If it is missing or damaged.
        StorageError: If the machine fails.
    """
    key = slice_key(partition.index, partition.count)
    [data] = store.read([key])
    part = unpack(data or b"", partition)
    if part is None:
        raise damaged(store, key)
    recipe = replace(recipe, format=recipe.format or part.splits[0].source.layout)
    return part._replace(splits=[_complete(split, store, recipe, backend) for split in part.splits])


def pack(part: PlanSlice) -> bytes:
    """Return a slice as bytes, without what follows from the recipe.

    Raises:
        InputError: If a reader that is not ours left something in it.
    """
    splits = [
        replace(split, job=replace(split.job, recipe=cast("Recipe", None), writer=cast("Any", None)))
        for split in part.splits
    ]
    data = pack_values((describe_plan(part.plan), splits))
    if unpack(data, part.plan.partition) is None:
        raise InputError(
            "what a reader of another package found cannot be written; leave out ", Option("plan")
        )
    return data


def unpack(data: bytes, partition: Partition) -> PlanSlice | None:
    """Return what `pack` made bytes of; None if they are damaged."""
    try:
        text, splits = unpack_values(data)
        plan = parse_plan(text.encode(), partition)
        return None if plan is None else PlanSlice(plan, list(splits))
    except (ValueError, TypeError, AttributeError):
        return None


def _complete(split: Split, store: Store, recipe: Recipe, backend: str) -> Split:
    """Return a split with what follows from the recipe."""
    recipe = pass_on(recipe) if split.is_passed_on else recipe
    job, features = split.job, split.source.carried.features
    name, classes, options = job.catalogue.split, job.catalogue.classes, table_options(recipe)
    writer = choose_writer(str(recipe.format), store, name, classes, options, features, job.annotated)
    return replace(split, job=replace(job, recipe=recipe, writer=writer, backend=backend))


def check_same(store: Store, index: Index, partition: Partition, given: Given) -> None:
    """Refuse to make a partition of another plan.

    Raises:
        OutputError: Naming what differs.
    """
    where = f"DST {store.name!r} was planned for "
    again = "; give that, or plan again with ", Option("plan", str(partition.count))
    if index.count != partition.count:
        was = f"{where}{quantity(index.count, 'partition')}, which is not what "
        raise OutputError(was, Option("partition", str(partition)), " says", *again)
    for name in {**index.given, **given}:
        was_given, is_given = index.given.get(name), given.get(name)
        if was_given != is_given:
            option = name.upper() if name == "src" else Option(name)
            raise OutputError(where, option, f" {was_given!r}, but this is {is_given!r}", *again)

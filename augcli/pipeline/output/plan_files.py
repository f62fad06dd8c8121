"""The plans of partitions: what each says that it makes, so that a merge needs no SRC.

A plan is a file of JSON that stands in DST from the beginning of a partition until the merge. It is not
part of the output.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import Note, Option
from augcli.io.store.base import write_text
from augcli.io.store.hashes import hash_bytes
from augcli.io.store.names import find_plans, plan_key
from augcli.pipeline.plan.partitions import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from augcli.io.store.base import Store
    from augcli.pipeline.plan.chunks import Chunk
    from augcli.pipeline.plan.splits import Split

VERSION = 1


class PlannedArc(NamedTuple):
    """Where an arc of a chunk lies.

    Attributes:
        ring: Number of its ring among those of its split.
        start: Its first position.
        length: How many positions it has.
        whole: How many positions the ring has.
    """

    ring: int
    start: int
    length: int
    whole: int


class PlannedChunk(NamedTuple):
    """A chunk that a partition makes: the name of its part file, and its arcs.

    Where no ring goes on in another chunk, as none of parquet rows does, arcs are left out.
    """

    part: str
    arcs: tuple[PlannedArc, ...]


@dataclass(frozen=True, slots=True)
class PlannedSplit:
    """What a plan says of a split.

    Attributes:
        name: The split; "" where there are no splits.
        is_passed_on: Whether nothing is done to it, as to the splits beside the augmented one.
        classes: Class names.
        class_folders: A folder name per class, or None where outputs lie flat.
        features: Hugging Face's features of carried columns.
        chunks: The chunks of the partition, in order.
        boxes: Boxes by category, of the images of these chunks that have outputs.
    """

    name: str
    is_passed_on: bool
    classes: tuple[str, ...] | None
    class_folders: tuple[str, ...] | None
    features: dict[str, Any]
    chunks: tuple[PlannedChunk, ...]
    boxes: dict[int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What one partition makes.

    Attributes:
        partition: Which partition.
        recipe: Digest of `augcli.json`.
        environment: Digest of what decides bytes on the machine that begins to make it; "" until then.
        view: Digest of the input as it was listed.
        samples: How many samples were listed.
        splits: What it makes of each split.
        notes: What is worth a line in the summary.
    """

    partition: Partition
    recipe: str
    environment: str
    view: str
    samples: int
    splits: tuple[PlannedSplit, ...]
    notes: tuple[str, ...]


def digest_document(text: str) -> str:
    """Return what a plan says of the `augcli.json` for which it was made."""
    return hash_bytes(text.encode())


def plan_splits(splits: Sequence[Split], planned: Sequence[Split]) -> tuple[PlannedSplit, ...]:
    """Return what a plan says of each split.

    Args:
        splits: The splits with all of their chunks.
        planned: The same, with the chunks of the partition alone.
    """
    return tuple(_plan_split(split, part) for split, part in zip(splits, planned, strict=True))


def _plan_split(split: Split, part: Split) -> PlannedSplit:
    uses = Counter(id(arc.ring) for chunk in split.chunks for arc in chunk.arcs)
    rings = {ring: number for number, ring in enumerate(uses)}
    goes_on = any(count > 1 for count in uses.values())

    def describe(chunk: Chunk) -> PlannedChunk:
        arcs = chunk.arcs if goes_on else ()
        planned = (PlannedArc(rings[id(arc.ring)], arc.start, len(arc), len(arc.ring)) for arc in arcs)
        return PlannedChunk(split.part_name(chunk), tuple(planned))

    catalogue = split.catalogue
    return PlannedSplit(
        catalogue.split,
        split.is_passed_on,
        catalogue.classes,
        split.job.class_folders,
        split.source.carried.features,
        tuple(map(describe, part.chunks)),
        dict(part.count_boxes()),
    )


def write_plan(store: Store, plan: Plan) -> None:
    """Write a plan, whole or not at all: each time another file, so that a run sees that it was written."""
    write_text(store, plan_key(plan.partition.index, plan.partition.count), describe_plan(plan))


def describe_plan(plan: Plan) -> str:
    """Return a plan as the text of its file, which is another one each time."""
    document = asdict(plan) | {"version": VERSION, "notes": [_pack(note) for note in plan.notes]}
    document["attempt"] = os.urandom(4).hex()
    # Not sorted: tables bear features in the order in which the input has them.
    return json.dumps(document) + "\n"


def read_plans(store: Store, keys: Iterable[str]) -> dict[Partition, Plan | None]:
    """Read those of some keys that are plans, in the order of their partitions; None for one that is damaged.

    Raises:
        StorageError: If the machine fails.
    """
    plans = sorted(find_plans(keys).items(), key=lambda pair: (pair[1][1], pair[1][0]))
    read = store.read([key for key, _ in plans])
    return {
        Partition(*numbers): parse_plan(data, Partition(*numbers))
        for (_, numbers), data in zip(plans, read, strict=True)
    }


def parse_plan(data: bytes | None, partition: Partition) -> Plan | None:
    """Read a plan; None if it is damaged, or of another version."""
    try:
        document = json.loads((data or b"").decode())
        splits = tuple(map(_read_split, document["splits"]))
        recipe, here, view = (str(document[name]) for name in ("recipe", "environment", "view"))
        notes = tuple(map(_unpack, document["notes"]))
        is_own = document["version"] == VERSION and Partition(**document["partition"]) == partition
        plan = Plan(partition, recipe, here, view, int(document["samples"]), splits, notes)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return plan if is_own else None


def _read_split(document: dict[str, Any]) -> PlannedSplit:
    folders, classes = document["class_folders"], document["classes"]
    return PlannedSplit(
        document["name"],
        document["is_passed_on"] is True,
        None if classes is None else tuple(classes),
        None if folders is None else tuple(folders),
        dict(document["features"]),
        tuple(
            PlannedChunk(part, tuple(PlannedArc(*arc) for arc in arcs)) for part, arcs in document["chunks"]
        ),
        {int(category): int(number) for category, number in document["boxes"].items()},
    )


def _pack(word: object) -> Any:
    """Return a note, or a word of one, as JSON."""
    if isinstance(word, Option):
        return {"option": word.name, "value": word.value}
    return [_pack(part) for part in word.words] if isinstance(word, Note) else str(word)


def _unpack(word: Any) -> Any:
    """Return what `_pack` made JSON of."""
    if isinstance(word, list):
        return Note(*map(_unpack, word))
    return Option(word["option"], word["value"]) if isinstance(word, dict) else word

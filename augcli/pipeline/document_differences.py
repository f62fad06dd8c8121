"""What the documents of two outputs say otherwise, beside their recipes and their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.pipeline.inspection import read_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.pipeline.output.stored_splits import StoredOutput
    from augcli.program.annotated import BoxHeader


class KeyDifference(NamedTuple):
    """A key of two recipes or documents, and its values; None where there is no such key."""

    key: str
    first: Any
    second: Any


def compare_documents(first: StoredOutput, second: StoredOutput) -> tuple[KeyDifference, ...]:
    """Return what the documents of two outputs say otherwise: their version, classes, and of all boxes.

    Raises:
        OutputError: If a part file is damaged.
        StorageError: If the machine fails.
    """
    said = [dict(_list_facts(output)) for output in (first, second)]
    keys = dict.fromkeys([*said[0], *said[1]])
    return tuple(
        KeyDifference(key, said[0].get(key), said[1].get(key))
        for key in keys
        if said[0].get(key) != said[1].get(key)
    )


def compare_writers(first: list[str], second: list[str]) -> tuple[KeyDifference, ...]:
    """Return the libraries that wrote the part files of two outputs, where these are others."""
    return () if first == second else (KeyDifference("part files written by", first, second),)


def _list_facts(output: StoredOutput) -> Iterator[tuple[str, Any]]:
    yield "output version", read_version(output.store)
    for split, chunks in output.list_chunks().items():
        for part in output.parts.read(chunks[:1]):
            classes = output.describe(split, [], [], part.file_names()).output.classes
            yield f"classes of {split!r}" if split else "classes", classes and list(classes)
    if output.annotated.boxes is not None:
        yield from _list_box_facts(output.annotated.boxes)


def _list_box_facts(header: BoxHeader) -> Iterator[tuple[str, Any]]:
    yield "boxes", header.box_format
    if "categories" not in header.keys:
        yield "boxes: categories", list(header.names)
    for key, value in header.keys.items():
        yield f"boxes: {key}", value

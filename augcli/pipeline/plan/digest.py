"""What decides the images of an output beside its sources, as one digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from augcli.io.store.names import hash_bytes
from augcli.io.writers.boxes import describe_annotated
from augcli.recipe import TABLE_KEYS, Recipe
from augcli.recipe_files import write_recipe

if TYPE_CHECKING:
    from augcli.program.annotated import Annotated


OUTPUT_VERSION = 2
"""Raised whenever the same seed and input give other bytes than before."""


def digest(recipe: Recipe, annotated: Annotated) -> str:
    """Return a digest of what decides the images of an output, beside its sources."""
    kept = {
        key: value for key, value in write_recipe(recipe).items() if key.replace("-", "_") not in TABLE_KEYS
    }
    text = json.dumps([kept, annotation_kinds(describe_annotated(annotated))], sort_keys=True)
    return hash_bytes(text.encode())


def annotation_kinds(described: dict[str, Any]) -> dict[str, Any]:
    """Return what of `describe_annotated` makes another output: if there are masks, and the box format."""
    boxes = described.get("boxes")
    return {"masks": bool(described.get("masks")), "boxes": boxes and boxes["form"]}


def document(recipe: Recipe, annotated: Annotated) -> str:
    """Return the text of `augcli.json`: what decided the output, and nothing of when, where or how fast."""
    contents: dict[str, Any] = {"output_version": OUTPUT_VERSION, "recipe": write_recipe(recipe)}
    if annotated:
        contents["annotations"] = describe_annotated(annotated)
    return json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

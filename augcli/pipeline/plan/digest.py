"""What decides the images of an output beside its sources, as one digest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from augcli.io.boxes.recorded import describe_annotated
from augcli.io.store.hashes import hash_bytes
from augcli.recipe import OUTPUT_VERSION, Recipe
from augcli.recipe_files import write_recipe
from augcli.recipe_keys import IMAGE_KEYS, TABLE_KEYS

if TYPE_CHECKING:
    from augcli.program.annotated import Annotated


def digest(recipe: Recipe, annotated: Annotated) -> str:
    """Return a digest of what decides the images of an output, beside its sources."""
    kept = {
        key: value for key, value in write_recipe(recipe).items() if key.replace("-", "_") not in TABLE_KEYS
    }
    text = json.dumps([kept, annotation_kinds(describe_annotated(annotated))], sort_keys=True)
    return hash_bytes(text.encode())


def seed_of_names(recipe: Recipe, is_original: bool = False) -> int:
    """Return the seed, below 2**64, with which the names of outputs hash the keys of their bases.

    It follows from every key of the recipe that decides the bytes of an image. So files of outputs of two
    seeds or recipes, put into one folder, never replace each other. What nothing is drawn for (an original,
    a split that is passed on) depends neither on the seed nor on the operations.
    """
    written = write_recipe(recipe)
    kept = {key: written[key.replace("_", "-")] for key in IMAGE_KEYS}
    if recipe.entries and not is_original:
        kept |= {"seed": written["seed"], "op": written["op"]}
    return int(hash_bytes(json.dumps(kept, sort_keys=True).encode())[:16], 16)


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

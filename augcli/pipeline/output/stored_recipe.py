"""The recipe that an output's `augcli.json` holds, compared with that of a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from augcli.errors import OutputError, UsageError
from augcli.io.boxes.recorded import describe_annotated
from augcli.io.store.base import full_name
from augcli.io.store.names import RECIPE
from augcli.pipeline.plan.digest import annotation_kinds
from augcli.recipe import OUTPUT_VERSION
from augcli.recipe_files import is_tables, read_recipe, write_recipe
from augcli.recipe_keys import TABLE_KEYS

if TYPE_CHECKING:
    from augcli.io.store.base import Store
    from augcli.program.annotated import Annotated
    from augcli.recipe import Recipe


def find_differing_keys(store: Store, text: bytes, recipe: Recipe, annotated: Annotated) -> list[str]:
    """Return the keys in which a stored recipe is another one; those that only tables depend on do not count.

    Args:
        store: Where the output lies.
        text: Its `augcli.json`.
        recipe: Recipe of the run.
        annotated: What belongs to the images of the run.

    Raises:
        OutputError: If the text holds no recipe of ours.
    """
    theirs, version = _read_stored(store, text)
    ours: dict[str, Any] = write_recipe(recipe) | annotation_kinds(describe_annotated(annotated))
    keys = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    keys = [key for key in keys if key.replace("-", "_") not in TABLE_KEYS]
    differing = [_explain(key, ours.get(key), theirs.get(key)) for key in keys]
    if version != OUTPUT_VERSION:
        return [f"output_version ({version}, now {OUTPUT_VERSION})", *differing]
    return differing


def refuse_newer(store: Store, text: bytes) -> None:
    """Refuse an output that a newer augcli made: it must not be replaced because its recipe differs.

    Raises:
        OutputError: Naming both versions.
    """
    version = _read_stored(store, text)[1]
    if isinstance(version, int) and version > OUTPUT_VERSION:
        raise OutputError(
            f"DST {store.name!r} is of output version {version}, and this augcli writes {OUTPUT_VERSION};"
            " upgrade augcli, or give another DST"
        )


def _read_stored(store: Store, text: bytes) -> tuple[dict[str, Any], Any]:
    """Read an `augcli.json`: the recipe's keys and what belongs to the images, and the output version."""
    try:
        stored = json.loads(text.decode())
        recipe, version = stored["recipe"], stored["output_version"]
        if not isinstance(recipe, dict) or not is_tables(recipe.get("op")):
            raise ValueError("it holds no recipe")
        return _complete_recipe(recipe) | annotation_kinds(stored.get("annotations", {})), version
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        name = full_name(store, RECIPE)
        raise OutputError(f"{name!r} is damaged; give another DST") from error


def _complete_recipe(data: dict[str, Any]) -> dict[str, Any]:
    """Return a stored recipe with the keys that came later than it; unchanged if it is not a recipe."""
    try:
        return write_recipe(read_recipe(data))
    except UsageError:
        return data


def _explain(key: str, ours: Any, theirs: Any) -> str:
    """Return a key that differs; of the same operations, which of their options differ."""
    if key == "name":
        return f"name ({theirs!r}, now {ours!r}; a recipe file's own name where it gives none)"
    if key != "op" or [op.get("kind") for op in ours] != [op.get("kind") for op in theirs]:
        return key
    pairs = zip(ours, theirs, strict=True)
    options = {name for our, their in pairs for name in our | their if our.get(name) != their.get(name)}
    return f"op ({', '.join(sorted(options))})"

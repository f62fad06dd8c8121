"""Recipes as plain data: TOML files, mappings, and the `augcli.json` of an output."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from augcli.entries import Choice, Entry
from augcli.errors import InputError, Option, Spelling, StorageError, UsageError
from augcli.ops import OPERATIONS, Operation
from augcli.options import flag, option_fields
from augcli.recipe import OUTPUT_VERSION, Recipe
from augcli.recipe_keys import INPUT_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from dataclasses import Field

    from augcli.io.store.urls import Access


Made = TypeVar("Made")

COMMAND_LINE_KEYS = (
    "labels", "classes", "workers", "backend", "max-errors", "force", "dry-run", "quiet", "json",
    "endpoint-url", "anonymous", "partition", "plan", "engine", "ray-address", "preview",
    "preview-count",
)  # fmt: skip
"""What says where and how a run is done, not what it gives."""


PARQUET_MAGIC = b"PAR1"
TOML_FORM = (
    "write `seed = 1` for `seed: 1`, and [[op]] above the keys of each operation (augcli guide recipes)"
)


def write_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain data under the command line's names, as `read_recipe` takes it."""
    data = {"name": recipe.name, **_write_options(recipe)}
    return data | {"op": [_write_entry(entry) for entry in recipe.entries]}


def read_recipe(data: Mapping[str, Any], name: str | None = None) -> Recipe:
    """Check plain data (a TOML or JSON document) and make it a recipe.

    Args:
        data: Keys are the command line's long names; `op` a list of operations; the table `labels` may
            hold the keys on labels.
        name: The recipe's name if the data do not give it.

    Raises:
        UsageError: If a key is unknown (naming the nearest known one) or a value is not accepted.
    """
    _refuse_huge_numbers(data)
    operations = data.get("op", [])
    if not is_tables(operations):
        raise UsageError(
            "recipe: op must be a list of tables; write [[op]] above each operation (JSON: a list of objects)"
        )
    settings = _read_settings(data)
    if name is not None:
        settings.setdefault("name", name)
    entries = tuple(_read_entry(operation) for operation in operations)
    try:
        return _make(Recipe, entries=entries, **settings)
    except TypeError as error:
        raise UsageError(f"recipe: {error}") from error


def _read_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Read the fields of a recipe: keys at the top, those on labels in a table of their own too."""
    data = _read_switches(data)
    flat = {key: value for key, value in data.items() if key not in ("op", "labels")}
    labels = data.get("labels", {})
    if not isinstance(labels, dict):
        raise UsageError(
            f"recipe: labels must be a table, [labels], got {labels!r}; give a file of labels beside it, by ",
            Option("labels"),
        )
    if twice := sorted(flat.keys() & labels.keys()):
        raise UsageError(f"recipe: {twice[0]!r} is given twice, at the top and in [labels]; leave out one")
    options = option_fields(Recipe)
    known = {flag(field.name): field.name for field in options} | {key: key for key in ("name", *INPUT_KEYS)}
    check_keys(data, [*known, "op", "labels"], "recipe")
    on_labels = [flag(field.name) for field in options if field.metadata.get("panel") == "Labels"]
    check_keys(labels, on_labels, "[labels]")
    settings = {known[key]: value for key, value in (flat | labels).items()}
    if isinstance(settings.get("boxes"), list):
        settings["boxes"] = tuple(settings["boxes"])
    return settings


def _read_switches(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a recipe, `no-splits = true` as the command line has it read as `splits = false`."""
    switches = {f"no-{flag(field.name)}": flag(field.name) for field in _switches()}
    read = dict(data)
    for key in data.keys() & switches.keys():
        name, value = switches[key], read.pop(key)
        if name in data:
            raise UsageError(f"recipe: {name!r} and {key!r} are both given; leave out one")
        if not isinstance(value, bool):
            raise UsageError(f"recipe: {key} must be of type bool, got {value!r}")
        read[name] = not value
    return read


def _switches() -> list[Field[Any]]:
    return [field for field in option_fields(Recipe) if field.type == "bool"]


def _make(kind: Callable[..., Made], *values: Any, **named: Any) -> Made:
    """Make something of values that stand under keys, by which a message then names them."""
    try:
        return kind(*values, **named)
    except UsageError as error:
        error.spelling = Spelling.KEY
        raise


def check_keys(keys: Iterable[str], known: Iterable[str], owner: str) -> None:
    """Refuse unknown keys; the nearest known key is named."""
    known = list(known)
    for key in keys:
        if key in COMMAND_LINE_KEYS and key not in known:
            option = Option(key.replace("-", "_"))
            raise UsageError(f"{owner}: {key!r} is not a key of recipes; give ", option, " beside them")
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            raise UsageError(f"{owner}: unknown key {key!r}; {hint}")


def find_operation(name: str) -> type[Operation]:
    """Return the operation of a name.

    Raises:
        UsageError: If no such operation exists; the nearest is named.
    """
    if not isinstance(name, str) or name not in OPERATIONS:
        near = difflib.get_close_matches(str(name), OPERATIONS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(OPERATIONS)}"
        raise UsageError(f"unknown operation {name!r}; {hint}")
    return OPERATIONS[name]


def _refuse_huge_numbers(data: Mapping[str, Any]) -> None:
    """Refuse integers that nothing takes, and whose digits Python does not print."""
    pending: list[Any] = [data]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, int) and value.bit_length() > 64:
            raise UsageError("recipe: a number has more than 64 bits, which nothing takes")


def is_tables(value: object) -> bool:
    """True if a value is a list of tables, as the operations of a recipe are."""
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def _read_entry(data: Mapping[str, Any]) -> Entry:
    if "one_of" in data:
        check_keys(data, ["one_of", "p"], "one_of")
        if not is_tables(data["one_of"]):
            raise UsageError("one_of must be a list of tables, each with a kind and a weight")
        choices = tuple(_read_choice(choice, {"weight"}) for choice in data["one_of"])
    else:
        choices = (_read_choice(data, {"p"}),)
    return _make(Entry, choices, data.get("p", 1.0))


def _read_choice(data: Mapping[str, Any], beside: set[str]) -> Choice:
    if "kind" not in data:
        raise UsageError(f"recipe: an operation has no kind; give kind = one of {', '.join(OPERATIONS)}")
    operation = find_operation(data["kind"])
    known = {flag(field.name): field.name for field in option_fields(operation)}
    check_keys(data, ["kind", *beside, *known], operation.name)
    values = {known[key]: value for key, value in data.items() if key in known}
    return Choice(_make(operation, **values), data.get("weight", 1.0))


def _write_entry(entry: Entry) -> dict[str, Any]:
    written = [
        {"kind": choice.operation.name, **_write_options(choice.operation)} for choice in entry.choices
    ]
    if len(written) == 1 and entry.choices[0].weight == 1.0:
        return written[0] | {"p": entry.p}
    pairs = zip(written, entry.choices, strict=True)
    return {"one_of": [table | {"weight": choice.weight} for table, choice in pairs], "p": entry.p}


def _write_options(owner: Recipe | Operation) -> dict[str, Any]:
    """Return option fields as plain data: values other than numbers and texts as they are written.

    Options that came later than the first outputs are left out where they are not given: names of outputs
    follow from what is written here.
    """
    values = {
        flag(field.name): getattr(owner, field.name)
        for field in option_fields(owner)
        if not field.metadata.get("is_later") or getattr(owner, field.name) != field.default
    }
    plain = bool | int | float | str | None
    return {name: value if isinstance(value, plain) else str(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe, and where it comes from.

    Attributes:
        recipe: The recipe.
        is_stored: Whether it is an output's recipe: all options stand there, whoever chose them.
        output: The directory of that output, where the file is an `augcli.json`.
    """

    recipe: Recipe
    is_stored: bool = False
    output: str | None = None


def load_recipe(
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str], access: Access | None = None
) -> Recipe:
    """Return a `Recipe` as it is, or read one from a mapping, a TOML file or an `augcli.json`.

    Raises:
        InputError: If the file cannot be read.
        StorageError: If a bucket fails.
        UsageError: If it is not a recipe.
    """
    return open_recipe(recipe, access).recipe


def open_recipe(
    recipe: Recipe | Mapping[str, Any] | str | os.PathLike[str], access: Access | None = None
) -> LoadedRecipe:
    """Return a recipe and where it comes from, as `load_recipe`; `access` is how buckets are reached."""
    if isinstance(recipe, Recipe):
        return LoadedRecipe(recipe)
    if isinstance(recipe, Mapping):
        return LoadedRecipe(read_recipe(recipe))
    from augcli.io.store.urls import HERE, plain_path, split_path  # here: `augcli --help` reads no recipe

    path = plain_path(recipe)
    place, name = split_path(path)
    stem = PurePosixPath(name).stem
    document = _parse(path, name, _read_text(path, access or HERE))
    stored = document.get("recipe")
    if stored is None:
        return LoadedRecipe(read_recipe(document, name=stem))
    if not isinstance(stored, dict):
        raise UsageError(f"recipe {path!r}: recipe must be a table of keys, got {stored!r}")
    _refuse_newer(path, document)
    output = place if name == "augcli.json" else None
    return LoadedRecipe(read_recipe(_drop_nulls(stored), name=stem), True, output)


def _read_text(path: str, access: Access) -> str:
    """Read a recipe file; a byte order mark and the kind of line ends tell nothing."""
    from augcli.io.store.base import is_local
    from augcli.io.store.locations import Kind, find_kind, locate
    from augcli.io.store.urls import join_path

    file = locate(path, access=access)
    if file.kind is Kind.DIRECTORY:
        stored = join_path(path, "augcli.json")
        cure = f"its recipe, {stored!r}" if find_kind(stored, access) is Kind.FILE else "a TOML file"
        raise InputError(f"recipe {path!r} is a directory; give {cure}")
    try:
        data = file.read()
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise InputError(f"recipe {path!r} does not exist; give a TOML file") from error
        if not is_local(file.store):
            raise
        raise InputError(
            f"recipe {path!r} cannot be read: {error.__cause__ or error}; make it readable"
        ) from error
    if data.startswith(PARQUET_MAGIC):
        raise UsageError(f"recipe {path!r} is a parquet file; give RECIPE SRC DST in this order")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"recipe {path!r} is not UTF-8 text ({error}); save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse(path: str, name: str, text: str) -> Mapping[str, Any]:
    """Return the document of a recipe file: JSON where it begins like it, else TOML."""
    import json
    import tomllib

    is_json = name.endswith(".json") or text.lstrip().startswith("{")
    try:
        document = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        if _looks_like_yaml(name, text):
            raise UsageError(f"recipe {path!r} is YAML, but recipes are TOML; {TOML_FORM}") from error
        words = f"recipe {path!r} is not a TOML recipe or an augcli.json: {error}"
        raise UsageError(words) from error
    if not isinstance(document, dict):
        what = f"it must be a table of keys, got a {type(document).__name__}"
        raise UsageError(f"recipe {path!r} is not a TOML recipe or an augcli.json: {what}; give one of these")
    return _drop_nulls(document) if is_json else document


def _looks_like_yaml(file: str, text: str) -> bool:
    """True if a text that is not TOML is probably YAML: by its name, or `key: value` in its first line."""
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    first = lines[0] if lines else ""
    return file.endswith((".yaml", ".yml")) or first == "---" or bool(re.match(r"[\w-]+:(\s|$)", first))


def _drop_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON document without the keys that say nothing."""
    return {key: value for key, value in document.items() if value is not None}


def _refuse_newer(path: str, document: Mapping[str, Any]) -> None:
    """Refuse the recipe of an output that a newer augcli made: this one may not know what its keys mean."""
    version = document.get("output_version")
    if isinstance(version, int) and version > OUTPUT_VERSION:
        raise UsageError(
            f"recipe {path!r} is of output version {version}, and this augcli writes {OUTPUT_VERSION};"
            " upgrade augcli (pip install --upgrade augcli), or write the keys into a recipe of your own"
        )

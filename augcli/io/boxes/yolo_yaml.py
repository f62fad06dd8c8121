"""YAML, as far as a `data.yaml` needs it: mappings, lists and texts, in bounded time and memory.

A `data.yaml` comes from anywhere. So nothing is made of it but texts: no tag is followed, no alias repeats
what stands elsewhere, and depth, length and size are bounded. `no` and `007` stay what was written.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from augcli.errors import InputError
from augcli.options import is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Value: TypeAlias = "dict[str, Value] | list[Value] | str | None"

MOST_BYTES = 1 << 20
MOST_LEVELS = 20

EMPTY_WORDS = ("", "~", "null", "Null", "NULL")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_/-]*([ .][A-Za-z0-9_/-]+)*", re.ASCII)
"""What needs no quotes, unless it is one of these words, which YAML 1.1 takes for something else."""
UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
WORDS = frozenset("y n yes no true false on off null".split())


def parse_yaml(data: bytes) -> dict[str, Value]:
    """Return the mapping that a file holds; all that is not a mapping or a list is a text, or None.

    Raises:
        InputError: If it is not a mapping, too large, too deep, or uses parts of YAML that are not read here;
            the message begins with a verb.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"must be of at most {MOST_BYTES} bytes, got {len(data)}")
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # a tenth of the time, where libyaml is there
    try:
        value = _build(yaml.parse(data.decode("utf-8-sig"), Loader=loader))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise InputError(f"cannot be parsed: {' '.join(str(error).split())[:300]}") from error
    if not isinstance(value, dict):
        raise InputError("must be a mapping of keys to values")
    return value


def _build(events: Iterable[Any]) -> Value:
    """Build the value of the first document from its events, without a call for each level."""
    levels: list[dict[str, Value] | list[Value]] = []
    keys: list[str | None] = []  # of each open mapping the key whose value comes next
    for event in events:
        kind = type(event).__name__
        if kind == "DocumentEndEvent":
            break
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            value: Value = levels.pop()
            keys.pop()
        elif kind in ("AliasEvent", "MappingStartEvent", "SequenceStartEvent", "ScalarEvent"):
            _check_event(event, kind, len(levels))
            if kind in ("MappingStartEvent", "SequenceStartEvent"):
                levels.append({} if kind == "MappingStartEvent" else [])
                keys.append(None)
                continue
            value = _read_scalar(event)
        else:
            continue
        if not levels:
            return value
        _put(levels[-1], keys, value, event)
    return None


def _check_event(event: Any, kind: str, level: int) -> None:
    where = f"line {event.start_mark.line + 1}"
    if kind == "AliasEvent":
        raise InputError(f"{where} repeats what is called &{event.anchor[:40]}; write it out")
    if event.tag is not None:
        raise InputError(f"{where} has the tag {event.tag[:80]!r}, which is not followed; remove it")
    if kind != "ScalarEvent" and level >= MOST_LEVELS:
        raise InputError(f"{where} is nested more than {MOST_LEVELS} levels deep")


def _read_scalar(event: Any) -> str | None:
    if event.implicit[0] and event.value in EMPTY_WORDS:
        return None
    if not is_text(event.value):
        raise InputError(f"line {event.start_mark.line + 1} holds half of a surrogate pair; correct it")
    return str(event.value)


def _put(level: dict[str, Value] | list[Value], keys: list[str | None], value: Value, event: Any) -> None:
    """Put a value into the innermost mapping or list that is open."""
    if isinstance(level, list):
        level.append(value)
    elif keys[-1] is not None:
        level[keys[-1]] = value
        keys[-1] = None
    elif not isinstance(value, str):
        raise InputError(f"line {event.start_mark.line + 1} must have a text as key")
    elif value in level:
        raise InputError(f"line {event.start_mark.line + 1} has the key {value[:40]!r} again; remove one")
    else:
        keys[-1] = value


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return a mapping as YAML: of texts, numbers, flat lists, and mappings of numbers to texts."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {number}: {_quote(text)}" for number, text in value.items())]
        elif isinstance(value, list):
            lines.append(f"{key}: [{', '.join(map(_quote, value))}]")
        else:
            lines.append(f"{key}: {_quote(value)}")
    return "\n".join(lines) + "\n"


def _quote(value: object) -> str:
    """Return a number, or a text that every reader of YAML reads as a text."""
    text = str(value)
    if isinstance(value, int) or text == "." or (PLAIN.fullmatch(text) and text.lower() not in WORDS):
        return text
    quoted = json.dumps(text, ensure_ascii=False)  # a JSON text is a YAML text, but for these characters
    return UNPRINTABLE.sub(lambda match: f"\\U{ord(match[0]):08X}", quoted)

"""What two outputs or recipes differ in, in words and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.errors import quantity
from augcli.report.wording import plain_line

if TYPE_CHECKING:
    from augcli.pipeline.differences import Differences

MOST = 200
"""Characters of a value that are shown; a document has all of them."""


def describe_differences(found: Differences) -> str:
    """Return in words what differs, a line for each key and for each kind of difference."""
    lines = [f"first   {found.first}", f"second  {found.second}"]
    lines += [
        f"  {key}: {_show(first)} in the first, {_show(second)} in the second"
        for key, first, second in (*found.keys, *found.documents)
    ]
    for what, number, named in found.outputs:
        more = f" and {number - len(named)} more" if number > len(named) else ""
        where = what if what.startswith("only") else f"other {what}"
        lines.append(f"  {where}: {number} ({', '.join(named)}{more})")
    lines += [
        f"  {key}: {_show(first)} in the first, {_show(second)} in the second, which is no difference"
        for key, first, second in found.writers
    ]
    keys = (
        "the same recipe" if not found.keys else f"recipes that differ in {quantity(len(found.keys), 'key')}"
    )
    outputs = "" if found.compared is None else f", {quantity(found.compared, 'output')} of both compared"
    verdict = "they differ" if found else "they are the same"
    documents = (
        f", documents that differ in {quantity(len(found.documents), 'key')}" if found.documents else ""
    )
    lines.append(f"{keys}{outputs}{documents}: {verdict}")
    return "\n".join(map(plain_line, lines))


def document_differences(found: Differences) -> dict[str, Any]:
    """Return what differs as one JSON document."""
    return {
        "first": found.first,
        "second": found.second,
        "keys": [key._asdict() for key in found.keys],
        "compared": found.compared,
        "outputs": [output._asdict() for output in found.outputs],
        "documents": [key._asdict() for key in found.documents],
        "writers": [key._asdict() for key in found.writers],
        "same": not found,
    }


def _show(value: Any) -> str:
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."

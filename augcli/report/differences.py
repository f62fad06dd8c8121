"""What two outputs or recipes differ in, in words and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from augcli.errors import quantity
from augcli.report.wording import plain_line

if TYPE_CHECKING:
    from augcli.pipeline.differences import Differences

MOST = 200
"""Characters of a value that are shown; a document has all of them."""


def describe_differences(differences: Differences) -> str:
    """Return in words what differs, a line for each key and for each kind of difference."""
    lines = [f"first   {differences.first}", f"second  {differences.second}"]
    lines += [
        f"  {key}: {_show(first)} in the first, {_show(second)} in the second"
        for key, first, second in (*differences.keys, *differences.documents)
    ]
    for what, number, named in differences.outputs:
        more = f" and {number - len(named)} more" if number > len(named) else ""
        where = what if what.startswith("only") else f"other {what}"
        lines.append(f"  {where}: {number} ({', '.join(named)}{more})")
    lines += [
        f"  {key}: {_show(first)} in the first, {_show(second)} in the second, which is no difference"
        for key, first, second in differences.writers
    ]
    keys = (
        "the same recipe"
        if not differences.keys
        else f"recipes that differ in {quantity(len(differences.keys), 'key')}"
    )
    outputs = (
        ""
        if differences.compared is None
        else f", {quantity(differences.compared, 'output')} of both compared"
    )
    verdict = "they differ" if differences else "they are the same"
    documents = (
        f", documents that differ in {quantity(len(differences.documents), 'key')}"
        if differences.documents
        else ""
    )
    lines.append(f"{keys}{outputs}{documents}: {verdict}")
    return "\n".join(map(plain_line, lines))


def document_differences(differences: Differences) -> dict[str, Any]:
    """Return what differs as one JSON document."""
    return {
        "first": differences.first,
        "second": differences.second,
        "keys": [key._asdict() for key in differences.keys],
        "compared": differences.compared,
        "outputs": [output._asdict() for output in differences.outputs],
        "documents": [key._asdict() for key in differences.documents],
        "writers": [key._asdict() for key in differences.writers],
        "same": not differences,
    }


def _show(value: Any) -> str:
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MOST else f"{text[:MOST]}..."

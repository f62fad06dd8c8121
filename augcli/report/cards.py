"""The cards of operations in the guide, from the operations themselves.

`python -m augcli.report.cards PAGE PICTURES` writes them anew (`make docs`).
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augcli.io.store.local import LocalStore
from augcli.io.store.locations import locate
from augcli.ops import OPERATIONS
from augcli.ops.base import PEERS
from augcli.options import flag, option_fields
from augcli.recipe import P_HELP

if TYPE_CHECKING:
    from dataclasses import Field

    from augcli.ops import Operation

PLACE = re.compile(r"(?<=\n## One by one\n\n).*", re.DOTALL)
"""Where in the page the cards stand: from this heading to its end."""


def write_cards(pictures: str) -> str:
    """Return the cards of all operations as markdown.

    Args:
        pictures: Directory of their pictures, as the page links it.
    """
    cards = (write_card(operation, f"{pictures}/{name}.png") for name, operation in OPERATIONS.items())
    return "\n".join(cards)


def write_card(operation: type[Operation], picture: str) -> str:
    """Return the card of an operation as markdown."""
    card, name = operation.card, operation.name
    elsewhere = [f"{peer} {called}" for peer, called in zip(PEERS, card.peers[""], strict=True) if called]
    lines = [
        f"### {name}",
        "",
        inspect.getdoc(operation) or "",
        "",
        f"![{name}: sources, result and label]({picture})",
        "",
        card.what,
        "",
        f"- **Label**: {card.label}",
        f"- **Not for**: {card.avoid}",
        f"- **Paper**: {card.paper}",
        f"- **Elsewhere**: {', '.join(elsewhere)}",
        "",
        f"| option | default | meaning | {' | '.join(PEERS)} |",
        "|---" * (3 + len(PEERS)) + "|",
        *(_row(operation, flag(field.name), *_describe(field)) for field in option_fields(operation)),
        _row(operation, "p", "`1.0`", P_HELP),
    ]
    return "\n".join(lines) + "\n"


def _describe(field: Field[Any]) -> tuple[str, str]:
    """Return an option's default and meaning."""
    default = "" if field.default is None else f"`{field.default}`" if field.type != "bool" else "off"
    choices = field.metadata.get("choices")
    return default, field.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")


def _row(operation: type[Operation], option: str, default: str, meaning: str) -> str:
    names = operation.card.peers.get(option, ("",) * len(PEERS))
    return f"| `--{option}` | {default} | {meaning} | {' | '.join(names)} |"


if __name__ == "__main__":
    page, pictures = Path(sys.argv[1]), sys.argv[2]
    cards = write_cards(pictures)
    text = locate(page).read().decode()
    with LocalStore(str(page.parent)).writing(page.name) as file:
        file.write(PLACE.sub(lambda _: cards, text).encode())

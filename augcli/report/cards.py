"""The cards of operations in the guide, from the operations themselves.

`python -m augcli.report.cards PAGE PICTURES` writes them anew (`make docs`).
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """Write the cards of all operations as markdown.

    Args:
        pictures: Directory of their pictures, as the page links it.
    """
    cards = (write_card(operation, f"{pictures}/{name}.png") for name, operation in OPERATIONS.items())
    return "\n".join(cards)


def write_card(operation: type[Operation], picture: str) -> str:
    """Write the card of an operation."""
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
        *(_row(operation, flag(one.name), *_describe(one)) for one in option_fields(operation)),
        _row(operation, "p", "`1.0`", P_HELP),
    ]
    return "\n".join(lines) + "\n"


def _describe(one: Field[Any]) -> tuple[str, str]:
    """Give an option's default and meaning."""
    default = "" if one.default is None else f"`{one.default}`" if one.type != "bool" else "off"
    choices = one.metadata.get("choices")
    return default, one.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")


def _row(operation: type[Operation], option: str, default: str, meaning: str) -> str:
    names = operation.card.peers.get(option, ("",) * len(PEERS))
    return f"| `--{option}` | {default} | {meaning} | {' | '.join(names)} |"


if __name__ == "__main__":
    page, pictures = Path(sys.argv[1]), sys.argv[2]
    cards = write_cards(pictures)
    page.write_text(PLACE.sub(lambda _: cards, page.read_text("utf-8")), "utf-8")

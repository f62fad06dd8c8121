"""The command that shows the pages of the guide."""

from __future__ import annotations

import difflib
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

import typer

from augcli.errors import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUFFIX = ".md"

Topic = Annotated[
    str | None,
    typer.Argument(metavar="TOPIC", help="Page to show (default: list the topics).", show_default=False),
]


def guide(topic: Topic = None) -> int:
    """Show a page of the guide, or list its topics."""
    pages = find_pages()
    print(list_topics(pages) if topic is None else read_page(pages, topic))
    return 0


def find_pages() -> dict[str, Traversable]:
    """Return the pages of the guide by topic, in alphabetical order."""
    pages = sorted((files("augcli") / "guide").iterdir(), key=lambda page: page.name)
    return {page.name.removesuffix(SUFFIX): page for page in pages if page.name.endswith(SUFFIX)}


def list_topics(pages: dict[str, Traversable]) -> str:
    """Return a line for each topic: its name, and the first sentence of its page."""
    width = max(map(len, pages), default=0)
    lines = [f"  {topic:{width}}  {_summary(page)}" for topic, page in pages.items()]
    return "\n".join(["augcli guide TOPIC shows one of these pages:", "", *lines])


def read_page(pages: dict[str, Traversable], topic: str) -> str:
    """Return the text of a page.

    Raises:
        UsageError: If there is no such topic; the nearest is named.
    """
    if topic not in pages:
        near = difflib.get_close_matches(topic, pages, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(pages)}"
        raise UsageError(f"unknown topic {topic!r}; {hint}")
    return pages[topic].read_text("utf-8").rstrip("\n")


def _summary(page: Traversable) -> str:
    """Return the first line behind a page's title, which says what the page is about."""
    _, _, text = page.read_text("utf-8").partition("\n")
    return text.strip().partition("\n")[0]

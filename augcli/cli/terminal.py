"""Pictures in a terminal that shows images."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from augcli.errors import MissingPartError, UsageError

if TYPE_CHECKING:
    from augcli.report.preview import Sheet

ELSE = "give --preview FILE.png"


def check_shows_images() -> None:
    """Refuse to show a picture where none can be seen, before it is drawn.

    Raises:
        UsageError: If stdout is not a terminal, or the terminal shows no images.
        MissingPartError: If the package is missing that speaks to it.
    """
    if not sys.stdout.isatty():
        raise UsageError(f"--preview - shows the sheet in a terminal, and stdout is not one; {ELSE}")
    try:
        from textual_image import renderable  # it asks the terminal what it can
    except ImportError:
        lacks = "textual-image is not installed; run: pip install 'augcli[terminal]'"
        raise MissingPartError(f"{lacks}, or {ELSE}") from None
    if renderable.Image not in (renderable.SixelImage, renderable.TGPImage):
        raise UsageError(
            f"--preview -: this terminal shows no images, as kitty, iTerm2 and those with sixel do; {ELSE}"
        )


def show_image(sheet: Sheet) -> None:
    """Show a picture in the terminal, at its own size or as large as fits."""
    from rich.console import Console
    from textual_image.renderable import Image

    Console(file=sys.stdout).print(Image(sheet))

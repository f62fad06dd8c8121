"""Contact sheets: the command that draws one of an output, and what a run would make before it is run."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augcli import api
from augcli.arguments import check_paths, read_settings
from augcli.cli import options, terminal
from augcli.errors import Option, Reminder
from augcli.recipe_files import open_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from augcli.recipe import Recipe

TERMINAL = "-"
"""What stands for the terminal in the place of a file."""

IDLE = ("workers", "backend", "engine", "ray_address", "max_errors", "partition", "plan", "dry_run")
"""Options that say how a run is done, and so have no effect where nothing is run."""


def preview(
    src: options.SRC,
    dst: options.DST,
    sheet: Annotated[str, typer.Argument(metavar="SHEET", help="PNG to write.")] = "preview.png",
    *,
    count: Annotated[int, typer.Option(min=1, max=100, help="Outputs to show.")] = 6,
    labels: options.Labels = None,
    classes: options.Classes = None,
    masks: options.Masks = None,
    boxes: options.Boxes = None,
    endpoint_url: options.EndpointUrl = None,
    anonymous: options.Anonymous = False,
) -> int:
    """Draw sources, results and labels of an output as one picture, masks and boxes with them."""
    check_paths(src=src, dst=dst)  # by the names that they have here
    files = options.take_files({"labels": labels, "classes": classes, "masks": masks, "boxes": boxes})
    api.preview(src, dst, sheet, count=count, endpoint_url=endpoint_url, anonymous=anonymous, **files)
    print(sheet)
    return 0


def show_before(
    src: str, dst: str | None, recipe: Recipe | str, sheet: str, count: int, settings: Mapping[str, Any]
) -> int:
    """Draw what a run would make of some images, as a PNG or in the terminal.

    Args:
        src: What it would read.
        dst: Where it would write, if that is known.
        recipe: What it would do.
        sheet: The PNG, or `TERMINAL`.
        count: How many outputs to show.
        settings: The other options that every run takes.

    Raises:
        AugcliError: As `api.preview`; or if the terminal shows no images.
    """
    from augcli.io.store.urls import Access  # here: `--help` needs no store

    check_paths(preview=sheet)
    if isinstance(recipe, str):  # a directory is an output to `api.preview`, and here a mistake
        open_recipe(recipe, Access(settings["endpoint_url"], settings["anonymous"]))
    read_settings(**{name: settings[name] for name in (*IDLE, "force")})  # a run would refuse them
    is_shown = sheet == TERMINAL
    if is_shown:
        terminal.check_shows_images()
    for name in IDLE if dst is not None else (*IDLE, "force"):
        if settings[name] != options.RUN_OPTIONS[name][1]:
            warnings.warn(Reminder(Option(name), " has no effect: nothing is run"), stacklevel=2)
    reach = {name: settings[name] for name in (*options.FILE_OPTIONS, "endpoint_url", "anonymous")}
    drawn = api.preview(
        src, recipe, None if is_shown else sheet, count=count, dst=dst, force=settings["force"], **reach
    )
    if is_shown:
        terminal.show_image(drawn)
    elif settings["json"]:
        print(json.dumps({"preview": sheet}, ensure_ascii=False))
    elif not settings["quiet"]:
        print(sheet)
    return 0

"""Command-line options made from dataclass fields, and those that every command shares."""

from __future__ import annotations

import inspect
import re
from dataclasses import MISSING
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from augcli.errors import Option, UsageError
from augcli.options import flag, option_fields
from augcli.recipe import ANNOTATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TYPES: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "float | None": Optional[float],
    "int | None": Optional[int],
    "str | None": Optional[str],
}

SPLIT_FILE = re.compile(r"\w[\w-]*=.")
"""How boxes of one split begin; write `./a=b` for a file of such a name."""

FILE_OPTIONS = ("labels", "classes", "masks", "boxes")
"""What names input beside SRC. Their annotations are lists, so that a second is seen and refused: of other
options the last counts, but of two tables nobody means the last."""

SRC = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="Image folder, YOLO data set; shards or tar files: one, a folder, a glob; s3:// and so on.",
        show_default=False,
    ),
]
DST = Annotated[str, typer.Argument(metavar="DST", help="Directory of the output.", show_default=False)]
Made = Annotated[str, typer.Argument(metavar="DST", help="The output of a run.", show_default=False)]
RunDST = Annotated[
    Optional[str],
    typer.Argument(
        metavar="DST",
        help="Directory of the output; it may be left out with --preview.",
        show_default=False,
    ),
]
Labels = Annotated[
    Optional[list[str]],
    typer.Option(
        metavar="FILE",
        help="CSV, parquet or JSON lines table with file_name and label.",
        rich_help_panel="Labels",
    ),
]
Classes = Annotated[
    Optional[list[str]],
    typer.Option(metavar="FILE", help="Class names, one a line, in index order.", rich_help_panel="Labels"),
]
Masks = Annotated[
    Optional[list[str]],
    typer.Option(
        metavar="DIR|COLUMN",
        help="Index masks of the images: PNG files of the same names, or a parquet column (default: mask);"
        " none: no masks, whatever is found.",
        rich_help_panel=ANNOTATIONS,
    ),
]
Boxes = Annotated[
    Optional[list[str]],
    typer.Option(
        metavar="FILE|DIR|COLUMN|SPLIT=FILE",
        help="Boxes: a COCO JSON file (or one of each split), a folder of VOC XML, or a parquet column;"
        " none: no boxes, whatever is found.",
        rich_help_panel=ANNOTATIONS,
    ),
]
Workers = Annotated[
    Optional[int], typer.Option(help="Workers (default: all CPUs that may be used).", rich_help_panel="Run")
]
BackendName = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="auto|cpu|gpu|reference",
        help="What applies steps, all with the same bytes (auto: the CPU).",
        rich_help_panel="Run",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="What tasks are handed to: this machine, or a Ray cluster.",
        rich_help_panel="Run",
    ),
]
RayAddress = Annotated[
    Optional[str],
    typer.Option(
        metavar="ADDRESS",
        help="Ray cluster (default: RAY_ADDRESS, else one begun on this machine).",
        rich_help_panel="Run",
    ),
]
MaxErrors = Annotated[
    int, typer.Option(help="Failed images up to which the output is complete.", rich_help_panel="Run")
]
Partition = Annotated[
    Optional[str],
    typer.Option(
        metavar="I/N",
        help="Make only the chunks of one of N partitions, from 0/N on; augcli merge closes the output.",
        rich_help_panel="Run",
    ),
]
Plan = Annotated[
    Optional[int],
    typer.Option(
        metavar="N",
        help="List SRC once for N partitions, write into DST what each needs, and make nothing.",
        rich_help_panel="Run",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the output of another recipe.", rich_help_panel="Run")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done; write nothing.", rich_help_panel="Run")
]
Preview = Annotated[
    Optional[str],
    typer.Option(
        metavar="FILE",
        help="Draw some outputs as one PNG (- shows it in the terminal); write nothing else.",
        rich_help_panel="Run",
    ),
]
PreviewCount = Annotated[
    int, typer.Option(min=1, max=100, help="Outputs that --preview shows.", rich_help_panel="Run")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary.", rich_help_panel="Run")]
ExitCodeOnly = Annotated[bool, typer.Option("--quiet", help="Only the exit code.", rich_help_panel="Run")]
Json = Annotated[
    bool, typer.Option("--json", help="The summary as one JSON document on stdout.", rich_help_panel="Run")
]

EndpointUrl = Annotated[
    Optional[str],
    typer.Option(
        metavar="URL",
        help="Server of s3://, gs:// or az:// in the place of the cloud's own (default: by the environment).",
        rich_help_panel="Storage",
    ),
]
Anonymous = Annotated[
    bool,
    typer.Option("--anonymous", help="Do not sign requests: for public buckets.", rich_help_panel="Storage"),
]

RUN_OPTIONS: dict[str, tuple[Any, Any]] = {
    "labels": (Labels, None),
    "classes": (Classes, None),
    "masks": (Masks, None),
    "boxes": (Boxes, None),
    "workers": (Workers, None),
    "backend": (BackendName, "auto"),
    "engine": (EngineName, "local"),
    "ray_address": (RayAddress, None),
    "max_errors": (MaxErrors, 0),
    "partition": (Partition, None),
    "plan": (Plan, None),
    "force": (Force, False),
    "dry_run": (DryRun, False),
    "preview": (Preview, None),
    "preview_count": (PreviewCount, 6),
    "endpoint_url": (EndpointUrl, None),
    "anonymous": (Anonymous, False),
    "quiet": (Quiet, False),
    "json": (Json, False),
}
"""What every command that materializes takes beside the recipe: name to (annotation, default)."""


def take_files(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of options, what names input as single paths.

    Raises:
        UsageError: If one was given twice.
    """
    return values | {name: _take_files(name, values[name]) for name in FILE_OPTIONS if name in values}


def _take_files(name: str, paths: Sequence[str] | None) -> str | Sequence[str] | None:
    """Return the path that an option was given, None if it was not given; of boxes all texts SPLIT=FILE."""
    if name == "boxes" and paths and all(SPLIT_FILE.match(path) for path in paths):
        return list(paths)
    if paths is not None and len(paths) > 1:
        shown = ", ".join(map(repr, paths))
        cure = "give one of them, or SPLIT=FILE each" if name == "boxes" else "give one of them"
        raise UsageError(Option(name), f" is given {len(paths)} times ({shown}); {cure}")
    return paths[0] if paths else None


def option_parameters(owner: type, panel: str) -> list[inspect.Parameter]:
    """Make the parameters of a typer command from a dataclass's `option` fields.

    Args:
        owner: The dataclass; its annotations are strings (`from __future__ import annotations`).
        panel: Heading in the help for fields without a panel.
    """
    made = []
    for field in option_fields(owner):
        name, choices = flag(field.name), field.metadata.get("choices")
        kind = str(field.type)
        if field.metadata.get("read"):  # what is read from text is text here
            kind = "str | None" if kind.endswith("| None") else "str"
        spelled = typer.Option(
            f"--{name}/--no-{name}" if kind == "bool" else f"--{name}",
            help=field.metadata["help"],
            metavar="|".join(choices) if choices else None,
            rich_help_panel=field.metadata.get("panel", panel),
        )
        assert field.default is not MISSING
        made.append(keyword(field.name, Annotated[TYPES[kind], spelled], field.default))
    return made


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """Make a keyword parameter."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def destination() -> inspect.Parameter:
    """Make the parameter of DST, which a preview does without."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Parameter("dst", kind, default=None, annotation=RunDST)


def run_parameters() -> list[inspect.Parameter]:
    """Make the parameters of `RUN_OPTIONS`."""
    return [keyword(name, annotation, default) for name, (annotation, default) in RUN_OPTIONS.items()]


def set_signature(command: Any, parameters: Iterable[inspect.Parameter]) -> None:
    """Set the signature of a function that typer is to see."""
    made = list(parameters)
    command.__signature__ = inspect.Signature(made)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in made}

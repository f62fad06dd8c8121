"""Draw the pictures of the README and of the guide's page on reports, from real runs.

    python tests/pictures.py DIRECTORY

`preview_and_report.png` is what `--preview` shows of a command, beside the report of its output;
`report.png` the report of a larger output. Chromium takes the pictures of the reports.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = Path(__file__).resolve().parents[1] / "sample_data"
CELLS, PHOTOS = SAMPLES / "cells", SAMPLES / "photos"
COMMAND = ("cutmix", "--minmax", "0.5", "--boxes", CELLS / "boxes.json", CELLS / "images")
ROWS = 3
WIDTH, SCALE, GAP = 520, 0.8, 16
"""Pixels of a column of a report, so narrow that GitHub shows two at nearly their own size; their scale."""

COLOURS = 256
"""So many are enough for text and small photos, and halve the file."""


def augcli(work: Path, *arguments: str | Path) -> None:
    """Run a command of augcli in a directory."""
    command = [sys.executable, "-m", "augcli", *arguments]
    subprocess.run(command, check=True, cwd=work, stdout=subprocess.DEVNULL)


def photograph(page: Path, parts: Sequence[str], height: int) -> Image.Image:
    """Return a column of what Chromium shows of parts of a report, one below the other."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("chromium is not installed; run: apt-get install chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        window = {"width": round(WIDTH / SCALE), "height": round(height / SCALE)}
        shown = browser.new_page(viewport=window, device_scale_factor=SCALE)
        shown.goto(page.as_uri())
        shots = [shown.locator(part).screenshot() for part in parts]
        browser.close()
    column, top = Image.new("RGB", (WIDTH, height), "white"), GAP
    for shot in map(Image.open, map(io.BytesIO, shots)):
        column.paste(shot, ((WIDTH - shot.width) // 2, top))
        top += shot.height + GAP
    return column


def write_beside(left: Image.Image, right: Image.Image, path: Path) -> None:
    """Write two pictures, one beside the other."""
    both = Image.new("RGB", (left.width + GAP + right.width, left.height), "white")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + GAP, 0))
    both.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def draw_first(work: Path, path: Path) -> None:
    """Draw the preview of a command, and the report of its output."""
    sheet, page = work / "sheet.png", work / "cells.html"
    sources = "--src", CELLS / "images", "--boxes", CELLS / "boxes.json"
    augcli(work, *COMMAND, "--preview", sheet, "--preview-count", str(ROWS))
    augcli(work, *COMMAND, "cells-mixed")
    augcli(work, "report", "cells-mixed", page, *sources)
    with Image.open(sheet) as left:
        write_beside(left, photograph(page, ("header", "#gallery"), left.height), path)


def draw_report(work: Path, path: Path, height: int) -> None:
    """Draw a report: its samples, and what it counts."""
    page = work / "photos.html"
    augcli(work, "cutmix", "--p", "0.7", "--copies", "3", PHOTOS, "out")
    augcli(work, "report", "out", page, "--src", PHOTOS)
    columns = ("header", "#gallery"), ("#classes", "#met", "#shares")
    write_beside(*(photograph(page, parts, height) for parts in columns), path)


def main() -> None:
    """Run the commands, and write the pictures."""
    directory = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        draw_first(Path(name), directory / "preview_and_report.png")
        draw_report(Path(name), directory / "report.png", 840)


if __name__ == "__main__":
    main()

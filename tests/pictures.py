"""Draw the README's picture: what `--preview` shows of a command, beside the report of its output.

    python tests/pictures.py FILE.png

Both come from real runs over the sample photos of blood cells; Chromium takes the picture of the report.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

CELLS = Path(__file__).resolve().parents[1] / "sample_data" / "cells"
COMMAND = ("cutmix", "--minmax", "0.5", "--boxes", CELLS / "boxes.json", CELLS / "images")
ROWS = 3
WIDTH, SCALE, GAP = 520, 0.8, 16
"""Pixels of the report, so narrow that GitHub shows both at nearly their own size; its scale; the gap."""

COLOURS = 256
"""So many are enough for text and stained cells, and halve the file."""


def augcli(work: Path, *arguments: str | Path) -> None:
    """Run a command of augcli in a directory."""
    command = [sys.executable, "-m", "augcli", *arguments]
    subprocess.run(command, check=True, cwd=work, stdout=subprocess.DEVNULL)


def photograph(page: Path, picture: Path, height: int) -> None:
    """Write what Chromium shows of the top of a page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("chromium is not installed; run: apt-get install chromium")
    window = f"--window-size={round(WIDTH / SCALE)},{round(height / SCALE)}"
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--force-device-scale-factor={SCALE}"]
    subprocess.run([chromium, *options, window, f"--screenshot={picture}", page.as_uri()], check=True)


def main() -> None:
    """Run the command, and write the picture."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        sheet, page, shot = work / "sheet.png", work / "page.html", work / "shot.png"
        augcli(work, *COMMAND, "--preview", sheet, "--preview-count", str(ROWS))
        augcli(work, *COMMAND, "cells-mixed")
        augcli(
            work, "report", "cells-mixed", page, "--src", CELLS / "images", "--boxes", CELLS / "boxes.json"
        )
        with Image.open(sheet) as left:
            photograph(page, shot, left.height)
            with Image.open(shot) as right:
                both = Image.new("RGB", (left.width + GAP + right.width, left.height), "white")
                both.paste(left, (0, 0))
                both.paste(right, (left.width + GAP, 0))
    both.quantize(COLOURS, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()

"""The README.md of an output, which tells people and Hugging Face how to read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def describe_output(rows: str, splits: Sequence[tuple[str, Sequence[str]]], notes: Sequence[str]) -> str:
    """Return the README.md of an output.

    Without the pinned patterns Hugging Face guesses splits from file names and drops what does not fit.

    Args:
        rows: What holds a row for each image, in words.
        splits: Each split's name and the patterns of its files, none of which may match nothing.
        notes: Lines on the images and their labels.
    """
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split, patterns in splits:
        lines.append(f"  - split: {split}")
        lines.append(f"    path: {json.dumps(list(patterns))}")
    lines += [
        "---",
        "",
        "# Augmented images with soft labels",
        "",
        "Made by augcli; `augcli.json` holds the recipe.",
        "",
    ]
    lines.append(f"- {rows}: one row for each image, with its label, its sources and the steps applied")
    lines += [f"- {note}" for note in notes]
    return "\n".join(lines) + "\n"

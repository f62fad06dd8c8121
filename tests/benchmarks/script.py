"""What a user's own CutMix script holds beside the pixels: partners, draws, a pool, the CSV.

The peers `opencv_pool.py` and `pillow_pool.py` share it and differ in their `mix` alone. It is written as
well as such scripts can be: partners are a seeded derangement, all draws are made by the parent, a task is
a small tuple, the pool gets chunks of tasks, and the parent writes the CSV once.
"""

from __future__ import annotations

import argparse
import csv
import math
import multiprocessing
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

ALPHA = 1.0
QUALITY = 95
MOST_TASKS_AT_ONCE = 32
COLUMNS = ("file_name", "label", "label_weight", "partner_label", "partner_weight")


class Task(NamedTuple):
    """One output: two images with their classes, where it goes, and the draws (lam, centre in 0..1)."""

    base: str
    base_class: str
    partner: str
    partner_class: str
    target: str
    name: str
    lam: float
    centre_y: float
    centre_x: float


class Row(NamedTuple):
    """One row of the CSV."""

    file_name: str
    label: str
    label_weight: float
    partner_label: str
    partner_weight: float


def plan_box(height: int, width: int, task: Task) -> tuple[int, int, int, int, float]:
    """Give the CutMix box y0, x0, y1, x1 after clipping and the share of the base that is kept.

    Yun et al. 2019, algorithm 1: sides floor(side * sqrt(1 - lam)), uniform centre, lam from the clipped box.
    """
    cut = math.sqrt(1.0 - task.lam)
    half_height, half_width = int(height * cut) // 2, int(width * cut) // 2
    y, x = int(task.centre_y * height), int(task.centre_x * width)
    y0, y1 = max(y - half_height, 0), min(y + half_height, height)
    x0, x1 = max(x - half_width, 0), min(x + half_width, width)
    return y0, x0, y1, x1, 1.0 - (y1 - y0) * (x1 - x0) / (height * width)


def place(task: Task, kept: float) -> tuple[str, Row]:
    """Give the output's path, in the folder of the dominant class, and its row of the CSV."""
    dominant = task.base_class if kept >= 0.5 else task.partner_class
    # The class is part of the name: two classes may hold files of one name.
    file_name = f"{dominant}/{task.base_class}_{task.name}"
    row = Row(file_name, task.base_class, kept, task.partner_class, 1.0 - kept)
    return f"{task.target}/{file_name}", row


def plan_tasks(source: Path, target: Path, seed: int) -> list[Task]:
    """Draw every output: each image is base once and partner once, and nobody is its own partner."""
    images = [
        (file.path, folder.name, file.name)
        for folder in sorted(os.scandir(source), key=lambda entry: entry.name)
        for file in sorted(os.scandir(folder), key=lambda entry: entry.name)
    ]
    rng = random.Random(seed)
    rng.shuffle(images)
    return [
        Task(
            *images[number][:2],
            *images[number - 1][:2],  # a shuffle moved on by one is a derangement
            target=str(target),
            name=images[number][2],
            lam=rng.betavariate(ALPHA, ALPHA),
            centre_y=rng.random(),
            centre_x=rng.random(),
        )
        for number in range(len(images))
    ]


def write_table(target: Path, rows: Iterable[Row]) -> None:
    """Write labels.csv."""
    with (target / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def run_script(mix: Callable[[Task], Row], prepare: Callable[[], None] | None = None) -> None:
    """Run a whole script: `prepare` once in every worker, `mix` for every output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tasks = plan_tasks(arguments.source, arguments.target, arguments.seed)
    for name in {task.base_class for task in tasks}:
        (arguments.target / name).mkdir(parents=True)
    at_once = max(1, min(MOST_TASKS_AT_ONCE, len(tasks) // (8 * arguments.workers)))
    with multiprocessing.Pool(arguments.workers, prepare) as pool:
        write_table(arguments.target, pool.imap(mix, tasks, chunksize=at_once))

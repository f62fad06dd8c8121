"""Lines of YOLO labels: one object a line, its class and numbers that are shares of its image's sides.

| numbers behind the class | object |
|---|---|
| x y width height | a box, x and y of its centre |
| x y, three times at least | an outline |
| x y, four times | an oriented box, where all lines of a data set are such |
| x y width height, then x y or x y visibility for each keypoint | a pose |

The conventions are Ultralytics' (`verify_image_label`, 8.3): so are the bounds of coordinates, and
what a keypoint of two numbers says that is not there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from augcli.io.boxes.base import BadBoxError
from augcli.program.annotated import YOLO_TASKS
from augcli.program.pixel_rings import outline_pixels
from augcli.samples import Corners, Outline, Polygons, RunLengths

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from augcli.samples import Edges

DETECT, SEGMENT, OBB, POSE = YOLO_TASKS

LEAST, MOST = -0.01, 1.01
"""Bounds of coordinates: what lies between these and 0 or 1 is clipped to the image."""

SEEN = (0.0, 1.0, 2.0)
"""What the visibility of a keypoint may be: not there, hidden, seen."""

MISSING = "-0.001"
"""Coordinate of a keypoint that is not there, where keypoints have two numbers: Ultralytics takes what is
negative for that."""

DECIMALS = 12
"""A share is written with so many: a ten-millionth of a pixel of an image of 50,000 columns."""

SNAP = 1e-5
"""What an edge lies over the border by the rounding of decimals: six of them are common."""

OWN = "numbers"
"""Key of a box's `extra` under which its numbers stand as they were read."""

BEGIN, END = f'{{"{OWN}": "', '"}'


class Line(NamedTuple):
    """A line of labels: its number in the file, its class, its other numbers, and these as text."""

    number: int
    category: int
    numbers: list[float]
    text: str


class Shape(NamedTuple):
    """What an object's numbers say, as shares: its box, and its outline and keypoints where it has some."""

    edges: Edges
    outline: Outline | None


def parse_line(text: str, number: int, classes: int | None) -> Line:
    """Read a line as numbers.

    Args:
        text: The line, which is not empty.
        number: Its number in the file, from 1.
        classes: How many classes there are; None if that is not known.

    Raises:
        BadBoxError: If it is not numbers, or its class is not one.
    """
    first, _, rest = text.strip().replace("\t", " ").partition(" ")
    tokens = rest.split()
    try:
        values = [float(token) for token in (first, *tokens)]
    except ValueError:
        values = [math.nan]
    if "_" in text or not all(map(math.isfinite, values)):
        raise BadBoxError("not numbers", f"line {number} must be finite numbers, got {text.strip()[:60]!r}")
    category = values[0]
    if category < 0 or not category.is_integer() or category >= (classes if classes is not None else 2**31):
        wanted = "a whole number from 0" if classes is None else f"one of the classes 0 to {classes - 1}"
        raise BadBoxError("unknown class", f"line {number} must begin with {wanted}, got {first[:40]!r}")
    return Line(number, int(category), values[1:], " ".join(tokens))


def find_task(counts: Iterable[int], keypoints: tuple[int, int] | None, asked: str | None) -> str:
    """Return what labels are of, by how many numbers stand behind the classes of all lines.

    Args:
        counts: The numbers of numbers that occur.
        keypoints: How many keypoints an object has, and how many numbers each; None without keypoints.
        asked: What the user says.
    """
    lengths = set(counts)
    if asked is not None or keypoints:
        return asked or POSE
    if lengths == {8}:
        return OBB
    return SEGMENT if any(count >= 6 and count % 2 == 0 for count in lengths) else DETECT


def read_shape(line: Line, task: str, keypoints: tuple[int, int] | None) -> Shape | None:
    """Return what the numbers of a line say; None if its box has no area.

    Raises:
        BadBoxError: If there are too many or too few of them, or one lies outside.
    """
    numbers, count = line.numbers, len(line.numbers)
    wanted = _describe_wanted(count, task, keypoints)
    if wanted:
        raise BadBoxError("another number of values", f"line {line.number} must have {wanted}, got {count}")
    places = numbers if task != POSE or not keypoints else [*numbers[:4], *_places(numbers[4:], keypoints[1])]
    if min(places) < LEAST or max(places) > MOST:
        first = next(value for value in places if not LEAST <= value <= MOST)
        what = "must have shares of the image's sides, 0 to 1"
        raise BadBoxError("outside its image", f"line {line.number} {what}, got {first:g}")
    if count == 4 or task == POSE:
        x, y, width, height = numbers[:4]
        if width < 0 or height < 0:
            sides = f"width {width:g}, height {height:g}"
            raise BadBoxError("negative size", f"line {line.number} has a negative size: {sides}")
        y0, x0, y1, x1 = y - height / 2, x - width / 2, y + height / 2, x + width / 2
        edges = _snap(y0), _snap(x0), _snap(y1), _snap(x1)
        points = _read_keypoints(line, keypoints[1]) if keypoints and task == POSE else None
        outline = None if points is None else Outline(keypoints=points)
    else:
        xs, ys = numbers[::2], numbers[1::2]
        edges = min(ys), min(xs), max(ys), max(xs)
        corners = np.array([ys, xs], np.float64).T.copy()
        outline = Outline(Corners(corners) if task == OBB else Polygons(corners, (len(corners),)))
    return Shape(edges, outline) if edges[0] < edges[2] and edges[1] < edges[3] else None


def _snap(edge: float) -> float:
    """Return an edge on the border where decimals have put it just outside."""
    return 0.0 if -SNAP <= edge < 0 else 1.0 if 1 < edge <= 1 + SNAP else edge


def _describe_wanted(count: int, task: str, keypoints: tuple[int, int] | None) -> str:
    """Return how many numbers a line must have behind its class; empty if it has so many."""
    if task == POSE:
        points, length = keypoints or (0, 0)
        if not keypoints:
            return "`kpt_shape` in its data.yaml, that keypoints can be read"
        wanted = 4 + points * length
        return "" if count == wanted else f"{wanted} values behind its class, as `kpt_shape` says"
    if task == OBB:
        return "" if count == 8 else "8 values behind its class, the corners of an oriented box"
    if count == 4 or (task == SEGMENT and count >= 6 and count % 2 == 0):
        return ""
    more = ", or x and y of three points at least" if task == SEGMENT else ""
    return f"4 values behind its class (x, y, width, height){more}"


def _places(numbers: Sequence[float], length: int) -> list[float]:
    """Return the coordinates of keypoints, without their visibility."""
    return [value for index, value in enumerate(numbers) if index % length < 2]


def _read_keypoints(line: Line, length: int) -> NDArray[np.float64]:
    """Return keypoints (k, 3) as y, x, visibility.

    Raises:
        BadBoxError: If a visibility is not 0, 1 or 2.
    """
    points = np.array(line.numbers[4:], np.float64).reshape(-1, length)
    if length == 3:
        seen = points[:, 2]
        if wrong := [value for value in seen.tolist() if value not in SEEN]:
            must = f"line {line.number} must have 0, 1 or 2 as visibility of each keypoint, got {wrong[0]:g}"
            raise BadBoxError("visibility that is not 0, 1 or 2", must)
    else:
        seen = np.where((points < 0).any(1), 0.0, 2.0)
    return np.stack([points[:, 1], points[:, 0], seen], 1)


# --- writing -------------------------------------------------------------------------------------------


def keep_text(text: str) -> str:
    """Return the `extra` of a box: its numbers as they were read, in which nothing needs an escape."""
    return f"{BEGIN}{text}{END}"


def find_text(extra: str) -> str:
    """Return the numbers of a box as they were read; empty where it was not read from labels."""
    return extra[len(BEGIN) : -len(END)] if extra.startswith(BEGIN) else ""


def write_numbers(shape: Shape, size: tuple[int, int], task: str, keypoints: tuple[int, int] | None) -> str:
    """Return the numbers of an object behind its class.

    Args:
        shape: Its box, outline and keypoints in pixels.
        size: Height and width of its image.
        task: The task of the labels: for `segment` and `obb`, an object without an outline gets its box's.
        keypoints: How many keypoints an object has, and how many numbers each.
    """
    (y0, x0, y1, x1), (height, width) = shape.edges, size
    box = [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
    if task in (SEGMENT, OBB):
        form = shape.outline.form if shape.outline else None
        corners = np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]])
        if task == SEGMENT and isinstance(form, RunLengths):
            ring = outline_pixels(form)
            corners = ring if len(ring) else corners
        elif isinstance(form, Corners) or (task == SEGMENT and isinstance(form, Polygons)):
            corners = join_parts(form) if isinstance(form, Polygons) else form.points
        return " ".join(_write_shares((corners[:, ::-1] / [width, height]).ravel().tolist()))
    texts = _write_shares(box)
    if task == POSE and keypoints:
        outline_points = shape.outline.keypoints if shape.outline else None
        points = np.zeros((keypoints[0], 3))
        if outline_points is not None:
            points[: len(outline_points)] = outline_points[: keypoints[0]]
        for y, x, seen in points.tolist():
            texts += _write_keypoint(x / width, y / height, int(seen), keypoints[1])
    return " ".join(texts)


def _write_keypoint(x: float, y: float, seen: int, length: int) -> list[str]:
    if length == 2:
        return _write_shares([x, y]) if seen else [MISSING, MISSING]
    return [*_write_shares([x, y]), str(seen)]


def _write_shares(values: Iterable[float]) -> list[str]:
    """Return the shortest decimals of shares, without an exponent."""
    # Most lie within: two comparisons take a third of the time of min and max.
    inside = [value if 0 <= value <= 1 else min(max(value, 0.0), 1.0) for value in values]
    texts = [text.rstrip("0") for text in (f"%.{DECIMALS}f " * len(inside) % tuple(inside)).split()]
    return [text + "0" if text[-1] == "." else text for text in texts]


def join_parts(form: Polygons) -> NDArray[np.float64]:
    """Return an outline of several parts as one ring: each part is joined at the nearest corner so far.

    As Ultralytics joins the parts of COCO's outlines: by bridges there and back, which have no area.
    """
    if len(form.parts) == 1:
        return form.points
    stops = np.cumsum(form.parts)[:-1]
    ring, *others = np.split(form.points, stops)
    for part in others:
        part = part if _turns_left(part) == _turns_left(ring) else part[::-1]
        distances = ((ring[:, None] - part[None]) ** 2).sum(2)
        here, there = np.unravel_index(int(distances.argmin()), distances.shape)
        around = np.roll(part, -int(there), 0)
        ring = np.concatenate([ring[: here + 1], around, around[:1], ring[here:]])
    return ring


def _turns_left(ring: NDArray[np.float64]) -> bool:
    """True if a ring runs against the clock, where y runs down."""
    ys, xs = (ring - ring[0]).T
    return bool((xs * np.roll(ys, -1) - ys * np.roll(xs, -1)).sum() < 0)

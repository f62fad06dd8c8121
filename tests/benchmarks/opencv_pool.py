"""What a user would write instead: CutMix with OpenCV in a multiprocessing pool.

python opencv_pool.py SRC DST --workers 2
"""

from __future__ import annotations

import cv2
import numpy as np
from script import QUALITY, Row, Task, place, plan_box, run_script

JPEG = [
    cv2.IMWRITE_JPEG_QUALITY,
    QUALITY,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
]


def read(path: str) -> np.ndarray:
    """Read an image as BGR."""
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"not read: {path}")
    return image


def mix(task: Task) -> Row:
    """Make and write one output."""
    base, partner = read(task.base), read(task.partner)
    height, width = base.shape[:2]
    if partner.shape != base.shape:
        partner = cv2.resize(partner, (width, height), interpolation=cv2.INTER_LINEAR)
    y0, x0, y1, x1, kept = plan_box(height, width, task)
    base[y0:y1, x0:x1] = partner[y0:y1, x0:x1]
    path, row = place(task, kept)
    if not cv2.imwrite(path, base, JPEG):
        raise OSError(f"not written: {path}")
    return row


def use_one_thread() -> None:
    """Keep OpenCV's own threads from competing with the pool's processes."""
    cv2.setNumThreads(1)


if __name__ == "__main__":
    run_script(mix, use_one_thread)

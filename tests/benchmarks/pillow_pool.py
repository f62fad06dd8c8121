"""What a user would write instead: CutMix with Pillow in a multiprocessing pool.

python pillow_pool.py SRC DST --workers 2
"""

from __future__ import annotations

from PIL import Image
from script import QUALITY, Row, Task, place, plan_box, run_script


def read(path: str) -> Image.Image:
    """Read an image as RGB."""
    with Image.open(path) as image:
        if image.mode != "RGB":
            return image.convert("RGB")
        image.load()
        return image


def mix(task: Task) -> Row:
    """Make and write one output."""
    base, partner = read(task.base), read(task.partner)
    width, height = base.size
    if partner.size != base.size:
        partner = partner.resize(base.size, Image.Resampling.BILINEAR)
    y0, x0, y1, x1, kept = plan_box(height, width, task)
    base.paste(partner.crop((x0, y0, x1, y1)), (x0, y0))
    path, row = place(task, kept)
    base.save(path, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return row


if __name__ == "__main__":
    run_script(mix)

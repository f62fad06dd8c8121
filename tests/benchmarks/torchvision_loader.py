"""What a user would write instead: a torchvision `DataLoader`, `v2.CutMix`, and a loop that saves.

    python torchvision_loader.py SRC DST --workers 2

Photos must have one size, since a batch is one tensor. Workers decode; mixing and saving happen in the
main process, as in any such loop. Tensors stay uint8 until JPEG, which is the fast way.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image, write_jpeg
from torchvision.transforms import v2

QUALITY = 95
BATCH = 32


def load(path: str) -> torch.Tensor:
    """Decode a photo to a (3, H, W) uint8 tensor."""
    return decode_image(path, ImageReadMode.RGB)


def main() -> None:
    """Mix and save every photo once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.manual_seed(0)
    photos = ImageFolder(options.source, loader=load)
    loader = DataLoader(photos, batch_size=BATCH, shuffle=True, num_workers=options.workers)
    cutmix = v2.CutMix(alpha=1.0, num_classes=len(photos.classes))
    for name in photos.classes:
        (options.target / name).mkdir(parents=True)
    number = 0
    with (options.target / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        for batch, classes in loader:
            images, labels = cutmix(batch, classes)
            for image, label in zip(images, labels, strict=True):
                name = f"{photos.classes[int(label.argmax())]}/{number:06d}.jpg"
                write_jpeg(image, str(options.target / name), quality=QUALITY)
                table.writerow([name, *label.tolist()])
                number += 1


if __name__ == "__main__":
    main()

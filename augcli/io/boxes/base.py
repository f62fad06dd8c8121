"""What a file or folder of boxes gives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes

BOX_FORMATS = ("coco", "voc")
"""How boxes come and are written: a COCO JSON file, or an XML file of Pascal VOC for each image."""


class BoxFile(NamedTuple):
    """What a file or folder of boxes says.

    Attributes:
        header: What is true of all of its boxes.
        images: The boxes of each image by the name that the file gives it: a POSIX path, for VOC without a
            suffix.
        dropped: How often something was left out, by what: `boxes of no area`, `segmentation`, ...
    """

    header: BoxHeader
    images: dict[str, ImageBoxes]
    dropped: dict[str, int]


EMPTY = ImageBoxes(0, 0, np.empty((0, 4)), (), (), "{}")
"""What an image has of which no file of boxes knows."""

"""Materialize augmented image data sets on disk: exact soft labels, reproducible bytes, codec speed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augcli.annotations import BoxRule
    from augcli.api import materialize, verify
    from augcli.arrays import cutmix, cutout, erase, mixup, patch_cutout, rand_box, smooth_labels
    from augcli.errors import AugcliError
    from augcli.follow import FollowedBoxes
    from augcli.recipe import Recipe
    from augcli.results import Summary, Verification

__version__ = "0.1.0"

_HOMES = {
    "AugcliError": "augcli.errors",
    "BoxRule": "augcli.annotations",
    "FollowedBoxes": "augcli.follow",
    "Recipe": "augcli.recipe",
    "Summary": "augcli.results",
    "Verification": "augcli.results",
    "cutmix": "augcli.arrays",
    "cutout": "augcli.arrays",
    "erase": "augcli.arrays",
    "materialize": "augcli.api",
    "mixup": "augcli.arrays",
    "patch_cutout": "augcli.arrays",
    "rand_box": "augcli.arrays",
    "smooth_labels": "augcli.arrays",
    "verify": "augcli.api",
}

__all__ = [
    "AugcliError",
    "BoxRule",
    "FollowedBoxes",
    "Recipe",
    "Summary",
    "Verification",
    "__version__",
    "cutmix",
    "cutout",
    "erase",
    "materialize",
    "mixup",
    "patch_cutout",
    "rand_box",
    "smooth_labels",
    "verify",
]


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return __all__


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that importing augcli is cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'augcli' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

"""Materialize augmented image data sets on disk: exact soft labels, reproducible bytes, codec speed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augcli.api import diagnose, materialize, merge, preview, verify
    from augcli.arrays.boxes import rand_box
    from augcli.arrays.chains import apply
    from augcli.arrays.holes import cutout, erase, patch_cutout
    from augcli.arrays.labels import smooth_labels
    from augcli.arrays.mixing import cutmix, mixup
    from augcli.arrays.results import FollowedBoxes
    from augcli.errors import AugcliError
    from augcli.pipeline.doctor import Diagnosis
    from augcli.pipeline.results import Summary, Verification
    from augcli.program.annotated import BoxRule
    from augcli.recipe import Recipe
    from augcli.views import diff, show, write_report

__version__ = "0.1.0"

_HOMES = {
    "AugcliError": "augcli.errors",
    "BoxRule": "augcli.program.annotated",
    "Diagnosis": "augcli.pipeline.doctor",
    "FollowedBoxes": "augcli.arrays.results",
    "Recipe": "augcli.recipe",
    "Summary": "augcli.pipeline.results",
    "Verification": "augcli.pipeline.results",
    "apply": "augcli.arrays.chains",
    "cutmix": "augcli.arrays.mixing",
    "cutout": "augcli.arrays.holes",
    "diagnose": "augcli.api",
    "diff": "augcli.views",
    "erase": "augcli.arrays.holes",
    "materialize": "augcli.api",
    "merge": "augcli.api",
    "mixup": "augcli.arrays.mixing",
    "patch_cutout": "augcli.arrays.holes",
    "preview": "augcli.api",
    "rand_box": "augcli.arrays.boxes",
    "show": "augcli.views",
    "smooth_labels": "augcli.arrays.labels",
    "verify": "augcli.api",
    "write_report": "augcli.views",
}

__all__ = [
    "AugcliError",
    "BoxRule",
    "Diagnosis",
    "FollowedBoxes",
    "Recipe",
    "Summary",
    "Verification",
    "__version__",
    "apply",
    "cutmix",
    "cutout",
    "diagnose",
    "diff",
    "erase",
    "materialize",
    "merge",
    "mixup",
    "patch_cutout",
    "preview",
    "rand_box",
    "show",
    "smooth_labels",
    "verify",
    "write_report",
]


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return __all__


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that importing augcli is cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'augcli' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)

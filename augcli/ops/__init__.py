"""The operations: one file each, found by themselves. `OPERATIONS` maps their names to their classes."""

import importlib
import pkgutil

from augcli.ops.base import OPERATIONS, Operation

for _module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

__all__ = ["OPERATIONS", "Operation"]

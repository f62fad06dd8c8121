"""What the input means: data sets as their samples, labels, masks and boxes.

A reader is one module of this package; all are found by themselves.
"""

import importlib
import pkgutil

for _module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

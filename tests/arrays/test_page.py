"""The guide's page on Python: its table of functions is that of the code."""

from __future__ import annotations

import dataclasses
import inspect
import re

import numpy as np
import pytest

import augcli
from tests.pages import read_page

IMAGES = np.zeros((2, 16, 16, 3), np.uint8)
RESULTS = {
    "cutmix": lambda: augcli.cutmix(IMAGES),
    "mixup": lambda: augcli.mixup(IMAGES),
    "cutout": lambda: augcli.cutout(IMAGES),
    "erase": lambda: augcli.erase(IMAGES),
    "patch_cutout": lambda: augcli.patch_cutout(IMAGES),
    "apply": lambda: augcli.apply({}, IMAGES),
}


def find_row(name):
    """The arguments and the results that the page gives a function."""
    (row,) = re.findall(rf"^\| `{name}\((.*)\)` \| (.*) \|$", read_page("python"), re.MULTILINE)
    return row


@pytest.mark.parametrize("name", [*RESULTS, "smooth_labels", "rand_box"])
def test_the_page_names_every_argument_of_a_function(name):
    written = [part.split("=")[0] for part in find_row(name)[0].split(", ") if part != "*"]
    assert written == list(inspect.signature(getattr(augcli, name)).parameters)


@pytest.mark.parametrize("name", RESULTS)
def test_the_page_names_everything_that_a_function_gives(name):
    held = {field.name for field in dataclasses.fields(RESULTS[name]())}
    if name == "mixup":
        held.discard("boxes")  # which are None
    assert set(re.findall(r"\.(\w+)", find_row(name)[1])) == held

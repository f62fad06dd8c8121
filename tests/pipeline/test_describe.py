"""What tables say of an output."""

from __future__ import annotations

import pytest
from blake3 import blake3

from augcli.io.records.part_files import PRIVATE, ROW_SCHEMA, Output
from augcli.pipeline.worker.describe import Naming, describe_output
from augcli.pipeline.worker.values import Loaded, Made, OutputPlan
from augcli.program.steps import Box, Fill, Paste
from augcli.rng import hash_key
from augcli.samples import Colour, SoftLabel

CAT, DOG = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
SEEDS = (7, 8)
"""Of the hashes in the names of what is changed, and of originals."""

FLAT = Naming("{}{}{}".format, None, "cutmix", *SEEDS)
FOLDERS = Naming("images/{}{}{}".format, ("cat", "dog"), "cutmix", *SEEDS)
THREE_QUARTERS = Paste(Box(0, 0, 8, 6), 0)
"""Of 8x8 pixels a partner holds 48."""


def describe(keys, labels, naming=FLAT, name="a/x.png", data=b"data", **plan):
    plan = OutputPlan(**{"copy": 0} | plan)
    made = Made(Loaded(0, name=name), plan, data=data, suffix="jpg", height=8, width=8)
    return describe_output(made, keys, labels, naming)


def test_the_label_is_counted_from_the_steps():
    output = describe(["a", "b"], [CAT, DOG], steps=(THREE_QUARTERS,), kinds=("cutmix",))
    assert (output.lam, output.label, output.visible) == (0.25, 1, 0)
    assert (output.classes, output.weights) == ((0, 1), (0.25, 0.75))
    assert output.sources == (((0,), (1.0,)), ((1,), (1.0,)))


def test_rows_have_the_columns_of_part_files_in_their_order():
    own = [name.removeprefix(PRIVATE) for name in ROW_SCHEMA.names]
    assert list(Output._fields) == own


def test_an_unlabelled_output_has_no_label_and_no_folder():
    output = describe(["a"], [None], FOLDERS)
    assert (output.label, output.classes, output.weights, output.sources) == (None, None, None, (None,))
    assert output.file_name.startswith("images/x__cutmix0-")


def test_the_name_holds_stem_recipe_copy_and_the_hash_of_the_key():
    assert describe(["a/x.png"], [CAT], copy=3).file_name == f"x__cutmix3-{hash_key('a/x.png', 7):016x}.jpg"


def test_the_folder_is_that_of_the_dominant_class():
    output = describe(["a", "b"], [CAT, DOG], FOLDERS, steps=(THREE_QUARTERS,))
    assert output.file_name.startswith("images/dog/x__cutmix0-")


def test_an_original_is_named_so():
    output = describe(["a"], [CAT], copy=-1)
    assert (output.op, output.copy) == ("original", -1)
    assert output.file_name == f"x__original-1-{hash_key('a', 8):016x}.jpg"


@pytest.mark.parametrize(
    ("kinds", "op"), [((), "none"), (("cutout",), "cutout"), (("cutout", "cutmix"), "cutout+cutmix")]
)
def test_what_was_applied_is_joined(kinds, op):
    assert describe(["a"], [CAT], kinds=kinds).op == op


def test_reasons_are_joined():
    assert describe(["a"], [CAT], reasons=("cutmix: empty box", "mixup: lam is 1")).reason == (
        "cutmix: empty box; mixup: lam is 1"
    )


def test_keys_that_are_no_text_are_written_printable_and_hashed_as_they_are():
    key = "a\udcff.png"
    output = describe([key, "b\udcfe.png"], [CAT, DOG], name=key)
    assert (output.source, output.partners) == ("a%FF.png", ("b%FE.png",))
    assert output.file_name == f"a%FF__cutmix0-{hash_key(key, 7):016x}.jpg"


def test_bytes_and_hash_are_the_files():
    output = describe(["a"], [CAT], data=b"some bytes", steps=(Fill(Box(0, 0, 8, 8), Colour(0, 0, 0)),))
    assert (output.bytes, output.hash) == (10, blake3(b"some bytes").hexdigest(length=16))
    assert (output.height, output.width, output.lam) == (8, 8, 1.0)
    assert (output.classes, output.weights) == ((0,), (1.0,))

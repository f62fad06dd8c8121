"""Tables: what is read as labels, what commits a chunk, and the exact text and types of what is written."""

from __future__ import annotations

import csv
import io
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import augcli
from augcli.errors import PlanError
from augcli.io.records.label_columns import TableOptions, finish_rows
from augcli.io.records.part_files import SOURCES, Output, rows_to_table
from augcli.io.records.step_columns import label_rows, read_label, read_program, step_rows
from augcli.io.writers.labels_csv import fill_labels_csv
from augcli.ops.cutmix import CutMix
from augcli.program.steps import Blend, Box, Fill, Normal, Paste, Patches, Uniform
from augcli.recipe import Choice, Entry, Recipe, single
from augcli.samples import Colour, Colour16, SoftLabel

HEADER = (
    "file_name,label,label_name,weight,label2,label2_name,weight2,"
    "lam,op,copy,applied,source,source2,x0,y0,x1,y1"
)
CAT, DOG = SoftLabel((0,), (1.0,)), SoftLabel((1,), (1.0,))
PASTED, MIXED = (Paste(Box(1, 2, 5, 5), 0),), SoftLabel((0, 1), (0.7, 0.3))


def make_output(steps=PASTED, exact=MIXED, labels=(CAT, DOG), **changes) -> Output:
    """One row of a CutMix: a box of 4 rows and 3 columns in 5x8 pixels, 28 of 40 kept."""
    values = {
        "file_name": "cat/a__cutmix0-0123456789abcdef.png",
        "source": "cat/a.png",
        "partners": ("dog/b.png",),
        "op": "cutmix",
        "copy": 0,
        "reason": "",
        "label": 0,
        "lam": 0.7,
        "height": 5,
        "width": 8,
        "bytes": 99,
        "hash": "00ff",
        "visible": 0,
        "applied": bool(steps),
        "steps": step_rows(steps),
        "classes": exact and exact.classes,
        "weights": exact and exact.weights,
        "sources": label_rows(labels),
    }
    return Output(**(values | changes))


def make_unmixed(**changes) -> Output:
    facts = {"partners": (), "op": "none", "reason": "not drawn", "steps": (), "visible": None}
    facts["labels"] = (CAT,)
    return make_output(**(facts | {"exact": CAT, "lam": 1.0} | changes))


@pytest.fixture
def csv_text(tmp_path):
    """Write rows as labels.csv and give its text, undecoded line ends and all."""

    def write(outputs, classes=("cat", "dog"), options=None) -> str:
        path = tmp_path / "labels.csv"
        with path.open("wb") as file, fill_labels_csv(file, classes, options or TableOptions()) as add:
            for chunk in outputs:
                add(rows_to_table(chunk if isinstance(chunk, list) else [chunk]))
        return path.read_bytes().decode("utf-8")

    return write


@pytest.fixture
def csv_row(csv_text):
    """The only row of a labels.csv as a mapping."""

    def read(output, classes=("cat", "dog"), options=None) -> dict[str, str]:
        (row,) = csv.DictReader(csv_text([output], classes, options).splitlines())
        return row

    return read


# labels.csv -----------------------------------------------------------------------------------------------


def test_csv_of_a_mixed_row_is_exact_to_the_byte(csv_text):
    assert csv_text([make_output()]) == (
        f"{HEADER},p:cat,p:dog\n"
        "cat/a__cutmix0-0123456789abcdef.png,0,cat,0.7,1,dog,0.3,"
        "0.7,cutmix,0,true,cat/a.png,dog/b.png,2,1,5,5,0.7,0.3\n"
    )


def test_csv_of_an_unmixed_row_leaves_second_class_partner_and_box_empty(csv_text):
    assert csv_text([make_unmixed(copy=-1, op="original")]) == (
        f"{HEADER},p:cat,p:dog\n"
        "cat/a__cutmix0-0123456789abcdef.png,0,cat,1.0,,,,1.0,original,-1,false,cat/a.png,,,,,,1.0,0.0\n"
    )


def test_csv_of_an_unlabelled_row_leaves_all_label_cells_empty(csv_text):
    assert csv_text([make_unmixed(label=None, exact=None)]) == (
        f"{HEADER},p:cat,p:dog\ncat/a__cutmix0-0123456789abcdef.png,,,,,,,1.0,none,0,false,cat/a.png,,,,,,,\n"
    )


def test_csv_without_classes_has_no_weight_columns(csv_text):
    assert csv_text([make_unmixed(label=None, exact=None)], classes=()).splitlines()[0] == HEADER


def test_csv_lines_end_in_lf_alone(csv_text):
    text = csv_text([make_output(), make_unmixed()])
    assert text.count("\n") == 3
    assert "\r" not in text


def test_csv_is_utf8_without_a_byte_order_mark(csv_text, tmp_path):
    csv_text([make_output(file_name="naïve/é.png")], classes=("naïve", "x"))
    data = (tmp_path / "labels.csv").read_bytes()
    assert data.startswith(b"file_name,")
    assert b"na\xc3\xafve/\xc3\xa9.png,0,na\xc3\xafve," in data


def test_csv_quotes_commas_and_doubles_quotes(csv_text):
    text = csv_text([make_output(source="a,b.png")], classes=('say "x"', "dog"))
    assert text.splitlines()[0].endswith(',"p:say ""x""",p:dog')
    assert ',"say ""x""",0.7,' in text
    assert ',true,"a,b.png",dog/b.png,' in text


def test_csv_quotes_a_line_break_inside_a_name(csv_text):
    assert ',true,"a\nb.png",dog/b.png,' in csv_text([make_output(source="a\nb.png")])


@pytest.mark.parametrize("weight", [1 / 3, 0.1 + 0.2, 1 - 2**-53, 1e-7, 5 / 7])
def test_csv_floats_are_the_shortest_that_read_back_the_same(csv_row, weight):
    cell = csv_row(make_output(lam=weight))["lam"]
    assert float(cell) == weight
    digits = cell.lower().split("e")[0].replace(".", "").lstrip("0").rstrip("0")
    # One significant digit less is another number.
    assert len(digits) == 1 or float(f"{weight:.{len(digits) - 2}e}") != weight


def write_plainly(outputs, programs, classes, options) -> str:
    """labels.csv row by row, as `csv` writes it: with CRLF, else it leaves a CR in a cell unquoted."""
    dense = options.is_dense(len(classes)) and bool(classes)
    lines = []
    for output, program in zip(outputs, programs, strict=True):
        label, weights = output.label, [0.0] * len(classes)
        for index, weight in zip(output.classes or (), output.weights or (), strict=True):
            weights[index] = weight
        if options.smoothing:
            share = options.smoothing / len(classes)
            weights = [weight * (1 - options.smoothing) + share for weight in weights]
        names, numbers = [""] * 6, [""] * len(classes)
        if label is not None:
            numbers = [repr(weight) for weight in weights]
            others = [index for index in range(len(classes)) if index != label and weights[index] > 0]
            names = [label, classes[label], numbers[label], "", "", ""]
            if others:
                second = max(others, key=lambda index: (weights[index], -index))
                names[3:] = [second, classes[second], numbers[second]]
        boxes = [step.area for step in program if isinstance(step, Paste) and isinstance(step.area, Box)]
        box = [boxes[0].x0, boxes[0].y0, boxes[0].x1, boxes[0].y1] if boxes else [""] * 4
        partner = "" if output.visible is None else output.partners[output.visible]
        line = [output.file_name, *names, repr(output.lam), output.op, output.copy]
        line += [str(bool(program)).lower(), output.source, partner, *box]
        lines.append(line + numbers if dense else line)
    written = []
    for line in [[*HEADER.split(","), *(f"p:{name}" for name in classes if dense)], *lines]:
        text = io.StringIO()
        csv.writer(text).writerow(line)
        written.append(text.getvalue().removesuffix("\r\n") + "\n")
    return "".join(written)


ODD = ("plain", "", " a b ", 'say "x"', "a,b", "c\nd", "e\rf", "\r\n", "'", "é, \u2028", '"', "null")


@pytest.mark.parametrize(
    "options", [TableOptions(), TableOptions(0.1), TableOptions(0.0, soft_labels="pair")]
)
@pytest.mark.parametrize("classes", [ODD, ODD[2:3], ODD[3:5]])
def test_csv_is_what_a_plain_writer_gives_row_by_row(csv_text, classes, options):
    draws, outputs = random.Random(len(classes)), []
    programs = [
        (),
        (Fill(Box(0, 0, 2, 2), Colour(1, 2, 3)),),
        (Fill(Box(0, 0, 1, 1), Colour(0, 0, 0)), Paste(Box(3, 1, 4, 7), 1), Paste(Box(0, 0, 5, 8), 0)),
        (Paste(Patches(2, 2, b"\x01"), 0), Blend(Box(1, 1, 2, 2), 7, 1)),
    ]
    for number in range(60):
        chosen = sorted(draws.sample(range(len(classes)), draws.randint(1, min(3, len(classes)))))
        parts = [draws.random() + 0.1 for _ in chosen]
        exact = SoftLabel(tuple(chosen), tuple(part / sum(parts) for part in parts))
        label = None if number % 7 == 0 else chosen[0]
        outputs.append(
            make_output(
                file_name=draws.choice(ODD) + f"{number}.png",
                source=draws.choice(ODD),
                partners=(draws.choice(ODD), draws.choice(ODD)),
                visible=draws.choice([None, 0, 1]),
                steps=programs[number % len(programs)],
                op=draws.choice(["cutmix", "cutout+mixup"]),
                copy=draws.randint(-1, 11),
                label=label,
                exact=None if label is None else exact,
                labels=(None, CAT, None),
                lam=draws.random(),
            )
        )
    expected = write_plainly(outputs, programs * 15, classes, options)
    assert csv_text(outputs, classes, options) == expected
    assert csv_text([outputs], classes, options) == expected


def test_csv_second_class_is_the_heaviest_of_the_others(csv_row):
    output = make_output(exact=SoftLabel((0, 1, 2), (0.5, 0.2, 0.3)))
    row = csv_row(output, ("cat", "dog", "emu"))
    assert (row["label2"], row["label2_name"], row["weight2"]) == ("2", "emu", "0.3")


def test_csv_second_class_of_equal_ones_has_the_lowest_index(csv_row):
    output = make_output(exact=SoftLabel((0, 1, 2), (0.5, 0.25, 0.25)))
    assert csv_row(output, ("cat", "dog", "emu"))["label2"] == "1"


def test_csv_first_class_is_the_dominant_one_where_two_are_equal(csv_row):
    output = make_output(label=1, exact=SoftLabel((0, 1), (0.5, 0.5)))
    row = csv_row(output)
    assert (row["label"], row["label2"]) == ("1", "0")


def test_csv_is_without_weight_columns_for_pairs(csv_text):
    assert csv_text([make_output()], options=TableOptions(soft_labels="pair")).splitlines()[0] == HEADER


def test_csv_has_a_weight_column_for_each_of_256_classes(csv_text):
    names = tuple(f"c{i:03d}" for i in range(256))
    assert csv_text([make_output()], names).splitlines()[0].split(",")[17:] == [f"p:{name}" for name in names]


def test_csv_has_no_weight_columns_for_257_classes(csv_text):
    assert csv_text([make_output()], tuple(f"c{i:03d}" for i in range(257))).splitlines()[0] == HEADER


def test_csv_has_weight_columns_for_257_classes_when_asked(csv_text):
    names = tuple(f"c{i:03d}" for i in range(257))
    header = csv_text([make_output()], names, TableOptions(soft_labels="dense")).splitlines()[0]
    assert header.count(",p:") == 257


def test_csv_box_is_that_of_the_first_paste(csv_row):
    steps = (
        Fill(Box(0, 0, 1, 1), Colour(0, 0, 0)),
        Paste(Box(1, 2, 3, 4), 0),
        Paste(Box(0, 0, 2, 2), 1),
    )
    row = csv_row(make_output(steps=steps, partners=("dog/b.png", "dog/c.png")))
    assert [row[edge] for edge in ("x0", "y0", "x1", "y1")] == ["2", "1", "4", "3"]


def test_csv_has_no_box_for_a_blend(csv_row):
    row = csv_row(make_output(op="mixup", steps=(Blend(Box(0, 0, 5, 8), 45875, 0),)))
    assert [row[edge] for edge in ("x0", "y0", "x1", "y1")] == ["", "", "", ""]
    assert row["source2"] == "dog/b.png"


def test_csv_second_source_is_empty_where_no_partner_has_pixels(csv_row):
    # A blend that keeps the base whole reads its partner, and nothing of it is left.
    output = make_output(steps=(Blend(Box(0, 0, 5, 8), 65536, 0),), exact=CAT, lam=1.0, visible=None)
    assert csv_row(output)["source2"] == ""


def test_csv_second_source_is_the_first_partner_that_still_has_pixels(make_folder, tmp_path):
    entries = tuple(Entry((Choice(CutMix(alpha=1.0)),)) for _ in range(3))
    augcli.materialize(make_folder({"cat": 6, "dog": 6}), tmp_path / "dst", Recipe(entries=entries, copies=3))
    with (tmp_path / "dst" / "labels.csv").open(encoding="utf-8", newline="") as file:
        shown = [row["source2"] for row in csv.DictReader(file)]
    covered = 0
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    for row, second in zip(rows, shown, strict=True):
        owner = np.full((row["height"], row["width"]), -1)
        for step in row["steps"]:
            owner[step["y0"] : step["y1"], step["x0"] : step["x1"]] = step["slot"]
        left = [partner for slot, partner in enumerate(row["partners"]) if (owner == slot).any()]
        assert second == (left[0] if left else "")
        covered += bool(left) and left[0] != row["partners"][0]
    assert covered > 0


# Smoothing ------------------------------------------------------------------------------------------------

QUARTERS = SoftLabel((0, 2), (0.75, 0.25))
# ε = 0.1 over 4 classes. Uniform: 0.9·y + 0.025. Others: 0.9·y + 0.1·(1 - y)/3.
SMOOTHED = [
    ("uniform", [0.7, 0.025, 0.25, 0.025]),
    ("others", [0.675 + 0.025 / 3, 0.1 / 3, 0.25, 0.1 / 3]),
]


@pytest.mark.parametrize(("form", "expected"), SMOOTHED)
def test_soft_labels_are_smoothed_over_all_classes(form, expected):
    rows = rows_to_table([make_output(exact=QUARTERS)])
    table = finish_rows(rows, 4, TableOptions(0.1, form))
    # float32 keeps 24 bits.
    assert table.column("soft_label")[0].as_py() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("form", "expected"), SMOOTHED)
def test_csv_weights_are_smoothed(csv_row, form, expected):
    row = csv_row(make_output(exact=QUARTERS), ("a", "b", "c", "d"), TableOptions(0.1, form))
    # Rounded a few times on the way.
    assert [float(row[f"p:{name}"]) for name in "abcd"] == pytest.approx(expected, abs=1e-12)
    assert float(row["weight"]) == pytest.approx(expected[0], abs=1e-12)
    assert float(row["weight2"]) == pytest.approx(expected[2], abs=1e-12)


@pytest.mark.parametrize("form", ["uniform", "others"])
def test_smoothing_leaves_the_exact_columns_alone(form):
    rows = rows_to_table([make_output(exact=QUARTERS)])
    table = finish_rows(rows, 4, TableOptions(0.1, form))
    assert table.column("classes")[0].as_py() == [0, 2]
    assert table.column("weights")[0].as_py() == [0.75, 0.25]


def test_soft_label_of_an_unlabelled_row_is_null():
    table = finish_rows(rows_to_table([make_output(label=None, exact=None)]), 2, TableOptions())
    assert table.column("soft_label").to_pylist() == [None]


def test_soft_label_stands_behind_label():
    names = finish_rows(rows_to_table([make_output()]), 2, TableOptions()).column_names
    assert names[names.index("label") + 1] == "soft_label"


@pytest.mark.parametrize(
    ("classes", "asked", "has_column"),
    [(256, None, True), (257, None, False), (257, "dense", True), (2, "pair", False), (0, None, False)],
)
def test_soft_label_is_dense_up_to_256_classes_or_as_asked(classes, asked, has_column):
    table = finish_rows(rows_to_table([make_output()]), classes, TableOptions(soft_labels=asked))
    assert ("soft_label" in table.column_names) == has_column


# metadata.parquet -----------------------------------------------------------------------------------------

TYPES = {
    "file_name": pa.string(),
    "label": pa.int64(),
    "soft_label": pa.list_(pa.float32()),
    "classes": pa.list_(pa.int64()),
    "weights": pa.list_(pa.float64()),
    "lam": pa.float64(),
    "source": pa.string(),
    "partners": pa.list_(pa.string()),
    "op": pa.string(),
    "copy": pa.int32(),
    "applied": pa.bool_(),
    "reason": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "bytes": pa.int64(),
    "hash": pa.string(),
}
"""The Columns table of formats.md, `steps` aside."""


@pytest.fixture
def output(make_folder, tmp_path):
    src = make_folder({"cat": 4, "dog": 4})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0)))
    return tmp_path / "dst"


def test_metadata_columns_have_the_documented_types(output):
    schema = pq.read_schema(output / "metadata.parquet")
    assert {field.name: field.type for field in schema if field.name != "steps"} == TYPES


def test_metadata_steps_are_a_list_of_structs_with_every_field_of_every_step(output):
    kind = pq.read_schema(output / "metadata.parquet").field("steps").type
    assert pa.types.is_list(kind)
    assert {field.name: field.type for field in kind.value_type} == {
        "kind": pa.string(),
        "bitmap": pa.binary(),
        **dict.fromkeys(["y0", "x0", "y1", "x1", "patch_height", "patch_width"], pa.int32()),
        **dict.fromkeys(["slot", "weight_q16", "red", "green", "blue"], pa.int32()),
        **dict.fromkeys(["source_y0", "source_x0", "source_y1", "source_x1"], pa.int32()),
        "noise": pa.string(),
        "key": pa.uint64(),
        **dict.fromkeys(["mean", "std"], pa.list_(pa.float64())),
    }


def test_metadata_fields_are_nullable(output):
    assert all(field.nullable for field in pq.read_schema(output / "metadata.parquet"))


def test_metadata_bears_hugging_face_features_under_info(output):
    metadata = pq.read_schema(output / "metadata.parquet").metadata
    document = json.loads(metadata[b"huggingface"])
    assert list(document) == ["info"]
    features = document["info"]["features"]
    assert set(features) == {*TYPES, "steps"}
    assert features["label"] == {"names": ["cat", "dog"], "_type": "ClassLabel"}
    assert features["soft_label"] == {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"}
    assert features["lam"] == {"dtype": "float64", "_type": "Value"}


def test_metadata_without_classes_has_no_class_label(make_folder, tmp_path):
    augcli.materialize(make_folder({"": 2}), tmp_path / "dst", augcli.Recipe())
    schema = pq.read_schema(tmp_path / "dst" / "metadata.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"] == {"dtype": "int64", "_type": "Value"}
    assert "soft_label" not in schema.names


def test_metadata_of_pairs_leaves_soft_label_out(make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(alpha=1.0), soft_labels="pair"))
    schema = pq.read_schema(tmp_path / "dst" / "metadata.parquet")
    assert "soft_label" not in schema.names
    assert "soft_label" not in json.loads(schema.metadata[b"huggingface"])["info"]["features"]


def test_rows_stand_by_source_key(output):
    sources = pq.read_table(output / "metadata.parquet").column("source").to_pylist()
    assert sources == [f"{name}/{i}.png" for name in ("cat", "dog") for i in range(4)]


def test_both_tables_hold_the_same_rows_in_the_same_order(output):
    with (output / "labels.csv").open(encoding="utf-8", newline="") as file:
        names = [row["file_name"] for row in csv.DictReader(file)]
    assert names == pq.read_table(output / "metadata.parquet").column("file_name").to_pylist()


# Steps ----------------------------------------------------------------------------------------------------


def step_to_row(step):
    row = rows_to_table([make_output(steps=(step,))]).column("steps")[0].as_py()[0]
    return {name: value for name, value in row.items() if value is not None}


def test_row_of_a_paste_from_a_part_of_the_partner():
    assert step_to_row(Paste(Box(1, 2, 3, 4), 1, Box(5, 6, 7, 8))) == {
        "kind": "paste", "y0": 1, "x0": 2, "y1": 3, "x1": 4, "slot": 1,
        "source_y0": 5, "source_x0": 6, "source_y1": 7, "source_x1": 8,
    }  # fmt: skip


def test_row_of_a_blend():
    row = step_to_row(Blend(Box(0, 0, 3, 4), 1234, 0))
    assert row == {"kind": "blend", "y0": 0, "x0": 0, "y1": 3, "x1": 4, "slot": 0, "weight_q16": 1234}


def test_row_of_a_fill_of_patches():
    assert step_to_row(Fill(Patches(2, 3, b"\1\0"), Colour(7, 8, 9))) == {
        "kind": "fill", "patch_height": 2, "patch_width": 3, "bitmap": b"\1\0",
        "red": 7, "green": 8, "blue": 9,
    }  # fmt: skip


def test_row_of_noise():
    area = {"kind": "fill", "y0": 0, "x0": 0, "y1": 3, "x1": 4}
    key = 2**64 - 1
    assert step_to_row(Fill(Box(0, 0, 3, 4), Uniform(key))) == area | {"noise": "uniform", "key": key}
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.2, 0.1)
    assert step_to_row(Fill(Box(0, 0, 3, 4), Normal(1, mean, std))) == area | {
        "noise": "normal", "key": 1, "mean": list(mean), "std": list(std),
    }  # fmt: skip


# --- reading part rows back ----------------------------------------------------------------------------

PROGRAMS = [
    (),
    (Paste(Box(1, 2, 5, 5), 0),),
    (Paste(Box(0, 0, 5, 8), 1, Box(1, 2, 3, 4)), Blend(Box(0, 0, 5, 8), 12345, 0)),
    (Fill(Box(0, 0, 2, 2), Colour(1, 2, 3)), Fill(Patches(3, 4, b"\x01\x00\x00\x01"), Uniform(2**64 - 1))),
    (Fill(Box(0, 0, 2, 2), Colour16(0, 1000, 65535)),),
    (Fill(Box(0, 0, 2, 2), Normal(7, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6))),),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_read_back_from_its_row(program):
    (steps,) = rows_to_table([make_output(steps=program)]).column("steps").to_pylist()
    assert read_program(steps) == program


def test_the_labels_of_sources_are_read_back_from_their_row():
    soft = SoftLabel((0, 3), (0.25, 0.75))
    (labels,) = rows_to_table([make_output(labels=(CAT, None, soft))]).column(SOURCES).to_pylist()
    assert [read_label(label) for label in labels] == [CAT, None, soft]


def test_a_row_that_holds_no_program_is_refused():
    (steps,) = rows_to_table([make_output()]).column("steps").to_pylist()
    with pytest.raises(PlanError, match="a box needs"):
        read_program([steps[0] | {"y0": 9}])

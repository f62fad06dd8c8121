"""A new box format is one module that registers it: it is read, followed, written and verified."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from augcli.io.boxes.base import BoxFile, box_formats, register
from augcli.program.annotated import BoxHeader
from augcli.samples import ImageBoxes

HEADER = ["file", "x", "y", "w", "h", "name"]
ROWS = [
    ["0.png", "1", "2", "3", "4", "cat"],
    ["1.png", "0", "0", "5", "5", "dog"],
    ["1.png", "6", "1", "2", "3", "cat"],
]


class CsvBoxes:
    """Boxes as lines of a CSV file: `file,x,y,w,h,name`."""

    name = "csv"
    accepts = "a CSV file"
    names_have_suffix = True
    file_per_image = False
    suffix = ".csv"

    def is_own(self, boxes) -> bool:
        return boxes.name.endswith(".csv")

    def read(self, boxes, bad_boxes) -> BoxFile:
        lines = list(csv.DictReader(io.StringIO(boxes.read().decode())))
        names = tuple(sorted({line["name"] for line in lines}))
        images = {}
        for file in dict.fromkeys(line["file"] for line in lines):
            own = [line for line in lines if line["file"] == file]
            sides = [tuple(float(line[key]) for key in "xywh") for line in own]
            edges = np.array([(y, x, y + h, x + w) for x, y, w, h in sides])
            categories = tuple(names.index(line["name"]) for line in own)
            images[file] = ImageBoxes(0, 0, edges, categories, ("{}",) * len(own), "{}")
        return BoxFile(BoxHeader(self.name, names, {}), images, {})

    def write(self, file, header, images) -> None:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(HEADER)
        for image in images:
            for box in image.boxes:
                y0, x0, y1, x1 = (round(edge) for edge in box.edges)
                writer.writerow([image.file_name, x0, y0, x1 - x0, y1 - y0, header.names[box.category]])
        text.detach()


@pytest.fixture(params=[False, True], ids=["one file", "file for each image"])
def box_format(request):
    box_format = CsvBoxes()
    box_format.file_per_image = request.param
    register(box_format)
    yield box_format
    del box_formats()["csv"]


@pytest.fixture
def call(cli):
    """Call the program in this process; gives (exit code, stdout, stderr)."""

    def call_program(*arguments):
        done = cli(*arguments)
        return done.returncode, done.stdout, done.stderr

    return call_program


@pytest.fixture
def inputs(make_folder, tmp_path):
    """Images of 8x10 pixels and their boxes."""
    with (tmp_path / "boxes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *ROWS])
    return make_folder({"": 3}), tmp_path / "boxes.csv"


def written(dst, names):
    """The boxes below a directory of an output, by the names of their images."""
    paths = (
        [dst / "annotations.csv"] if (dst / "annotations.csv").exists() else (dst / "annotations").glob("*")
    )
    lines = [line for path in paths for line in csv.reader(path.open(newline="")) if line != HEADER]
    return sorted([names[file], *rest] for file, *rest in lines)


@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_boxes_are_read_and_written_in_it(box_format, inputs, call, tmp_path, layout):
    src, boxes = inputs
    dst = tmp_path / "dst"
    options = ["--workers", "1", "--p", "0", "--quiet", "--format", layout, "--boxes", boxes]
    code, out, err = call("erase", *options, src, dst)
    assert (code, out) == (0, ""), err
    table = dst / "metadata.parquet" if layout == "folder" else next((dst / "data").iterdir())
    rows = pq.read_table(table).to_pylist()
    names = {(row.get("file_name") or row["image"]["path"]).split("/")[-1]: row["source"] for row in rows}
    assert written(dst, names) == sorted(ROWS)
    assert json.loads((dst / "augcli.json").read_text())["annotations"]["boxes"]["form"] == "csv"
    assert len(list((dst).rglob("annotations.csv"))) == (not box_format.file_per_image)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_its_output_is_verified_and_damage_is_found(box_format, inputs, call, tmp_path, layout):
    src, boxes = inputs
    dst = tmp_path / "dst"
    call("cutout", "--workers", "1", "--format", layout, "--boxes", boxes, src, dst)
    code, out, err = call("verify", "--workers", "1", "--against", src, "--boxes", boxes, dst)
    assert (code, err) == (0, ""), out
    path = next(path for path in dst.rglob("*.csv") if "labels" not in path.name)
    path.write_bytes(path.read_bytes() + b"x")
    code, out, _ = call("verify", "--workers", "1", dst)
    assert code != 0
    assert path.relative_to(dst).as_posix() in out


@pytest.mark.parametrize("box_format", [False], indirect=True)
def test_messages_name_it_among_what_is_read(box_format, inputs, call, tmp_path):
    src, _ = inputs
    code, _, err = call("cutout", "--boxes", tmp_path / "none", src, tmp_path / "dst")
    known = "give a COCO JSON file or a folder of VOC XML or a CSV file"
    assert (code, err) == (4, f"augcli: boxes '{tmp_path}/none' do not exist; {known}\n")

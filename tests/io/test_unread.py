"""Annotations beside images that nobody reads by itself: named, with what reads them."""

import json

import pytest
from PIL import Image

from augcli.errors import Note, Spelling
from augcli.input_files import InputFiles
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source

COCO = json.dumps(
    {
        "images": [{"id": 0, "file_name": "0.jpg", "width": 8, "height": 8}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 1, 3, 3]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
)
BOUNDS = "<bndbox><xmin>2</xmin><ymin>2</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
VOC = f"<annotation><object><name>cat</name>{BOUNDS}</object></annotation>"
LINE = "0 0.5 0.5 0.25 0.5\n"
CONVERT = "convert it to COCO, and give --boxes FILE"


@pytest.fixture
def put(tmp_path):
    """Write images where the value is None, else texts; gives SRC."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                Image.new("RGB", (8, 8)).save(path)
            else:
                path.write_text(text)
        return tmp_path / "src"

    return write


def read(root, **given):
    return open_source(str(root), Selection(InputFiles.of(**given)))


def said(root, source):
    notes = [note.spell(Spelling.FLAG) if isinstance(note, Note) else note for note in source.notes]
    return "\n".join(notes).replace(str(root), "SRC")


FOUND = {
    "flat COCO": ({"0.jpg": None, "a.json": COCO}, "--boxes SRC/a.json"),
    "COCO of splits": (
        {
            "train2017/0.jpg": None,
            "val2017/0.jpg": None,
            "annotations/captions_train2017.json": COCO,
            "annotations/instances_train2017.json": COCO,
            "annotations/instances_val2017.json": COCO,
        },
        "--boxes train2017=SRC/annotations/instances_train2017.json"
        " --boxes val2017=SRC/annotations/instances_val2017.json",
    ),
    "COCO in splits": (
        {"train/images/0.jpg": None, "val/images/0.jpg": None, "train/a.json": COCO, "val/a.json": COCO},
        "--boxes train=SRC/train/a.json --boxes val=SRC/val/a.json",
    ),
    "VOC beside images": ({"train/0.jpg": None, "train/0.xml": VOC, "test/0.jpg": None}, "--boxes SRC"),
    "VOC apart": ({"images/0.jpg": None, "labels/0.xml": VOC}, "--boxes SRC/labels"),
    "VOC in splits": (
        {
            "train/images/0.jpg": None,
            "val/images/0.jpg": None,
            "train/xml/0.xml": VOC,
            "val/xml/0.xml": VOC,
        },
        "--boxes train=SRC/train/xml --boxes val=SRC/val/xml",
    ),
}


@pytest.mark.parametrize(("files", "cure"), FOUND.values(), ids=FOUND)
def test_boxes_that_are_not_read_are_named_with_a_cure_that_works(put, files, cure):
    root = put(files)
    assert f"which are not read; give {cure}\n" in said(root, read(root)) + "\n"
    given = [word.replace("SRC", str(root)) for word in cure.split() if word != "--boxes"]
    source = read(root, boxes=given if "=" in given[0] else given[0])
    assert sum(len(boxes.edges) for boxes in source.catalogues[-1].boxes if boxes) == 1
    assert "which are not read; give" not in said(root, source)


def test_boxes_of_splits_are_one_argument_in_python(put):
    root = put(FOUND["VOC in splits"][0])
    [note] = [note for note in read(root).notes if "not read; give" in str(note)]
    assert str(note).endswith(f"give boxes=['train={root}/train/xml', 'val={root}/val/xml']")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("0.json", '{"version": "5", "shapes": [], "imagePath": "0.jpg"}', "LabelMe"),
        ("a.json", '[{"image": "0.jpg", "annotations": [{"coordinates": {"x": 1}}]}]', "CreateML"),
        ("a.json", '{"0.jpg1": {"filename": "0.jpg", "regions": []}}', "VGG Image Annotator"),
        ("0.json", '{"image": {"file_name": "0.jpg"}, "annotations": []}', "Segment Anything"),
        ("ann/0.jpg.json", '{"objects": []}', "Supervisely"),
        ("a.json", '{"info": {}, "items": [{"id": "0"}]}', "Datumaro"),
        ("a.xml", "<annotations><version>1.1</version></annotations>", "CVAT"),
        ("labelTxt/0.txt", "imagesource:GoogleEarth\ngsd:0.1\n", "DOTA"),
        ("labelTxt/0.txt", "1 1 5 1 5 5 1 5 plane 0\n", "DOTA"),
        ("label_2/0.txt", f"Car 0.0 0 1.8 {'5.0 ' * 10}1.5\n", "KITTI"),
    ],
)
def test_annotations_of_other_kinds_are_named_with_what_they_are_to_become(put, name, text, what):
    root = put({"0.jpg": None, name: text})
    assert f"'SRC/{name}' seems to be of {what}, which is not read; {CONVERT}" in said(root, read(root))


@pytest.mark.parametrize(
    "text",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\n0.jpg,8,8,cat,1,1,5,5\n",
        'image_id,width,height,bbox\n0,8,8,"[1.0, 1.0, 3.0, 3.0]"\n',
        "ImageId,EncodedPixels\n0.jpg,1 3 10 5\n",
        "0.jpg,1,1,5,5,cat\n",
    ],
)
def test_tables_of_boxes_are_named_with_what_they_are_to_become(put, text):
    root = put({"0.jpg": None, "a.csv": "x,y\n1,2\n", "boxes.csv": text})
    assert f"'SRC/boxes.csv' seems to hold boxes or masks as a table, which are not read; {CONVERT}" in said(
        root, read(root)
    )


def test_a_table_that_names_images_is_named_unless_it_is_read(put):
    root = put({"train/0.jpg": None, "test/1.jpg": None, "train.csv": "image_id,label\n0.jpg,3\n"})
    assert "if it labels them, give --labels SRC/train.csv" in said(root, read(root))
    assert "--labels" not in said(root, read(root, labels=root / "train.csv"))


@pytest.mark.parametrize("name", ["Labels/0.txt", "a/0.txt"])
def test_yolo_labels_in_other_places_are_named_with_theirs(put, name):
    root = put({"Images/0.jpg": None, "Images/1.jpg": None, name: LINE})
    assert (
        f"'SRC/{name}' seems to be a YOLO label, which is not read here; labels lie in a directory"
        in said(root, read(root))
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"epochs": 3}'),
        ("a.json", '{"annotations": [{"segments_info": []}], "images": []}'),
        ("a.txt", "a caption of an image\n"),
        ("a.xml", "<svg/>"),
        ("a.csv", "x,y\n1,2\n"),
        ("a.csv", ""),
    ],
)
def test_of_other_files_nothing_more_is_said_than_their_suffix(put, name, text):
    root = put({"0.jpg": None, name: text})
    words = said(root, read(root))
    assert "passed over 1 ." in words
    assert "seems to" not in words
    assert "--labels" not in words


def test_suffixes_in_capitals_are_looked_at(put):
    root = put({"0.jpg": None, "a.JSON": COCO})
    assert "'SRC/a.JSON' seems to hold boxes (COCO)" in said(root, read(root))


def test_a_table_names_images_by_their_paths_too(put):
    root = put({"0.jpg": None, "a.csv": "path,kind\nimages/0.jpg,cat\n"})
    assert "'SRC/a.csv' names images and is not read" in said(root, read(root))


def test_none_for_boxes_says_nothing_of_them(put):
    root = put({"0.jpg": None, "a.json": COCO})
    assert "seems to" not in said(root, read(root, boxes="none"))


def test_yolo_labels_beside_masks_are_read_without_the_masks(put):
    root = put({"images/0.jpg": None, "masks/0.png": None, "labels/0.txt": LINE})
    assert read(root).annotated.masks
    source = read(root, masks="none")
    assert (source.layout, len(source.catalogues[0].boxes[0].edges)) == ("yolo", 1)

"""Sound files of every kind that augcli reads, small, for `damage.py` to damage."""

from __future__ import annotations

import base64
import csv
import io
import json
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import ExifTags, Image, TiffImagePlugin

from augcli.recipe import OUTPUT_VERSION

PHOTOS = Path(__file__).parents[2] / "sample_data" / "photos"
NAMES = ("a.jpg", "b.png", "c.webp", "d.gif")
"""The images that a label table is to label."""

FEATURES = {
    "info": {
        "features": {
            "image": {"_type": "Image"},
            "label": {"names": ["cat", "dog"], "_type": "ClassLabel"},
            "note": {"dtype": "string", "_type": "Value"},
        }
    }
}
RECIPE: dict[str, Any] = {
    "name": "all",
    "seed": 7,
    "copies": 2,
    "target-per-class": None,
    "size": "16x24",
    "fit": "pad",
    "quality": "keep",
    "background": "10,20,30",
    "max-pixels": 1000000,
    "split": "train",
    "links": True,
    "smoothing": 0.1,
    "op": [
        {"kind": "cutmix", "alpha": 1.0, "partner": "any", "p": 0.5},
        {"kind": "mixup", "alpha": 0.4, "p": 1.0},
        {
            "one_of": [
                {"kind": "cutout", "weight": 0.5},
                {"kind": "erase", "fill": "random", "weight": 0.25},
                {"kind": "patch-cutout", "weight": 0.25},
            ],
            "p": 0.5,
        },
    ],
}
SAMPLE = {
    "label": 1,
    "label_name": "dog",
    "classes": [0, 1],
    "weights": [0.25, 0.75],
    "partners": '["x"]',
    "lam": 0.75,
    "source": "dog/1.jpg",
    "op": "cutmix",
    "copy": 0,
    "hash": "0" * 32,
    "width": 10,
    "height": 8,
}
FACTS = {
    "fingerprint": "0" * 32,
    "ahead": [0, 2],
    "failures": [{"source": "b.png", "stage": "decode", "reason": "not an image", "detail": ""}],
    "warnings": [{"source": "a.jpg", "stage": "decode", "reason": "warning", "detail": "Premature end"}],
    "passed_over": ["c.webp"],
    "counts": {"first frame of several": 1},
    "labels": "",
}


SIX = ("a.png", "b.png", "c.png")
"""The images, 6 x 6 pixels each, that boxes and masks belong to."""

COCO: dict[str, Any] = {
    "info": {"year": 2026, "note": {"by": ["x", None, 1.5]}},
    "licenses": [{"id": 1, "name": "any"}],
    "images": [
        {"id": 1, "file_name": "a.png", "width": 6, "height": 6, "license": 1},
        {"id": "two", "file_name": "./b.png", "width": 6, "height": 6},
        {"id": 3, "file_name": "deep\\c.png", "date": {"year": 1}},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4], "iscrowd": 0, "area": 12},
        {"id": "x", "image_id": 1, "category_id": 9, "bbox": [0.5, 0.25, 5.5, 1e-3], "score": 0.5},
        {
            "id": 3,
            "image_id": "two",
            "category_id": 7,
            "bbox": [-2, 4, 4, 9],
            "segmentation": [[1, 2, 3, 4, 5, 2]],
        },
        {"image_id": 3, "category_id": 9, "bbox": [2, 2, 0, 1], "more": {"deep": [{"a": "b"}]}},
    ],
    "categories": [{"id": 7, "name": "cell", "supercategory": "thing"}, {"id": 9, "name": "na\u00efve\n<b>"}],
}
VOC = """<?xml version="1.0" encoding="utf-8"?>
<annotation verified="yes">
  <folder>x</folder><filename>a.png</filename><path>/x/a.png</path>
  <source><database>any</database><image>flickr</image></source>
  <size><width>6</width><height>6</height><depth>3</depth></size>
  <segmented>0</segmented><note>a &amp; b&#13;c</note>
  <object>
    <name>cell</name><pose>Left</pose><truncated>1</truncated>
    <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3.5</xmax><ymax>6</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>
  </object>
  <object>
    <name>na\u00efve</name><bndbox><xmin>-2</xmin><ymin>1e0</ymin><xmax>9</xmax><ymax>2</ymax></bndbox>
    <weight>0.5</weight><empty/>
  </object>
</annotation>
"""


VOC_LEAVES: dict[str, Any] = {
    "filename": "a.png",
    "source": {"database": "any"},
    "size": {"width": 6, "height": 6, "depth": 3},
    "note": "x",
    "object": [
        {"name": "cell", "pose": "Left", "bndbox": {"xmin": 1, "ymin": 2, "xmax": 3.5, "ymax": 6}},
        {"name": "cup", "bndbox": {"xmin": -2, "ymin": 1, "xmax": 9, "ymax": 2}, "difficult": 0},
    ],
}
"""Another VOC file as a document: a list is an element for each of its values."""


def save(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    # A save as JPEG leaves traces in an image that one as TIFF fails on.
    if "append_images" in options:
        options["append_images"] = [frame.copy() for frame in options["append_images"]]
    image.copy().save(buffer, form, **options)
    return buffer.getvalue()


def make_images() -> list[bytes]:
    """Make images of every accepted form, the photos made small among them."""
    photos = [Image.open(path) for path in sorted(PHOTOS.glob("*/*_01.jpg"))]
    small = [photo.convert("RGB").resize((31, 24)) for photo in photos]
    files = [save(photo, "JPEG", quality=60) for photo in small]
    rgb, grey = small[0], small[1].convert("L")
    seen_through = rgb.copy()
    seen_through.putalpha(grey)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ExifTags.Base.Orientation] = 6
    xmp = b'<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/>'
    deep = Image.fromarray(np.arange(24 * 31, dtype=np.uint16).reshape(24, 31) * 88)
    palette = rgb.quantize(16)
    frames = {"save_all": True, "append_images": small[1:3]}
    files += [save(rgb, "JPEG", **more) for more in (
        {"progressive": True}, {"exif": exif}, {"xmp": xmp}, {"keep_rgb": True},
        {"restart_marker_blocks": 1}, {"subsampling": 0}, {"icc_profile": b"p" * 100},
    )]  # fmt: skip
    files += [save(grey, "JPEG"), save(rgb.convert("CMYK"), "JPEG"), save(rgb, "MPO", **frames)]
    files += [save(one, "PNG") for one in (rgb, grey, seen_through, deep, palette, grey.convert("1"))]
    files += [save(rgb, "PNG", exif=exif), save(rgb, "PNG", **frames), save(grey.convert("LA"), "PNG")]
    files += [save(palette, "PNG", transparency=3), save(grey, "PNG", transparency=3)]
    files += [save(rgb, "WEBP"), save(rgb, "WEBP", lossless=True, exif=exif), save(seen_through, "WEBP")]
    files += [save(rgb, "WEBP", **frames)]
    files += [save(palette, "GIF"), save(rgb, "GIF", **frames), save(palette, "GIF", transparency=3)]
    files += [save(one, "BMP") for one in (rgb, grey, palette, grey.convert("1"), seen_through)]
    for one in (
        rgb,
        grey,
        deep,
        palette,
        seen_through,
        grey.convert("1"),
        grey.convert("F"),
        grey.convert("I"),
    ):
        files.append(save(one, "TIFF"))
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        files.append(save(rgb, "TIFF", compression=compression, tiffinfo=tags))
    files += [save(grey.convert("1"), "TIFF", compression="group4"), save(rgb, "TIFF", **frames)]
    files += [save(rgb.convert("LAB"), "TIFF"), save(rgb.convert("CMYK"), "TIFF")]
    files += [save(rgb, "AVIF"), save(seen_through, "AVIF", exif=exif), save(rgb, "AVIF", **frames)]
    files += [save(rgb, "PPM"), save(grey, "PPM"), save(grey.convert("1"), "PPM"), save(deep, "PPM")]
    files += [b"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12\n", b"P2 2 1 65535 1 65535\n", b"P1 3 1 1 0 1\n"]
    return files


def to_parquet(columns: dict[str, pa.Array], metadata: dict[bytes, bytes] | None = None, **options) -> bytes:
    return table_to_parquet(pa.table(columns).replace_schema_metadata(metadata), **options)


def table_to_parquet(table: pa.Table, **options) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def _encoded() -> list[bytes]:
    colours = ("red", "lime", "blue", "black")
    forms = ("JPEG", "PNG", "PNG", "GIF")
    return [save(Image.new("RGB", (8, 6), colour), form) for colour, form in zip(colours, forms, strict=True)]


def _images(paths: object = NAMES) -> pa.Array:
    return pa.StructArray.from_arrays([pa.array(_encoded()), pa.array(paths)], ["bytes", "path"])


def make_labels() -> list[pa.Array]:
    """Make label columns of accepted types, and of types that are to be refused."""
    sizes = pa.list_(pa.float32(), 2)
    halves = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.25, 0.75]]
    return [
        pa.array([0, 1, 1, 0]),
        pa.array([0, None, -1, 1], pa.int32()),
        pa.array(["cat", "dog", None, "cat"]),
        pa.array(["cat", "dog", "dog", "cat"]).dictionary_encode(),
        pa.array([True, False, None, True]),
        pa.array([None] * 4),
        pa.array(halves),
        pa.array(halves, sizes),
        pa.array([*halves[:3], None], pa.large_list(pa.float64())),
        pa.array([[1], [None, 2], [], None]),
        pa.array([1.0, 2.0, 0.0, 1.0]),
        pa.array([["cat"], ["dog"], [], None]),
        pa.array([[["x"]], [], [], None]),
        pa.array([[Decimal("0.5")], [Decimal("0.5")], [], None]),
        pa.array([[b"x"], [b"y"], [], None]),
        pa.array([[{"a": 1}], [], [], None]),
        pa.array([b"cat", b"dog", b"\xff", b""]),
        pa.array([{"a": 1}] * 4),
        pa.array(["cat", "dog", "dog", "cat"], pa.large_string()),
        pa.array(["cat", "dog", "dog", "cat"], pa.string_view()),
    ]


def make_shards() -> list[bytes]:
    """Make shards as Hugging Face writes them, and with columns of many other types."""
    metadata = {b"huggingface": json.dumps(FEATURES).encode()}
    label, note = pa.array([0, 1, 1, 0]), pa.array(["x", None, "y", "z"])
    plain = {"image": _images(), "label": label, "note": note}
    files = [to_parquet(plain, metadata, row_group_size=2), to_parquet(plain, compression="zstd")]
    bare = {"store_schema": False, "write_statistics": False, "compression": "none", "use_dictionary": False}
    files += [to_parquet({"image": pa.array(_encoded()), **more}, **bare) for more in ({}, {"label": label})]
    files += [to_parquet({"image": _images(), "label": one}) for one in make_labels()]
    files += [to_parquet({"image": _images(), "label": make_labels()[6]}, metadata)]
    codes = pa.array([0, 1, 1, 0], pa.int8())
    for image in (
        _images([1, 2, 3, None]),
        _images([b"a", b"b", b"\xff", None]),
        pa.array([*_encoded()[:3], None]),
        pa.array(_encoded(), pa.large_binary()),
        pa.StructArray.from_arrays([pa.array(_encoded(), pa.large_binary())], ["bytes"]),
        pa.StructArray.from_arrays([pa.array(NAMES), pa.array(NAMES)], ["bytes", "path"]),
        pa.StructArray.from_arrays([label, pa.array(NAMES)], ["bytes", "path"]),
        pa.array(_encoded()).dictionary_encode(),
        pa.array([None, *_images().to_pylist()[:3]], _images().type),
    ):
        files.append(to_parquet({"image": image, "label": label}))
    for other in (
        pa.array([[("k", 1)], [], None, [("l", 2)]], pa.map_(pa.string(), pa.int32())),
        pa.array([[{"a": 1}], [], None, [{"a": None}]]),
        pa.array([Decimal("1.5"), None, Decimal("2.5"), Decimal("3.5")]),
        pa.array([1, 2, None, 3], pa.timestamp("ns", "UTC")),
        pa.array([1, 2, None, 3], pa.duration("s")),
        pa.DictionaryArray.from_arrays(codes, pa.array(["x", "y"])),
        pa.array([None] * 4),
        pa.array([{"a": {"b": [1]}}, None, {"a": None}, {"a": {"b": []}}]),
        pa.array(["x", "y", None, "z"], pa.string_view()),
    ):
        files.append(to_parquet({"image": _images(), "label": label, "other": other}))
    files.append(to_parquet({"img": _images(), "soft_label": make_labels()[6], "label": label, "op": note}))
    twice = pa.Table.from_arrays([_images(), label, label], ["image", "label", "label"])
    files += [table_to_parquet(twice), to_parquet({"image": _images()})]
    return [*files, to_parquet({"image": _images().slice(0, 0), "label": label.slice(0, 0)})]


def shard_with_features(features: bytes) -> bytes:
    """Make a shard whose schema says `features` of its columns."""
    columns = {"image": _images(), "label": pa.array([0, 1, 1, 0]), "note": pa.array(["x", None, "y", "z"])}
    return to_parquet(columns, {b"huggingface": features})


def tar_with(document: bytes, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """Return a tar file of two samples, the first of which has some JSON."""
    buffer, mask = io.BytesIO(), make_masks()[0]
    text = to_json(SAMPLE)
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for key, own in (("a/b", document), ("c" * 90 if form == tarfile.USTAR_FORMAT else "c" * 120, text)):
            for suffix, data in (("png", _encoded()[1]), ("cls", b"1"), ("json", own), ("mask.png", mask)):
                entry = tarfile.TarInfo(f"{key}.{suffix}")
                entry.size, entry.mtime = len(data), 1.5 if form == tarfile.PAX_FORMAT else 1
                tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def make_tars() -> list[bytes]:
    return [
        tar_with(to_json(SAMPLE), form)
        for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    ]


def with_checksums(data: bytes) -> bytes:
    """Return a tar file in which every block that looks like a header has the right checksum."""
    made = bytearray(data)
    for start in range(0, len(made) - 511, 512):
        block = made[start : start + 512]
        if block[257:262] == b"ustar":
            total = sum(block[:148]) + sum(block[156:]) + 256
            made[start + 148 : start + 156] = b"%06o\0 " % total
    return bytes(made)


def make_csv_tables() -> list[bytes]:
    """Make CSV tables that label `NAMES`."""

    def write(header: list[str], *columns: list[object]) -> bytes:
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["file_name", *header])
        rows.writerows(zip(NAMES, *columns, strict=True))
        return text.getvalue().encode()

    names, indices, weights = ["cat", "dog", "", "cat"], [0, 1, -1, ""], [0.5, 1, 0, 0.25]
    return [
        write(["label"], names),
        write(["label"], indices),
        write(["label", "p:cat", "p:dog"], names, weights, [0.5, 0, 1, 0.75]),
        write(["cat", "dog"], weights, [0.5, 0, 1, 0.75]),
        write(["soft_label"], ["[1, 0]"] * 4),
        write(["a note"], ["2024-01-01", "x", "1e5", "true"]),
    ]


def make_parquet_tables() -> list[bytes]:
    """Make parquet tables that label `NAMES`."""
    files = [to_parquet({"file_name": pa.array(NAMES), "label": label}) for label in make_labels()]
    halves = pa.array([0.5, 1.0, 0.0, None])
    for one in (halves, pa.array(NAMES), pa.array([1, 2, 3, 4], pa.timestamp("s")), pa.array([[1.0]] * 4)):
        files.append(to_parquet({"file_name": pa.array(NAMES), "p:cat": one, "p:dog": halves}))
    files.append(to_parquet({"file_name": pa.array(NAMES), "cat": halves, "dog": halves}))
    files.append(to_parquet({"file_name": pa.array([1, 2, 3, 4]), "label": halves}))
    files.append(to_parquet({"file_name": pa.array([b"a", b"\xff", b"c", None]), "label": halves}))
    return files


def make_class_lists() -> list[bytes]:
    return [b"cat\ndog\n", "\ufeffnaïve\r\ntest tube\r\n1".encode()]


def to_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def to_toml(document: dict[str, Any]) -> bytes:
    """Write a document as TOML, lists of tables as such; what TOML has no word for is left out."""
    lines: list[str] = []

    def write(table: dict[str, Any], name: str) -> None:
        inner = []
        for key, value in table.items():
            if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
                inner += [(f"[[{name}{json.dumps(key)}]]", one, f"{name}{json.dumps(key)}.") for one in value]
            elif value is not None:
                lines.append(f"{json.dumps(key)} = {_toml_value(value)}")
        for header, one, below in inner:
            lines.append(header)
            write(one, below)

    write(document, "")
    return "\n".join(lines).encode()


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml_value(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int) and value > 1 << 64:
        return hex(value)  # decimal digits are bounded by Python
    return json.dumps(value)


def part_with_facts(facts: bytes) -> bytes:
    """Make a part file of two rows that says `facts` of its chunk."""
    from augcli.io.records import part_files
    from augcli.io.records.step_columns import label_rows, step_rows
    from augcli.program.steps import Blend, Box, Fill
    from augcli.samples import Colour, SoftLabel

    step = (Blend(Box(0, 0, 6, 8), 30000, 0), Fill(Box(0, 0, 2, 2), Colour(1, 2, 3)))
    label = SoftLabel((0, 1), (0.5, 0.5))
    outputs = [
        ("a__x0-0.jpg", 0, label.classes, label.weights, 0.5, "a.jpg", ("b.png",), "mixup", 0, True, "",
         step_rows(step), 8, 6, 700, "00", 0, label_rows([label, None])),
        ("d__x0-1.jpg", None, None, None, 1.0, "d.gif", (), "none", 0, False, "why",
         (), 8, 6, 700, "01", None, (None,)),
    ]  # fmt: skip
    contents = base64.b64encode(bytes(64))
    metadata = {part_files.PART_KEY: facts, part_files.CONTENTS_KEY: contents}
    rows = part_files.rows_to_table(outputs).replace_schema_metadata(metadata)
    return table_to_parquet(rows, compression="zstd")


def make_parts() -> list[bytes]:
    return [part_with_facts(to_json(FACTS)), annotated_part()]


# --- boxes and masks -----------------------------------------------------------------------------------


def annotated_part() -> bytes:
    """Make a part file of two rows that have boxes and masks."""
    from augcli.io.records.annotation_columns import BoxCells, OutputBoxes, annotation_table

    boxes = BoxCells(
        np.array([(0.0, 1.0, 4.0, 3.5), (1.0, 1.0, 6.0, 8.0)]),
        np.array([0, 1]),
        np.array([1.0, 0.25]),
        np.array([0.5, 1.0]),
        ["a.jpg", "b.png"],
        ["{}", '{"iscrowd": 1, "score": 0.5}'],
        np.array([False, False]),
        [None, None],
    )
    beside = annotation_table(OutputBoxes([2, 0], ['{"license": 1}', "{}"], boxes), [b"mask", b""])
    rows = pq.read_table(io.BytesIO(part_with_facts(to_json(FACTS))))
    names = pa.array(["images/" + name for name in rows.column("file_name").to_pylist()])
    rows = rows.set_column(0, "file_name", names)
    for field, column in zip(beside.schema, beside.columns, strict=True):
        rows = rows.append_column(field, column)
    return table_to_parquet(rows, compression="zstd")


def make_coco() -> list[bytes]:
    """Make COCO files, one as we write them and one in another encoding."""
    small = {"images": COCO["images"][:1], "annotations": [], "categories": []}
    return [to_json(COCO), json.dumps(COCO, indent=1).encode(), json.dumps(small).encode("utf-16")]


def make_voc() -> list[bytes]:
    """Make VOC files: of usual and of odd elements, in other encodings, and one without boxes."""
    bare = "<annotation><object><name>x</name><bndbox><xmax>3</xmax><ymax>3</ymax><xmin>1</xmin>"
    bare += '<ymin>1</ymin></bndbox><a:b xmlns:a="urn:x">1</a:b><!-- no --><?no no?></object></annotation>'
    latin = VOC.replace("utf-8", "iso-8859-1").encode("iso-8859-1")
    files = [to_voc(VOC_LEAVES), VOC.encode(), bare.encode(), latin]
    return [*files, bare.encode("utf-16"), b"<annotation/>"]


def to_voc(document: dict[str, Any]) -> bytes:
    """Write a document as XML, a list as several elements of one name."""

    def write(name: str, value: object) -> str:
        if isinstance(value, list):
            return "".join(write(name, one) for one in value)
        pairs = value.items() if isinstance(value, dict) else None
        inner = escape(str(value)) if pairs is None else "".join(write(*pair) for pair in pairs)
        return f"<{name}>{inner}</{name}>"

    return write("annotation", document).encode()


def make_mask(mode: str = "L", index: int = 1) -> Image.Image:
    """Make a mask of 6 x 6 pixels: zeros, and a corner of another index."""
    pixels = np.zeros((6, 6), np.uint16 if mode == "I;16" else np.uint8)
    pixels[:2, :4] = index
    mask = Image.fromarray(pixels)
    if mode == "P":
        mask.putpalette(bytes(range(3 * (index + 1))))
    return mask.convert("1") if mode == "1" else mask


def make_masks() -> list[bytes]:
    """Make masks of every accepted kind, and some that are to be refused."""
    masks = [save(make_mask(), "PNG"), save(make_mask("I;16", 999), "PNG"), save(make_mask("1"), "PNG")]
    palette = make_mask("P", 9)
    masks += [save(palette, "PNG", **more) for more in ({}, {"bits": 4}, {"transparency": 3})]
    masks += [save(palette, "PNG", transparency=bytes(range(9))), save(make_mask(), "PNG", transparency=0)]
    masks += [save(make_mask("P", 1), "PNG", bits=1), save(palette.convert("RGB"), "PNG")]
    return [*masks, save(make_mask(), "PNG", save_all=True, append_images=[make_mask(index=2)])]


def boxed_run(coco: bytes, mask: bytes) -> bytes:
    """Join what `boxed-run` takes into one file: JSON of boxes, a zero, the PNG of the mask of `b.png`."""
    return coco + b"\0" + mask


def make_boxed_runs() -> list[bytes]:
    return [boxed_run(to_json(COCO), mask) for mask in make_masks()[:7]]


def write_six(root: Path, name: str, mask: bytes | None) -> None:
    """Write a small image below `src` and its mask below `masks`, a sound one where none is given."""
    colour = 40 * (SIX.index(name) + 1)
    for folder, data in (
        ("src", save(Image.new("RGB", (6, 6), (colour, 9, 9)), "PNG")),
        ("masks", save(make_mask(), "PNG") if mask is None else mask),
    ):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / name).write_bytes(data)


def annotations_document(annotations: dict[str, Any]) -> bytes:
    """Make an `augcli.json` that says so of its images' annotations."""
    return to_json({"output_version": OUTPUT_VERSION, "recipe": RECIPE, "annotations": annotations})


ANNOTATIONS: dict[str, Any] = {
    "boxes": {
        "form": "coco",
        "names": ["cell", "cup"],
        "keys": {"categories": [{"id": 7, "name": "cell"}, {"id": 8, "name": "cup"}], "info": {"year": 1}},
    },
    "masks": True,
}

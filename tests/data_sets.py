"""Small data sets that lie on disk as people have them, one builder for each layout of the guide's table.

Every builder writes below the current directory, under the name that the guide's command has. The layouts are
those of the named data sets (GTSRB, STL-10, Tiny ImageNet, a Kaggle competition, Hugging Face, Roboflow); the
pixels are plain colours, so that a test sees where each came from.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

WIDTH, HEIGHT = 40, 32


def encode(red: int, green: int = 0, blue: int = 0) -> bytes:
    """Encode an image of one colour as PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (red, green, blue)).save(buffer, "PNG")
    return buffer.getvalue()


def encode_mask(index: int) -> bytes:
    """Encode an index mask: 0, with a box of an index in its middle."""
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    indices[8:24, 10:30] = index
    buffer = io.BytesIO()
    Image.fromarray(indices).save(buffer, "PNG")
    return buffer.getvalue()


def put(path: str, data: bytes | str) -> None:
    """Write a file, its directories with it."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.encode() if isinstance(data, str) else data)


def put_image(path: str, red: int, green: int = 0, blue: int = 0) -> None:
    """Write an image of one colour, in the format of its suffix."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    file_format = {".jpg": "JPEG", ".jpeg": "JPEG", ".ppm": "PPM"}.get(target.suffix.lower(), "PNG")
    Image.new("RGB", (WIDTH, HEIGHT), (red, green, blue)).save(target, file_format)


def put_tar(path: str, samples: list[dict[str, bytes]]) -> None:
    """Write samples as a tar file, each under its number."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for number, sample in enumerate(samples):
            for suffix, data in sample.items():
                member = tarfile.TarInfo(f"{number:03d}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def put_shard(path: str, columns: dict[str, Any], features: dict[str, Any]) -> None:
    """Write a shard as `datasets` does, its features in the schema."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)


def pictures(count: int, blue: int = 0) -> pa.Array:
    """Return images as `datasets` stores them."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": encode(40 * i, 0, blue), "path": f"{i}.png"} for i in range(count)], kind)


IMAGE = {"_type": "Image"}


def class_label(*names: str) -> dict[str, Any]:
    """Return the feature of a column of class indices."""
    return {"names": list(names), "_type": "ClassLabel"}


# --- folders -------------------------------------------------------------------------------------------


def flowers() -> None:
    """Class folders."""
    for name in ("rose", "tulip"):
        for i in range(3):
            put_image(f"flowers/{name}/{i}.jpg", 40 * i)


def pets() -> None:
    """Split folders of class folders."""
    for split, count in (("train", 3), ("val", 2), ("test", 1)):
        for name in ("cat", "dog"):
            for i in range(count):
                put_image(f"pets/{split}/{name}/{i}.jpg", 40 * i)


def gtsrb() -> None:
    """German traffic signs as Kaggle has them: capitals, a folder and tables beside the splits."""
    for name in ("0", "1", "2"):
        for i in range(2):
            put_image(f"gtsrb/Train/{name}/0000{name}_{i}.png", 40 * i)
        put_image(f"gtsrb/Meta/{name}.png", 9)
        put_image(f"gtsrb/Test/0000{name}.png", 0, 200)
    put("gtsrb/Train.csv", "Width,Height,ClassId,Path\n40,32,0,Train/0/00000_0.png\n")
    put("gtsrb/Test.csv", "Width,Height,ClassId,Path\n40,32,0,Test/00000.png\n")


def stl10() -> None:
    """STL-10 as folders: images without labels beside the splits."""
    for split in ("train", "test"):
        for name in ("bird", "ship"):
            for i in range(2):
                put_image(f"stl10/{split}/{name}/{i}.png", 40 * i)
    for i in range(3):
        put_image(f"stl10/unlabeled/{i}.png", 0, 40 * i)


def tiny_imagenet() -> None:
    """Tiny ImageNet: `images` below each class of train, and straight below val and test."""
    for name in ("n01443537", "n01629819"):
        for i in range(2):
            put_image(f"tiny-imagenet/train/{name}/images/{name}_{i}.JPEG", 40 * i)
        put(f"tiny-imagenet/train/{name}/{name}_boxes.txt", f"{name}_0.JPEG\t0\t0\t9\t9\n")
    for split in ("val", "test"):
        put_image(f"tiny-imagenet/{split}/images/{split}_0.JPEG", 0, 200)
    put("tiny-imagenet/val/val_annotations.txt", "val_0.JPEG\tn01443537\t0\t0\t9\t9\n")
    put("tiny-imagenet/wnids.txt", "n01443537\nn01629819\n")


def mvtec() -> None:
    """MVTec AD: splits below each object."""
    for name in ("bottle", "cable"):
        for i in range(2):
            put_image(f"mvtec/{name}/train/good/{i}.png", 40 * i)
        put_image(f"mvtec/{name}/test/broken/0.png", 0, 200)


def scans() -> None:
    """A flat folder, and a table beside it."""
    for i in range(4):
        put_image(f"scans/{i}.png", 40 * i)
    put("scans.csv", "file_name,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(4)))


def breeds() -> None:
    """A Kaggle competition: `id` holds file names without their suffix, `breed` the labels."""
    rows = "id,breed\n"
    for i in range(4):
        put_image(f"breeds/train/{i:08x}.jpg", 40 * i)
        rows += f"{i:08x},{('beagle', 'collie')[i % 2]}\n"
    put("breeds/labels.csv", rows)


def _imagefolder(root: str) -> list[dict[str, str]]:
    for i in range(4):
        put_image(f"{root}/{i}.png", 40 * i)
    return [{"file_name": f"{i}.png", "label": "ab"[i % 2]} for i in range(4)]


def imagefolder_csv() -> None:
    """Hugging Face's imagefolder with metadata.csv."""
    rows = _imagefolder("imagefolder-csv")
    text = "".join(f"{row['file_name']},{row['label']}\n" for row in rows)
    put("imagefolder-csv/metadata.csv", f"file_name,label\n{text}")


def imagefolder_jsonl() -> None:
    """Hugging Face's imagefolder with metadata.jsonl."""
    rows = _imagefolder("imagefolder-jsonl")
    put("imagefolder-jsonl/metadata.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))


def imagefolder_parquet() -> None:
    """Hugging Face's imagefolder with metadata.parquet."""
    pq.write_table(
        pa.Table.from_pylist(_imagefolder("imagefolder-parquet")), "imagefolder-parquet/metadata.parquet"
    )


def imagefolder_splits() -> None:
    """Hugging Face's imagefolder with one table above the splits."""
    rows = "file_name,label\n"
    for split, count in (("train", 4), ("test", 2)):
        for i in range(count):
            put_image(f"imagefolder-splits/{split}/{i}.png", 40 * i)
            rows += f"{split}/{i}.png,{'ab'[i % 2]}\n"
    put("imagefolder-splits/metadata.csv", rows)


# --- shards --------------------------------------------------------------------------------------------


def beans() -> None:
    """Shards as `datasets.push_to_hub` writes them."""
    features = {"image": IMAGE, "label": class_label("healthy", "rust")}
    for split, count in (("train", 8), ("test", 2)):
        columns = {"image": pictures(count), "label": [i % 2 for i in range(count)]}
        put_shard(f"beans/data/{split}-00000-of-00001.parquet", columns, features)


def convert() -> None:
    """The shards of a Hub branch `refs/convert/parquet`: the directory is the split."""
    features = {"image": IMAGE, "label": class_label("healthy", "rust")}
    for split, count in (("train", 8), ("test", 2)):
        columns = {"image": pictures(count), "label": [i % 2 for i in range(count)]}
        put_shard(f"convert/default/{split}/0000.parquet", columns, features)


def imagenet_wds() -> None:
    """Tar files as timm has them: an image and its class."""
    for split, count in (("train", 8), ("validation", 2)):
        samples = [{"jpg": encode(40 * i), "cls": str(i % 2).encode()} for i in range(count)]
        put_tar(f"imagenet-wds/{split}-000000.tar", samples)


def captions() -> None:
    """Tar files as img2dataset has them: an image, its caption, and JSON."""
    for shard in range(2):
        numbers = range(3 * shard, 3 * shard + 3)
        samples = [
            {
                "jpg": encode(40 * i),
                "json": json.dumps(
                    {"caption": f"a {i}", "label": ["cat", "dog"][i % 2], "width": 9}
                ).encode(),
                "txt": f"a {i}".encode(),
            }
            for i in numbers
        ]
        put_tar(f"captions/{shard:05d}.tar", samples)


def cifar100() -> None:
    """CIFAR-100: two columns of classes, and an image column of another name."""
    features = {"img": IMAGE, "fine_label": class_label("bee", "cod"), "coarse_label": class_label("animals")}
    columns = {"img": pictures(4), "fine_label": [0, 1, 0, 1], "coarse_label": [0, 0, 0, 0]}
    put_shard("cifar100/train-00000-of-00001.parquet", columns, features)


def tags() -> None:
    """Lists of class indices: several labels for each image."""
    feature = {"feature": class_label("red", "round", "sweet"), "_type": "Sequence"}
    columns = {"image": pictures(4), "label": [[0, 2], [1], [0, 1, 2], [2]]}
    put_shard("tags/train-00000-of-00001.parquet", columns, {"image": IMAGE, "label": feature})


# --- masks and boxes -----------------------------------------------------------------------------------


def nuclei() -> None:
    """Images and index masks in two folders."""
    for i in range(4):
        put_image(f"nuclei/images/{i}.png", 40 * i)
        put(f"nuclei/masks/{i}.png", encode_mask(i + 1))


def scenes() -> None:
    """Shards of images and masks, as scene parsing has them on the Hub."""
    masks = [{"bytes": encode_mask(i + 1), "path": f"{i}.png"} for i in range(4)]
    columns = {"image": pictures(4), "annotation": masks}
    put_shard("scenes/train-00000-of-00001.parquet", columns, {"image": IMAGE, "annotation": IMAGE})


def cppe() -> None:
    """Shards with boxes in a column `objects`, as detection sets on the Hub have them."""
    boxes = [{"bbox": [[10.0, 8.0, 20.0, 16.0]], "category": [i % 2]} for i in range(4)]
    kind = {"feature": {"dtype": "float64", "_type": "Value"}, "length": 4, "_type": "Sequence"}
    objects = {"feature": {"bbox": kind, "category": class_label("mask", "glove")}, "_type": "Sequence"}
    columns = {"image": pictures(4), "objects": boxes}
    put_shard("cppe/train-00000-of-00001.parquet", columns, {"image": IMAGE, "objects": objects})


def _coco(names: list[str]) -> str:
    images = [
        {"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT} for i, name in enumerate(names, 1)
    ]
    boxes = [
        {
            "id": i,
            "image_id": i,
            "category_id": 1,
            "bbox": [10, 8, 20, 16],
            "area": 320,
            "iscrowd": 0,
        }
        for i in range(1, len(names) + 1)
    ]
    return json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "car"}]})


def street() -> None:
    """COCO: images, and one JSON file."""
    for i in range(4):
        put_image(f"street/images/{i}.jpg", 40 * i)
    put("street/annotations/instances.json", _coco([f"{i}.jpg" for i in range(4)]))


def voc2012() -> None:
    """Pascal VOC: lists of splits, and a mask of one image."""
    put("voc2012/ImageSets/Main/train.txt", "0\n1\n")
    put("voc2012/ImageSets/Main/val.txt", "2\n")
    put_image("voc2012/SegmentationClass/0.png", 1)
    for i in range(4):
        put_image(f"voc2012/JPEGImages/{i}.jpg", 40 * i)
        size = f"<size><width>{WIDTH}</width><height>{HEIGHT}</height><depth>3</depth></size>"
        box = "<bndbox><xmin>11</xmin><ymin>9</ymin><xmax>30</xmax><ymax>24</ymax></bndbox>"
        put(
            f"voc2012/Annotations/{i}.xml",
            f"<annotation><filename>{i}.jpg</filename>{size}<object><name>car</name>{box}</object></annotation>",
        )


def yolo() -> None:
    """YOLO: `images` and `labels` with one text file for each image."""
    for split in ("train", "val"):
        for i in range(2):
            put_image(f"yolo/images/{split}/{i}.jpg", 40 * i)
            put(f"yolo/labels/{split}/{i}.txt", "0 0.5 0.5 0.5 0.5\n")
    put("yolo/data.yaml", "train: images/train\nval: images/val\nnames:\n  0: car\n")


def roboflow_yolo() -> None:
    """Roboflow's YOLO export: a directory for each split, and paths that lead one directory too high."""
    for split, count in (("train", 3), ("valid", 1), ("test", 1)):
        for i in range(count):
            put_image(f"roboflow-yolo/{split}/images/{i}_jpg.rf.0a1b.jpg", 40 * i)
            put(f"roboflow-yolo/{split}/labels/{i}_jpg.rf.0a1b.txt", "0 0.5 0.5 0.5 0.5\n")
    splits = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
    version = "roboflow:\n  version: 1\n  license: CC BY 4.0\n"
    put("roboflow-yolo/data.yaml", f"{splits}nc: 1\nnames: ['car']\n{version}")


def darknet() -> None:
    """CVAT's YOLO 1.1: labels beside images, and paths that begin where the data set once lay."""
    lines = ""
    for i in range(3):
        put_image(f"darknet/obj_train_data/{i}.jpg", 40 * i)
        put(f"darknet/obj_train_data/{i}.txt", "0 0.5 0.5 0.5 0.5\n" if i else "")
        lines += f"data/obj_train_data/{i}.jpg\n"
    put("darknet/train.txt", lines)
    put("darknet/obj.names", "car\n")
    put(
        "darknet/obj.data",
        "classes = 1\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
    )


def roboflow() -> None:
    """Roboflow's COCO export: a JSON file in each split."""
    for split in ("train", "valid"):
        names = [f"{i}_jpg.rf.0a1b.jpg" for i in range(3)]
        for i, name in enumerate(names):
            put_image(f"roboflow/{split}/{name}", 40 * i)
        put(f"roboflow/{split}/_annotations.coco.json", _coco(names))


BUILDERS = (
    *(flowers, pets, gtsrb, stl10, tiny_imagenet, mvtec, scans, breeds),
    *(imagefolder_csv, imagefolder_jsonl, imagefolder_parquet, imagefolder_splits),
    *(
        beans,
        convert,
        cifar100,
        imagenet_wds,
        captions,
        tags,
        nuclei,
        scenes,
        cppe,
        street,
        voc2012,
        yolo,
        roboflow_yolo,
        darknet,
        roboflow,
    ),
)
"""What makes all of them."""

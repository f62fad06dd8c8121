"""What is fuzzed: for each kind of file the sound ones, and the check that every damaged one must pass.

A check gives whether a file was taken, with sane values, or refused by an error of augcli's own kinds.
`Broken` says that a promise was not kept; any other exception is a fault as well.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import damage
import numpy as np
import whole_files
from hypothesis import strategies as st
from PIL import ExifTags, Image

import augcli
from augcli import recipe as recipes
from augcli import recipe_files
from augcli.errors import AugcliError, DecodeError
from augcli.io.boxes import recorded
from augcli.io.boxes.coco import write_coco
from augcli.io.boxes.matching import match_boxes, read_boxes
from augcli.io.boxes.voc_writing import write_voc
from augcli.io.images import codec, index_masks
from augcli.io.images.geometry import Geometry
from augcli.io.images.headers import PILLOW_FORMATS
from augcli.io.labels.class_list import read_class_list
from augcli.io.labels.matching import Places
from augcli.io.labels.table_rows import label_by_table
from augcli.io.labels.tables import Named
from augcli.io.readers.base import Selection
from augcli.io.readers.source import open_source
from augcli.io.records import annotation_columns, label_columns, part_files
from augcli.io.records.parts import Part, Parts
from augcli.io.store.local import LocalStore
from augcli.io.store.locations import locate
from augcli.io.store.names import safe_stem
from augcli.io.writers.folder import FolderWriter
from augcli.kernels import cpu
from augcli.pipeline.output import state
from augcli.pipeline.output.look import look
from augcli.pipeline.plan import digest
from augcli.program.annotated import Annotated, BoxedImage, BoxHeader, WrittenBox
from augcli.recipe_files import load_recipe
from augcli.samples import Colour, SoftLabel

MIB = 1 << 20
MOST_PIXELS = 100_000
GREY = Colour(128, 128, 128)
GEOMETRIES = (None, *(Geometry(16, 24, fit, GREY) for fit in ("crop", "pad", "stretch")))
CLASS_LISTS = (None, ("cat", "dog"))
PART_COLUMNS = ["label", "applied", "reason"]
SIDE = 6
"""Height and width of the images that boxes and masks belong to."""

BOXED_RUNS: tuple[dict[str, Any], ...] = (
    {"op": [{"kind": "cutmix"}, {"kind": "erase"}], "copies": 2, "box-policy": "shrink"},
    {"op": [{"kind": "cutout", "p": 0.3}], "originals": "copy"},
    {
        "op": [{"kind": "mixup"}],
        "format": "parquet",
        "size": "8x7",
        "fit": "pad",
        "mask-fill": 7,
        "mask-policy": "dominant",
    },
)


class Broken(Exception):  # noqa: N818 - reads as what it says
    """A promise that was not kept, named in a few words."""


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes:
        suffix: Of its files below `found/`.
        check: Gives whether bytes are taken; raises where they are taken wrongly.
        wholes: Makes the sound files.
        damaged: Gives damaged ones.
        memory: Bytes that one file may take.
        load: Loads what the check needs.
    """

    suffix: str
    check: Callable[[bytes], bool]
    wholes: Callable[[], list[bytes]]
    damaged: Callable[[], st.SearchStrategy[bytes]]
    memory: int = 1024 * MIB
    load: Callable[[], None] = lambda: None

    def prepare(self) -> None:
        """Do once what would else be done in every child process."""
        self.wholes()
        self.load()


# --- images --------------------------------------------------------------------------------------------


def check_image(data: bytes) -> bool:
    """Read, decode and encode an image in every way that a run may."""
    with codec.own_pixel_bound():
        try:
            header = codec.read_header(data, MOST_PIXELS)
        except DecodeError:
            return False
        if header.height * header.width > MOST_PIXELS:
            raise Broken("header-over-max-pixels")
        if header.quality not in (None, *range(1, 101)):
            raise Broken("quality-out-of-range")
        if codec.find_copy_obstacle(header, "keep", None) is None and _orientation_by_pillow(data) in range(
            2, 9
        ):
            raise Broken("copyable-but-turned")
        taken = [_check_decoding(data, header, geometry) for geometry in GEOMETRIES]  # each is to be tried
        return all(taken)


def _check_decoding(data: bytes, header: codec.Header, geometry: Geometry | None) -> bool:
    pixels = _decode(data, header, geometry, None)
    buffer = np.zeros(3 * header.height * header.width, np.uint8)
    again = _decode(data, header, geometry, buffer)
    if (pixels is None) != (again is None) or (pixels is not None and not np.array_equal(pixels, again)):
        raise Broken("other-pixels-with-a-buffer")
    if pixels is None:
        return False
    if pixels.ndim != 3 or (pixels.shape[2], pixels.dtype) not in (
        (1, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16)
    ):  # fmt: skip
        raise Broken("pixels-of-a-strange-kind")
    if pixels.shape[0] * pixels.shape[1] > MOST_PIXELS:
        raise Broken("pixels-over-max-pixels")
    if pixels.shape[:2] != codec.decoded_shape(header, geometry)[:2]:
        raise Broken("size-not-as-foreseen")
    if geometry is None:
        _check_encoding(pixels, header)
    return True


def _decode(
    data: bytes, header: codec.Header, geometry: Geometry | None, buffer: np.ndarray | None
) -> np.ndarray | None:
    try:
        return codec.decode(data, header, geometry, buffer)
    except DecodeError:
        return None


def _check_encoding(pixels: np.ndarray, header: codec.Header) -> None:
    known = header.subsampling in ("444", "422", "420", "440", "411")
    subsampling = header.subsampling if known else codec.DEFAULT_SUBSAMPLING
    for form in ("png", "jpg"):
        try:
            written = codec.encode(pixels, form, header.quality or 95, subsampling, GREY)
        except DecodeError:
            if form == "png":
                raise Broken("no-png-of-decoded-pixels") from None
            continue
        with Image.open(io.BytesIO(written)) as image:
            if image.size != pixels.shape[1::-1]:
                raise Broken(f"{form}-of-another-size")
            if form == "png" and not np.array_equal(np.asarray(image).reshape(pixels.shape), pixels):
                raise Broken("png-of-other-pixels")


def _orientation_by_pillow(data: bytes) -> int:
    try:
        with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
            return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - what Pillow cannot read it does not turn either
        return 1


# --- parquet shards ------------------------------------------------------------------------------------


def check_shard(data: bytes) -> bool:
    """Open a shard and read all rows as a run would, in one portion and in two."""
    with _lying(data, "train-0.parquet") as path, _refused():
        source = open_source(str(path), Selection())
        for catalogue, portions in itertools.product(source.catalogues, (1, 2)):
            _check_labels(catalogue.labels, len(catalogue), catalogue.classes)
            groups = source.groups[catalogue.split]
            samples = source.samples(catalogue, groups, portions)
            members = [
                at
                for part in range(portions)
                for group in groups
                for at in group.portion_rows(part, portions)
            ]
            if len(members) != len(catalogue):
                raise Broken("row-groups-without-all-rows")
            for sample in members:
                try:
                    image, name = samples.read(sample)
                except DecodeError:
                    continue
                if not isinstance(image, bytes):
                    raise Broken("image-that-is-no-bytes")
                safe_stem(name)
            carried = samples.carry(members)
            if carried is not None and (
                len(carried) != len(members) or carried.schema != source.carried.schema
            ):
                raise Broken("carried-columns-of-another-form")
        return True
    return False


def check_run(data: bytes) -> bool:
    """Make an output of a shard, once mixed as shards and once passed on as a folder."""
    taken = 0
    with _lying(data, "train-0.parquet") as path:
        for number, given in enumerate(({"op": [{"kind": "cutmix"}]}, {"op": [], "format": "folder"})):
            made = path.parent / f"out{number}"
            given = {"name": "fuzz", "max-pixels": MOST_PIXELS, **given}
            with _refused():
                summary = augcli.materialize(path, made, given, workers=1, max_errors=1000)
                if summary.outputs + len(summary.failures) != summary.images:
                    raise Broken("outputs-and-failures-are-not-all-images")
                if augcli.materialize(path, made, given, workers=1, max_errors=1000).outputs_made:
                    raise Broken("a-second-run-makes-outputs-again")
                taken += 1
    return taken == 2


# --- tar files -----------------------------------------------------------------------------------------


def check_tar(data: bytes) -> bool:
    """Open a tar file by each way to label it, and read all samples as a run would."""
    taken = 0
    with _lying(data, "train-0.tar") as path:
        for label_col in (None, "cls", "json.weights"):
            with _refused():
                source = open_source(str(path), Selection(label_col=label_col))
                for catalogue in source.catalogues:
                    _check_labels(catalogue.labels, len(catalogue), catalogue.classes)
                    _read_samples(source, catalogue)
                taken += 1
    return taken > 0


def _read_samples(source: Any, catalogue: Any) -> None:
    """Read the images and masks of tar files, or find out that they have none."""
    groups = source.groups[catalogue.split]
    samples = source.samples(catalogue, groups, 1)
    if sum(group.rows for group in groups) != len(catalogue):
        raise Broken("row-groups-without-all-rows")
    for sample in range(len(catalogue)):
        with suppress(DecodeError):
            image, name = samples.read(sample)
            if not isinstance(image, bytes):
                raise Broken("image-that-is-no-bytes")
            safe_stem(name)
        with suppress(DecodeError):
            samples.read_mask(sample)


# --- tables and texts ----------------------------------------------------------------------------------


def check_csv_table(data: bytes) -> bool:
    """Label images by a CSV."""
    return _check_label_table(data, "labels.csv")


def check_parquet_table(data: bytes) -> bool:
    """Label images by a parquet table."""
    return _check_label_table(data, "labels.parquet")


def _check_label_table(data: bytes, name: str) -> bool:
    taken = 0
    with _lying(data, name) as path:
        for classes, must_label in itertools.product(CLASS_LISTS, (True, False)):
            with _refused():
                table = locate(path)
                read = label_by_table(table, Places(whole_files.NAMES), Named(), (classes, None), must_label)
                if read.labellings is not None:
                    (labelling,) = read.labellings
                    _check_labels(labelling.labels, len(whole_files.NAMES), labelling.classes)
                    taken += 1
    return taken > 0


def _check_labels(labels: list[SoftLabel | None], rows: int, classes: tuple[str, ...] | None) -> None:
    if len(labels) != rows:
        raise Broken("not-one-label-for-each-row")
    held = [label for label in labels if label is not None]
    if held and not classes:
        raise Broken("labels-without-classes")
    if any(label.classes[-1] >= len(classes) or label.classes[0] < 0 for label in held):
        raise Broken("a-label-beyond-the-classes")
    if classes and not all(isinstance(name, str) for name in classes):
        raise Broken("a-class-name-that-is-no-text")
    if classes and len(set(classes)) < len(classes):
        raise Broken("two-classes-of-one-name")
    if classes and "" in classes:
        raise Broken("a-class-without-a-name")
    if classes:
        _check_writable("\n".join(classes))


def _check_writable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Broken("text-that-cannot-be-written") from None


def check_class_list(data: bytes) -> bool:
    """Read a class list."""
    with _lying(data, "classes.txt") as path, _refused():
        names = read_class_list(locate(path))
        if not names or len(set(names)) < len(names) or not all(names):
            raise Broken("a-class-list-with-a-name-twice-or-empty")
        if any("\n" in name for name in names):
            raise Broken("a-class-name-of-two-lines")
        _check_writable("\n".join(names))
        return True
    return False


def check_toml_recipe(data: bytes) -> bool:
    """Load a TOML recipe."""
    return _check_recipe(data, "all.toml")


def check_json_recipe(data: bytes) -> bool:
    """Load the recipe of an augcli.json."""
    return _check_recipe(data, "augcli.json")


def _check_recipe(data: bytes, name: str) -> bool:
    with _lying(data, name) as path, _refused():
        recipe = load_recipe(path)
        written = {
            key: value for key, value in recipe_files.write_recipe(recipe).items() if value is not None
        }
        text = json.dumps(written, ensure_ascii=False)
        _check_writable(text)
        if recipe_files.read_recipe(json.loads(text)) != recipe:
            raise Broken("another-recipe-when-read-again")
        return True
    return False


# --- masks and boxes -----------------------------------------------------------------------------------


def check_coco(data: bytes) -> bool:
    """Read a COCO file, give its boxes to images, write it and read what was written."""
    with _lying(data, "boxes.json") as path, _refused():
        held = read_boxes(locate(path, True))
        _check_boxes(held)
        names = [[name, Path(name).name] for name in whole_files.SIX]
        with _refused():
            matched, _ = match_boxes(held, names)
            given = [id(one) for one in matched if one is not None]
            if len(matched) != len(names) or len(set(given)) < len(given):
                raise Broken("boxes-given-to-two-images")
        images = _clip_boxes(held, is_whole=False)
        written = io.BytesIO()
        write_coco(written, held.header, images)
        _check_written_coco(written.getvalue())
        path.write_bytes(written.getvalue())
        _compare_boxes(images, held, _read_again(path))
        return True
    return False


def check_voc(data: bytes) -> bool:
    """Read a VOC file, write it and read what was written."""
    with _lying(data, "a.xml") as path, _refused():
        held = read_boxes(locate(path.parent, True))
        if list(held.images) != ["a"]:
            raise Broken("not-one-image-for-a-file")
        _check_boxes(held)
        (image,) = _clip_boxes(held, is_whole=True)
        path.write_bytes(write_voc(image, held.header))
        _compare_boxes([image], held, _read_again(path.parent))
        return True
    return False


def _read_again(path: Path) -> Any:
    try:
        return read_boxes(locate(path, True))
    except AugcliError as error:
        raise Broken("what-was-written-is-refused") from error


def _check_boxes(held: Any) -> None:
    if len(set(held.header.names)) < len(held.header.names):
        raise Broken("two-categories-of-one-name")
    for name in held.header.names:
        _check_writable(name)
    for image in held.images.values():
        edges, boxes = image.edges, len(image.categories)
        if edges.shape != (boxes, 4) or edges.dtype != np.float64 or len(image.extras) != boxes:
            raise Broken("boxes-of-another-form")
        if not np.isfinite(edges).all() or (edges[:, 2:] <= edges[:, :2]).any():
            raise Broken("a-box-of-no-area")
        if not all(0 <= one < len(held.header.names) for one in image.categories):
            raise Broken("a-category-that-is-none")
        for text in (image.extra, *image.extras):
            _check_writable(text)
            if not isinstance(json.loads(text), dict):
                raise Broken("extras-that-are-no-object")


def _clip_boxes(held: Any, is_whole: bool) -> list[BoxedImage]:
    """Give boxes as a run that does nothing writes them: what lies in the image, which is small."""
    images = []
    for number, (name, image) in enumerate(held.images.items()):
        inside = np.clip(np.rint(image.edges) if is_whole else image.edges, 0, SIDE)
        boxes = tuple(
            WrittenBox(tuple(edges), category, 1.0, 1.0, name, extra)
            for edges, category, extra in zip(inside.tolist(), image.categories, image.extras, strict=True)
            if edges[2] > edges[0] and edges[3] > edges[1]
        )
        images.append(BoxedImage(f"{number}.png", SIDE, SIDE, name, image.extra, boxes))
    return images


def _compare_boxes(images: list[BoxedImage], held: Any, again: Any) -> None:
    """Compare boxes that were written with what is read of them."""
    if held.header.box_format == "coco" and again.header != held.header:
        raise Broken("another-header-when-read-again")
    for image, found in zip(images, again.images.values(), strict=True):
        if (found.height, found.width) != (SIDE, SIDE) or len(found.edges) != len(image.boxes):
            raise Broken("other-boxes-when-read-again")
        edges = np.array([box.edges for box in image.boxes]).reshape(-1, 4)
        if np.abs(edges - found.edges).max(initial=0) > 2e-6:  # COCO's are rounded to a millionth
            raise Broken("other-edges-when-read-again")
        named = [again.header.names[one] for one in found.categories]
        if named != [held.header.names[box.category] for box in image.boxes]:
            raise Broken("other-categories-when-read-again")
        for before, after in zip([image.extra, *(box.extra for box in image.boxes)],
                                 [found.extra, *found.extras], strict=True):  # fmt: skip
            if json.loads(after) != json.loads(after) | json.loads(before):
                raise Broken("other-extras-when-read-again")


def _check_written_coco(data: bytes) -> dict[str, Any]:
    """Check a COCO file that was written as any reader takes it."""
    try:
        document = json.loads(data.decode(), parse_constant=lambda name: [][0])
    except (ValueError, LookupError) as error:
        raise Broken("coco-that-does-not-parse") from error
    for key in ("images", "annotations", "categories"):
        numbers = [one["id"] for one in document[key]]
        if len(set(map(repr, numbers))) < len(numbers):
            raise Broken("two-of-one-id")
    sizes = {one["id"]: (one["width"], one["height"]) for one in document["images"]}
    for box in document["annotations"]:
        x, y, width, height = box["bbox"]
        most = sizes[box["image_id"]]
        if not (width > 0 and height > 0 and x >= 0 and y >= 0):
            raise Broken("a-written-box-of-no-area")
        if x + width > most[0] + 2e-6 or y + height > most[1] + 2e-6:
            raise Broken("a-written-box-outside-its-image")
    return document


def check_mask(data: bytes) -> bool:
    """Read, decode, fit and encode a mask in every way that a run may."""
    with codec.own_pixel_bound():
        try:
            header = index_masks.read_mask_header(data)
            if header.height * header.width > MOST_PIXELS:  # a run compares it with the image's first
                return False
            mask = index_masks.decode_mask(data)
        except DecodeError:
            return False
        if mask.indices.shape != header[:2] or mask.indices.dtype not in (np.uint8, np.uint16):
            raise Broken("mask-of-a-strange-kind")
        _check_mask_again(mask)
        for geometry, orientation in itertools.product(GEOMETRIES, (1, 6)):
            upright = (header.width, header.height) if orientation == 6 else (header.height, header.width)
            _check_mask_again(index_masks.bring_to_image(mask, upright, orientation, geometry, 1))
        return True


def _check_mask_again(mask: index_masks.Mask) -> None:
    again = index_masks.decode_mask(index_masks.encode_mask(mask))
    if again.indices.dtype != mask.indices.dtype or not np.array_equal(again.indices, mask.indices):
        raise Broken("another-mask-when-read-again")
    if mask.palette is not None and not (again.palette or b"").startswith(mask.palette):
        raise Broken("another-palette-when-read-again")


def check_boxed_run(data: bytes) -> bool:
    """Make outputs of images with boxes and masks, and verify them against what they were made from."""
    boxes, _, mask = data.partition(b"\0")
    taken = 0
    with _lying(boxes, "boxes.json") as path:
        for name in whole_files.SIX:
            whole_files.write_six(path.parent, name, mask if name == "b.png" else None)
        for number, given in enumerate(BOXED_RUNS):
            made = path.parent / f"out{number}"
            beside = {"boxes": path, "masks": path.parent / "masks"}
            with _refused():
                recipe = {"name": "fuzz", "max-pixels": MOST_PIXELS, **given}
                run = {"workers": 1, "max_errors": 1000, **beside}
                summary = augcli.materialize(path.parent / "src", made, recipe, **run)
                if augcli.materialize(path.parent / "src", made, recipe, **run).outputs_made:
                    raise Broken("a-second-run-makes-outputs-again")
                each = given.get("copies", 1) + ("originals" in given)
                if summary.outputs + each * len(summary.failures) != each * summary.images:
                    raise Broken("outputs-and-failures-are-not-all-images")
                _check_written_coco((made / "annotations.json").read_bytes())
                found = augcli.verify(made, against=path.parent / "src", workers=1, **beside)
                for difference in found.differences[:1]:
                    words = re.sub("[^a-z]+", "-", difference.what.partition(":")[0].lower())
                    raise Broken(f"verify-says-{words.strip('-')[:60]}")
                taken += 1
    return taken == len(BOXED_RUNS)


def check_annotations_document(data: bytes) -> bool:
    """Read what an augcli.json says of masks and boxes, and write an augcli.json that says the same."""
    with _lying(data, "augcli.json") as path:
        store = LocalStore(str(path.parent))
        with _refused():
            state.check(look(store), recipes.Recipe(), Annotated(), False)
        with _refused():
            annotated = recorded.read_annotated(store)
            header = annotated.boxes
            if header and not all(isinstance(name, str) for name in (header.box_format, *header.names)):
                raise Broken("a-header-of-another-type")
            digest.document(recipes.Recipe(), annotated)
            return True
    return False


def check_part(data: bytes) -> bool:
    """Read a part file's facts, and of its rows what a later run reads."""
    with _lying(data, ".augcli-all.parquet") as path:
        store = LocalStore(str(path.parent))
        part = Parts(store).read_one("all")
        if part.facts is not None:
            _check_facts(part.facts)
            _check_annotated_part(store, part)
        with _refused():
            part.file_names()
        with _refused():
            counted = part.rows(PART_COLUMNS)
            for name in PART_COLUMNS:
                counted.column(name).to_pylist()
            return part.facts is not None
    return False


def _check_annotated_part(store: LocalStore, part: Part) -> None:
    """Ask a part file of boxes and masks what a later run asks, where it says that it has some."""
    with _refused():
        rows = part.rows()
        if not {annotation_columns.BOXES, annotation_columns.IMAGE, annotation_columns.MASK} <= set(
            rows.schema.names
        ):
            return
        for form in ("coco", "voc"):
            header = BoxHeader(form, ("cell", "cup"), {"categories": [{"id": 7}, {"id": 8}]})
            options = label_columns.TableOptions(0.0, "uniform", None)
            FolderWriter(store, "", None, options, {}, Annotated(header, True)).stands(part, {})
        annotation_columns.count_categories(rows)
        for image in annotation_columns.boxed_images(rows):
            if not all(isinstance(box, WrittenBox) for box in image.boxes):
                raise Broken("boxes-of-another-type")


def _check_facts(facts: part_files.PartFacts) -> None:
    failures = [text for one in facts.failures for text in (one.source, one.stage, one.reason, one.detail)]
    texts = [facts.fingerprint, facts.labels, *facts.passed_over, *failures]
    if not isinstance(facts.counts, dict):
        raise Broken("facts-of-another-type")
    if not all(isinstance(text, str) for text in (*texts, *facts.counts)):
        raise Broken("facts-of-another-type")
    if not all(type(number) is int for number in (*facts.ahead, *facts.counts.values())):
        raise Broken("facts-of-another-type")


@contextmanager
def _refused() -> Iterator[None]:
    """Let augcli refuse what it is given: that is no fault."""
    with suppress(AugcliError):
        yield


@contextmanager
def _lying(data: bytes, name: str) -> Iterator[Path]:
    """Let bytes lie on the disk as a file, in a directory of their own."""
    with tempfile.TemporaryDirectory(prefix="augcli-fuzz-") as directory:
        path = Path(directory, name)
        path.write_bytes(data)
        yield path


def _documents(
    document: dict[str, Any], write: Callable[[dict[str, Any]], bytes]
) -> st.SearchStrategy[bytes]:
    """Give a document damaged in its values or in its text."""

    def write_or_not(made: dict[str, Any]) -> bytes:
        try:
            return write(made)
        except ValueError:  # a number of more digits than Python writes
            return b""

    return st.one_of(
        damage.changed(document).map(write_or_not), damage.damaged([write(document)], is_text=True)
    )


def _shards() -> st.SearchStrategy[bytes]:
    features = _documents(whole_files.FEATURES, whole_files.to_json)
    return st.one_of(damage.damaged_parquet(SHARDS()), features.map(whole_files.shard_with_features))


def _tars() -> st.SearchStrategy[bytes]:
    """Give tar files whose bytes are damaged, with checksums that hold or not, or whose JSON is another."""
    spoilt, texts = damage.damaged(TARS()), _documents(whole_files.SAMPLE, whole_files.to_json)
    return st.one_of(spoilt, spoilt.map(whole_files.with_checksums), texts.map(whole_files.tar_with))


def _parts() -> st.SearchStrategy[bytes]:
    facts = _documents(whole_files.FACTS, whole_files.to_json)
    return st.one_of(damage.damaged_parquet(PARTS()), facts.map(whole_files.part_with_facts))


def _json_recipe(recipe: dict[str, Any]) -> bytes:
    return whole_files.to_json({"output_version": 1, "recipe": recipe})


def _coco() -> st.SearchStrategy[bytes]:
    return st.one_of(
        _documents(whole_files.COCO, whole_files.to_json), damage.damaged(COCO_FILES(), is_text=True)
    )


def _boxed_runs() -> st.SearchStrategy[bytes]:
    """Give runs of which the boxes or one of the masks are damaged."""
    whole, index_masks = whole_files.to_json(whole_files.COCO), MASKS()
    coco = st.builds(whole_files.boxed_run, _coco(), st.sampled_from(index_masks[:7]))
    return st.one_of(coco, damage.damaged(index_masks).map(lambda mask: whole_files.boxed_run(whole, mask)))


IMAGES, SHARDS, PARTS = (
    cache(whole_files.make_images),
    cache(whole_files.make_shards),
    cache(whole_files.make_parts),
)
COCO_FILES, VOC_FILES, MASKS = (
    cache(whole_files.make_coco),
    cache(whole_files.make_voc),
    cache(whole_files.make_masks),
)
TARS = cache(whole_files.make_tars)
CSV_TABLES, PARQUET_TABLES = cache(whole_files.make_csv_tables), cache(whole_files.make_parquet_tables)
TARGETS: dict[str, Target] = {
    "image": Target(".bin", check_image, IMAGES, lambda: damage.damaged(IMAGES()), memory=256 * MIB),
    "shard": Target(".parquet", check_shard, SHARDS, _shards),
    "run": Target(".parquet", check_run, SHARDS, _shards, load=cpu.load),
    "tar": Target(".tar", check_tar, TARS, _tars),
    "csv-table": Target(
        ".csv", check_csv_table, CSV_TABLES, lambda: damage.damaged(CSV_TABLES(), is_text=True)
    ),
    "parquet-table": Target(
        ".parquet", check_parquet_table, PARQUET_TABLES, lambda: damage.damaged_parquet(PARQUET_TABLES())
    ),
    "class-list": Target(
        ".txt",
        check_class_list,
        whole_files.make_class_lists,
        lambda: damage.damaged(whole_files.make_class_lists(), is_text=True),
    ),
    "toml-recipe": Target(
        ".toml",
        check_toml_recipe,
        lambda: [whole_files.to_toml(whole_files.RECIPE)],
        lambda: _documents(whole_files.RECIPE, whole_files.to_toml),
    ),
    "json-recipe": Target(
        ".json",
        check_json_recipe,
        lambda: [_json_recipe(whole_files.RECIPE)],
        lambda: _documents(whole_files.RECIPE, _json_recipe),
    ),
    "part": Target(".parquet", check_part, PARTS, _parts),
    "coco": Target(".json", check_coco, COCO_FILES, _coco, memory=256 * MIB),
    "voc": Target(
        ".xml",
        check_voc,
        VOC_FILES,
        lambda: st.one_of(
            _documents(whole_files.VOC_LEAVES, whole_files.to_voc),
            damage.damaged(VOC_FILES(), is_text=True),
        ),
        memory=256 * MIB,
    ),
    "mask": Target(".png", check_mask, MASKS, lambda: damage.damaged(MASKS()), memory=256 * MIB),
    "boxed-run": Target(
        ".bin", check_boxed_run, cache(whole_files.make_boxed_runs), _boxed_runs, load=cpu.load
    ),
    "annotations": Target(
        ".json",
        check_annotations_document,
        lambda: [whole_files.annotations_document(whole_files.ANNOTATIONS)],
        lambda: _documents(whole_files.ANNOTATIONS, whole_files.annotations_document),
    ),
}

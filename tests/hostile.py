"""A hostile corpus made by code: damaged, odd and malicious input of every kind, small on disk.

Everything is deterministic and nothing is downloaded. What is damage and what is only odd follows from
the formats' own specifications, not from what augcli does with it.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

MAX_PIXELS = 1_000_000
"""Bound on pixels that the corpus is made for: everything sound is far below it, every bomb far above."""


def write_files(root: Path, files: dict[str, bytes]) -> None:
    """Write files below a directory by name."""
    root.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (root / name).write_bytes(data)


def draw(height: int = 12, width: int = 16, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Make noisy pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def save(image: Image.Image, form: str, **options: object) -> bytes:
    """Encode an image by Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def photo(form: str, seed: int = 0, **options: object) -> bytes:
    """Make a small sound image of a format."""
    return save(Image.fromarray(draw(seed=seed)), form, **options)


def deflate_zeros(count: int) -> bytes:
    """Compress zeros in little memory: about a thousandth of them is left."""
    packer, packed = zlib.compressobj(9), []
    for start in range(0, count, 1 << 20):
        packed.append(packer.compress(bytes(min(1 << 20, count - start))))
    return b"".join([*packed, packer.flush()])


# --- PNG -----------------------------------------------------------------------------------------------


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Make a chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def make_png(
    width: int, height: int, depth: int, colour_type: int, packed: bytes, extra: bytes = b"", passes: int = 0
) -> bytes:
    """Make a PNG from deflated rows; `extra` chunks stand before them, `passes` 1 says Adam7."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, passes)
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlace(pixels: np.ndarray) -> bytes:
    """Make an interlaced RGB PNG (PNG specification, 8.2: the seven passes of Adam7)."""
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = b"".join(
        b"\0" + row.tobytes()
        for y, x, down, right in passes
        if pixels[y::down, x::right].size
        for row in pixels[y::down, x::right]
    )
    return make_png(pixels.shape[1], pixels.shape[0], 8, 2, zlib.compress(rows), passes=1)


# --- GIF -----------------------------------------------------------------------------------------------


def make_gif(width: int, height: int, frame: tuple[int, int], packed: bytes) -> bytes:
    """Make a GIF of one frame (width, height) at the top left of its screen, from LZW codes of 2 bits."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes([200, 30, 60, 0, 0, 0])
    blocks = b"".join(
        bytes([len(packed[at : at + 255])]) + packed[at : at + 255] for at in range(0, len(packed), 255)
    )
    return screen + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02" + blocks + b"\0;"


def pack_zeros(count: int) -> bytes:
    """Compress pixels of colour 0 by LZW as far as it goes: each code stands for one pixel more.

    Code 4 clears the table and 5 ends; the table ends at 4096 codes (GIF89a, appendix F).
    """
    codes, done, code = [4, 0], 1, 6
    while done < count:
        length = min(code, 4095) - 4  # code 6 is the first that stands for two pixels
        codes.append(min(code, 4095) if length <= count - done else 0)
        done += length if length <= count - done else 1
        code += 1
    bits = filled = 0
    packed = bytearray()
    for number, code in enumerate([*codes, 5]):
        bits |= code << filled
        # What a decoder has in its table by then decides the width of a code: 3 to 12 bits.
        filled += min(12, max(3, (number + 4).bit_length()))
        while filled >= 8:
            packed.append(bits & 255)
            bits >>= 8
            filled -= 8
    packed.append(bits & 255)
    return bytes(packed)


# --- TIFF ----------------------------------------------------------------------------------------------


def make_tiff(tags: dict[int, int], data: bytes, ring: bool = False) -> bytes:
    """Make a little-endian TIFF of one directory whose tags are all 32-bit numbers.

    `data` stands at offset 8; with `ring` the directory names itself as the next one.
    """
    at = 8 + len(data) + len(data) % 2
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", at if ring else 0)
    return b"II*\0" + struct.pack("<I", at) + data + bytes(len(data) % 2) + directory


def tiff_tags(width: int, height: int, **others: int) -> dict[int, int]:
    """Give the tags of a grey uncompressed TIFF of one strip."""
    length = others.get("length", width * height)
    return {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: length}


# --- images by kind ------------------------------------------------------------------------------------


def make_odd() -> dict[str, bytes]:
    """Images that are sound by their specification, however unusual: each must give its outputs."""
    wide = Image.fromarray(draw(seed=3).astype(np.uint16)[..., 0] * 200)
    palette = Image.fromarray(draw(seed=4)).quantize(16)
    cmyk = save(Image.fromarray(draw(seed=5)).convert("CMYK"), "JPEG")
    frames = [Image.fromarray(draw(seed=seed)) for seed in (6, 7, 8)]
    several = {"save_all": True, "append_images": frames[1:]}
    jpeg, png = photo("JPEG"), photo("PNG")
    text, zeros = b"comment\0", deflate_zeros(8 << 20)
    return {
        "cmyk.jpg": cmyk,
        "ycck.jpg": turn_into_ycck(cmyk),
        "grey.jpg": save(Image.fromarray(draw()).convert("L"), "JPEG"),
        "progressive.jpg": photo("JPEG", progressive=True),
        "padded.jpg": jpeg + bytes(3),
        "followed by text.jpg": jpeg + b"more",
        "thumbnail with a damaged exif.jpg": photo("JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        "16 bit.png": save(wide, "PNG"),
        "16 bit colour.png": make_png(2, 1, 16, 2, zlib.compress(b"\0" + bytes(range(12)))),
        "palette with transparency.png": save(palette, "PNG", transparency=3),
        "la.png": save(Image.fromarray(draw()).convert("LA"), "PNG"),
        "rgba.png": save(Image.fromarray(draw(channels=4)), "PNG"),
        "one bit.png": save(Image.fromarray(draw()).convert("1"), "PNG"),
        "interlaced.png": interlace(draw(13, 9)),
        "interlaced of one pixel.png": interlace(draw(1, 1)),
        "animated.png": save(frames[0], "PNG", **several),
        # Texts of 8 MB in a few KB decide no pixel: Pillow refuses them beyond 1 MB, libpng does not.
        "text bomb.png": png[:33] + png_chunk(b"zTXt", text + b"\0" + zeros) + png[33:],
        "international text bomb.png": png[:33] + png_chunk(b"iTXt", text + b"\x01\0\0\0" + zeros) + png[33:],
        "inflates beyond its rows.png": make_png(8, 8, 8, 2, deflate_zeros(300 << 20)),
        "animated.gif": save(frames[0], "GIF", **several),
        "transparent.gif": save(palette, "GIF", transparency=0),
        "animated.webp": save(frames[0], "WEBP", **several),
        "lossless.webp": photo("WEBP", lossless=True),
        "pages.tif": save(frames[0], "TIFF", **several),
        "ring.tif": make_tiff(tiff_tags(4, 3), bytes(12), ring=True),
        "rle.bmp": make_rle_bmp(),
        "binary.ppm": photo("PPM"),
        "plain.ppm": b"P3 # a comment\n2 1 255\n1 2 3 4 5 6\n",
        "photo.avif": photo("AVIF"),
        "one pixel.png": save(Image.new("RGB", (1, 1), "teal"), "PNG"),
        "one row.png": save(Image.new("RGB", (3000, 1), "teal"), "PNG"),
        "one column.jpg": save(Image.new("RGB", (1, 3000), "teal"), "JPEG"),
        # The content decides, not the extension.
        "png called.jpg": photo("PNG", seed=1),
        "jpeg called.png": photo("JPEG", seed=2),
        "webp called.gif": photo("WEBP", seed=3),
        "gif called.tif": photo("GIF", seed=4),
        "bmp called.avif": photo("BMP", seed=5),
    }


def turn_into_ycck(cmyk: bytes) -> bytes:
    """Make a CMYK JPEG say that it is YCCK: the transform of its Adobe segment (TN 5116) becomes 2."""
    at = cmyk.index(b"Adobe") + 11
    return cmyk[:at] + b"\x02" + cmyk[at + 1 :]


def make_rle_bmp() -> bytes:
    """Make a run-length BMP that leaves pixels to the background by a delta."""
    codes = bytes([4, 1, 0, 0, 0, 2, 1, 1, 3, 1, 0, 0, 4, 1, 0, 1])
    colours = bytes([0, 0, 0, 0, 255, 255, 255, 0])
    header = struct.pack("<IiiHHIIiiII", 40, 4, 4, 1, 8, 1, len(codes), 0, 0, 2, 2)
    start = 14 + len(header) + len(colours)
    return b"BM" + struct.pack("<IHHI", start + len(codes), 0, 0, start) + header + colours + codes


WHOLE = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "PPM")
SUFFIXES = {"JPEG": "jpg", "TIFF": "tif"}


def make_broken() -> dict[str, bytes]:
    """Images of which no specification allows to make a picture: each must be recorded as a failure."""
    broken = {}
    for form in WHOLE:
        suffix, whole = SUFFIXES.get(form, form.lower()), photo(form)
        broken[f"half.{suffix}"] = whole[: len(whole) // 2]
        broken[f"four bytes.{suffix}"] = whole[:4]
        broken[f"empty.{suffix}"] = b""
        broken[f"text.{suffix}"] = b"<!doctype html><title>404 Not Found</title>\n"
    return (
        broken
        | {
            "zeros.png": bytes(4096),
            "lines.jpg": b"\r\n" * 500,
            "jpeg without scans.jpg": photo("JPEG")[:2] + b"\xff\xd9",
            "no rows.png": make_png(0, 0, 8, 2, zlib.compress(b"")),
            "not deflated.png": make_png(8, 8, 8, 2, b"not deflated at all"),
            "postscript.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
            "svg.webp": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
            "archive.png": b"PK\x03\x04" + bytes(60),
            "floats.tif": save(Image.fromarray(np.ones((3, 4), np.float32)), "TIFF"),
        }
        | make_claims()
    )


def make_claims() -> dict[str, bytes]:
    """Small files whose headers claim more than a thousand million pixels."""
    jpeg, webp = photo("JPEG"), photo("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 12))])
    bmp, avif = photo("BMP"), photo("AVIF")
    frame, canvas, size = jpeg.index(b"\xff\xc0"), webp.index(b"VP8X") + 12, avif.index(b"ispe") + 8
    side = (40000 - 1).to_bytes(3, "little")
    return {
        "claims.png": make_png(60000, 60000, 8, 2, zlib.compress(b"")),
        "claims most.png": make_png(2**31 - 1, 2**31 - 1, 16, 6, zlib.compress(b"")),
        "claims.jpg": jpeg[: frame + 5] + struct.pack(">HH", 65500, 65500) + jpeg[frame + 9 :],
        "claims.gif": make_gif(65535, 65535, (1, 1), pack_zeros(1)),
        "claims.bmp": bmp[:18] + struct.pack("<ii", 100_000, 100_000) + bmp[26:],
        "claims.tif": make_tiff(tiff_tags(100_000, 100_000, length=12), bytes(12)),
        "claims.webp": webp[:canvas] + side + side + webp[canvas + 6 :],
        "claims.avif": avif[:size] + struct.pack(">II", 40000, 40000) + avif[size + 8 :],
        "claims.ppm": b"P6 60000 60000 255\n",
    }


def make_bombs(side: int) -> dict[str, bytes]:
    """Sound images of `side` x `side` pixels that are tiny as files: all of it must be held once decoded."""
    row = (side + 7) // 8 + 1
    return {
        "bomb.png": make_png(side, side, 1, 0, deflate_zeros(row * side)),
        "bomb.gif": make_gif(side, side, (side, side), pack_zeros(side * side)),
        "screen bomb.gif": make_gif(side, side, (1, 1), pack_zeros(1)),
    }


# --- names ---------------------------------------------------------------------------------------------

ODD_STEMS = (
    b"with space", b" space first", b"it's", b'say "hi"', b"comma, comma", b"new\nline", b"-rf", b"--help",
    b"many.dots.in.it", b"trailing dots...", b"tab\tbed", b"esc\x1b[31m", b"back\\slash", b"bad\xff\xfebytes",
    b"%FF", b"100%", b"~", b"$HOME", b"`id`", b"*?[x]", b"con", b"a;b|c&d", b"#1", b"=1+1",
    b"x__cutmix0-0123456789abcdef", b"n" * 250, "日本語".encode(), "na\u00efve".encode(),
    "nai\u0308ve".encode(), "\u202eltr".encode(), "\u2028".encode(), "😀".encode(),
)  # fmt: skip
"""Stems that a file system on Linux holds: anything but a slash and NUL; 250 bytes are left by `.png`."""

ODD_CLASSES = (
    b" ", b"it's", b'say "hi"', b"com,ma", b"new\nline", b"-rf", b"dots...", b"bad\xff", b"con", b"Con",
    "naïve".encode(), b"x" * 255, b"label", b"data", b"p:cat", b"null",
)  # fmt: skip
"""Class folders; `data` is also where shards stand in the parquet form, `label` is also a column."""


def write_odd_names(root: Path) -> int:
    """Write a small PNG for every odd stem and two for every odd class; gives how many there are."""
    names = [b"names/" + stem + b".png" for stem in ODD_STEMS]
    names += [b"names/a.jpg", b"names/a.png", b"names/A.JPG", b"names/a.b.png"]
    names += [folder + b"/%d.png" % number for folder in ODD_CLASSES for number in (0, 1)]
    for seed, name in enumerate(names):
        path = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(photo("PNG", seed))
    return len(names)


def write_skipped(root: Path) -> None:
    """Write what must be passed over: hidden names, other files, a FIFO, and links that lead nowhere."""
    folder = root / "names"
    for name in (".hidden.png", "..png", "...", "notes.txt", "photo.heic", "photo.png~", "photo.png."):
        (folder / name).write_bytes(photo("PNG"))
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "._0.png").write_bytes(b"\0\5\x16\7")
    os.mkfifo(folder / "fifo.png")
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "loop").symlink_to(root)
    (folder / "ping").symlink_to(folder / "pong")
    (folder / "pong").symlink_to(folder / "ping")


def write_links(root: Path, outside: Path) -> int:
    """Link an image and a directory of two images that stand outside of the root; gives how many images."""
    write_files(outside / "folder", {"0.png": photo("PNG", 1), "1.png": photo("PNG", 2)})
    write_files(outside, {"single.png": photo("PNG", 3)})
    (root / "names" / "link.png").symlink_to(outside / "single.png")
    (root / "linked").symlink_to(outside / "folder")
    return 3


# --- shards and label tables ---------------------------------------------------------------------------

ODD_PATHS = (
    "../../etc/x", "/etc/x", "..", ".", "/", "", "C:\\Windows\\x.png", "\\\\host\\share", "a/../../b.png",
    "nul\0byte.png", "new\nline.png", "-rf", "p" * 5000, ".hidden.png", "~/x.png", "file:///etc/x", None,
)  # fmt: skip

ODD_LABELS = (
    "cat", "Cat", "CAT", ".", "..", "con", "a/b", "../up", "/etc/x", "nul\0", "new\nline", "", "x" * 5000,
    " ", "back\\slash", '"', None,
)  # fmt: skip


def write_shards(root: Path) -> tuple[int, int]:
    """Write two shards of hostile rows; gives how many rows there are and how many must fail.

    The last four rows of each have no image, in four ways; paths and class names try to lead out of DST.
    """
    images: list[dict[str, object] | None] = [
        {"bytes": photo("PNG", seed), "path": path} for seed, path in enumerate(ODD_PATHS)
    ]
    missing = [None, {"bytes": None, "path": "/etc/hostname"}, {"bytes": b"", "path": None}]
    rows = [*images, *missing, {"bytes": b"no image", "path": "x"}]
    labels = [ODD_LABELS[at % len(ODD_LABELS)] for at in range(len(rows))]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    root.mkdir(parents=True)
    for number in (0, 1):
        table = pa.table(
            {
                "image": pa.array(rows, kind),
                "label": pa.array(labels[::-1] if number else labels, pa.string()),
                "file_name": pa.array([f"../{at}" for at in range(len(rows))]),
                "note": pa.array([None if at % 3 else "\0" for at in range(len(rows))]),
            }
        )
        pq.write_table(table, root / f"{number}.parquet", row_group_size=7)
    return 2 * len(rows), 2 * 4


def make_shard(path: Path, **columns: object) -> None:
    """Write a shard of these columns; `image` is two sound images where it is not given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": [photo("PNG", 1), photo("PNG", 2)]} | columns), path)


def not_utf8() -> pa.Array:
    """Make a column of two texts that are not UTF-8, which Arrow does not check when it reads."""
    ends, texts = struct.pack("<3i", 0, 2, 4), b"c\xffdo"
    return pa.StringArray.from_buffers(2, pa.py_buffer(ends), pa.py_buffer(texts))


def contradict(shard: Path) -> None:
    """Say in a shard's schema that its bytes are required, against the statistics of its columns.

    In Thrift's compact form 25 02 is `repetition_type` OPTIONAL and 18 05 starts the name of 5 letters.
    """
    data = shard.read_bytes()
    assert data.count(b"\x25\x02\x18\x05bytes") == 1
    shard.write_bytes(data.replace(b"\x25\x02\x18\x05bytes", b"\x25\x00\x18\x05bytes"))


# --- masks and boxes -----------------------------------------------------------------------------------

ODD_NAMES = (
    "../../etc/x.png", "/etc/x.png", "..", ".", "/", "C:\\x.png", "a/../../b.png", "nul\0.png",
    "new\nline.png", "esc\x1b[31m.png", "-rf", "p" * 10_000, "~/x.png", "file:///etc/x.png", "\u202eltr",
    "😀.png",
)  # fmt: skip
"""Names of images that a COCO file may hold; none is that of an image of ours."""

ODD_CATEGORIES = (
    "new\nline", "<b>&amp;", "😀", "esc\x1b[31m", "../up", "/etc/x", "c" * 10_000, "\u202eltr", "-rf", '"',
    "nul\0",
)  # fmt: skip


def make_coco(names: tuple[str, ...], categories: tuple[str, ...] = ("cell",), boxes: int = 1) -> bytes:
    """Make a COCO file of huge ids; its first image has as many boxes of each category as are wanted."""
    huge = 10**30
    places = [(number % 10, number % 7) for number in range(boxes)]
    document = {
        "images": [{"id": huge + at, "file_name": name} for at, name in enumerate(names)],
        "categories": [{"id": huge + at, "name": name} for at, name in enumerate(categories)],
        "annotations": [
            {"image_id": huge, "category_id": huge + at, "bbox": [*place, 3, 2]}
            for at in range(len(categories))
            for place in places
        ],
    }
    return json.dumps(document).encode()


def make_voc(name: str, head: str = "", more: str = "") -> bytes:
    """Make a VOC file of one box; `name` is its category as XML text, `more` stands behind the box."""
    edges = "".join(f"<{side}>{at}</{side}>" for side, at in zip(EDGES, (1, 1, 5, 4), strict=True))
    boxed = f"<object><name>{name}</name><bndbox>{edges}</bndbox></object>"
    return f"{head}<annotation>{boxed}{more}</annotation>".encode()


EDGES = ("xmin", "ymin", "xmax", "ymax")


def hostile_voc(outside: Path) -> dict[str, bytes]:
    """Make VOC files that name what lies outside of them, or grow when they are read."""
    entity = "<!DOCTYPE annotation [<!ENTITY x {}>]>"
    tenfold = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 10))
    return {
        "external entity": make_voc("&x;", entity.format(f'SYSTEM "{outside.as_uri()}"')),
        "entity by its path": make_voc("&x;", entity.format(f'SYSTEM "{outside}"')),
        "entity from the net": make_voc("&x;", entity.format('SYSTEM "http://127.0.0.1:9/"')),
        "parameter entity": make_voc("x", f'<!DOCTYPE a [<!ENTITY % x SYSTEM "{outside}"> %x;]>'),
        "external dtd": make_voc("x", f'<!DOCTYPE annotation SYSTEM "{outside}">'),
        "thousand million laughs": make_voc("&x9;", f'<!DOCTYPE a [<!ENTITY x0 "ha">{tenfold}]>'),
        "deeper than a stack": make_voc("x", more="<a>" * 500_000),
    }


def write_six(root: Path, count: int = 6) -> None:
    """Write images of 12 x 16 pixels below `src` and their masks below `masks`."""
    for folder in ("src", "masks"):
        (root / folder / "cat").mkdir(parents=True)
    for number in range(count):
        (root / "src" / "cat" / f"{number}.png").write_bytes(photo("PNG", number))
        (root / "masks" / "cat" / f"{number}.png").write_bytes(save(Image.new("L", (16, 12), number), "PNG"))


# --- images whose headers do not say what they take ----------------------------------------------------


def make_tile_bomb() -> bytes:
    """Make a TIFF of 10 x 10 pixels in one tile of 2 thousand million: a bit for each white row.

    Group 4 (ITU-T T.6) codes a row like the one above it by a single bit; the tile takes 256 MB.
    """
    width, height = 1 << 18, 1 << 13
    packed = b"\xff" * (height // 8) + b"\x00\x10\x01\x00\x10\x01"
    tags = {256: 10, 257: 10, 258: 1, 259: 4, 262: 0, 277: 1}
    return make_tiff(tags | {322: width, 323: height, 324: 8, 325: len(packed)}, packed)


def make_lying_avif(side: int) -> bytes:
    """Make an AVIF whose container says 64 x 64 pixels and whose picture is far larger."""
    data = save(Image.new("RGB", (side, side), (9, 9, 9)), "AVIF", speed=10)
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", 64, 64) + data[at + 8 :]


def make_scan_bomb(side: int, scans: int) -> bytes:
    """Make a progressive JPEG that goes over its pixels so many times more, each time for a few bytes."""
    data = save(Image.new("RGB", (side, side)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def make_wide_png() -> bytes:
    """Make a palette PNG of 90 million pixels in one row: below Pillow's bound, in 11 KB."""
    colours = png_chunk(b"PLTE", bytes(range(6)))
    return make_png(90_000_000, 1, 1, 3, deflate_zeros(90_000_000 // 8 + 1), colours)


def make_torn_pages() -> bytes:
    """Make a TIFF whose first page is sound and whose second one has no size."""
    tags = tiff_tags(4, 3)
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    second = 20 + 2 + len(entries) + 4
    first = struct.pack("<H", len(tags)) + entries + struct.pack("<I", second)
    return b"II*\0" + struct.pack("<I", 20) + bytes(12) + first + bytes(6)

"""Some hundred images of kinds that few programs write, or that nobody should: each decodes, or is refused.

They are variations: one field of a sound file takes odd values, or some of its bytes are turned at random.
As a program it decodes those of one kind, and prints what became of each.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import zlib
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from augcli.errors import DecodeError
from augcli.io.images import codec
from tests import hostile
from tests.hostile import MAX_PIXELS, deflate_zeros, make_png, photo, png_chunk, save, tiff_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

Files: TypeAlias = "Iterator[tuple[str, bytes]]"
HUGE = (0, 1, 2**31 - 1, 2**31, 2**32 - 1)
BOMB = deflate_zeros(100 << 20)


def put(data: bytes, place: int, value: bytes) -> bytes:
    """Return a file with other bytes at a place."""
    return data[:place] + value + data[place + len(value) :]


def turn(name: str, whole: bytes, count: int = 30) -> Files:
    """Yield a file with ever more of its bytes turned at random."""
    for seed in range(count):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(1 + seed // 5):
            data[chance.randrange(4, min(len(data), 900))] = chance.randrange(256)
        yield f"{name} turned {seed}", bytes(data)


def make_exif(entries: int, length: int) -> bytes:
    """Make EXIF whose tags all name the same bytes."""
    tags = b"".join(struct.pack("<HHII", 1000 + tag, 7, length, 8) for tag in range(entries))
    return (b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + tags).ljust(length + 8, b"\0")


def make_jpegs() -> Files:
    for kind, options in (("baseline", {}), ("progressive", {"progressive": True})):
        data = photo("JPEG", **options)
        frame = data.index(b"\xff\xc2" if options else b"\xff\xc0")
        # Arithmetic-coded, lossless, hierarchical: each kind of frame (ITU-T T.81, table B.1).
        yield from ((f"{kind} sof{code}", put(data, frame + 1, bytes([0xC0 + code]))) for code in range(16))
        yield from ((f"{kind} {bits} bits", put(data, frame + 4, bytes([bits]))) for bits in (0, 7, 12, 16))
        for size in ((0, 16), (12, 0), (65535, 1), (65500, 15), (1000, 1000)):
            yield f"{kind} size {size}", put(data, frame + 5, struct.pack(">HH", *size))
        yield from ((f"{kind} parts {n}", put(data, frame + 9, bytes([n]))) for n in (0, 2, 4, 255))
        yield from ((f"{kind} chroma {n:x}", put(data, frame + 11, bytes([n]))) for n in (0, 0x14, 0x44, 255))
        table = data.index(b"\xff\xdb")
        wide = b"".join(struct.pack(">H", value) for value in data[table + 5 : table + 69])
        segment = b"\xff\xdb" + struct.pack(">H", 131) + b"\x10" + wide
        yield f"{kind} 16-bit table", data[:table] + segment + data[table + 69 :]
        yield f"{kind} no table", put(data, table + 5, bytes(64))
        yield from turn(kind, data)
    cmyk = save(Image.new("CMYK", (16, 12), (10, 200, 30, 40)), "JPEG")
    adobe = cmyk.index(b"Adobe") + 11
    yield from ((f"adobe {code}", put(cmyk, adobe, bytes([code]))) for code in (0, 1, 2, 3, 255))
    yield "cmyk without adobe", cmyk.replace(b"Adobe", b"other")
    body = b"Exif\0\0" + make_exif(5400, 65_000)[:65_500]
    yield "exif bomb", data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(body)) + body + data[2:]
    profile = b"ICC_PROFILE\0\1\1" + bytes(60_000)
    yield "profiles", data[:2] + (b"\xff\xe2" + struct.pack(">H", 2 + len(profile)) + profile) * 99 + data[2:]
    yield "segments", data[:2] + b"\xff\xe5\0\2" * 300_000 + data[2:]
    yield "fill", data[:2] + b"\xff" * 2_000_000 + data[3:]
    yield "scans", hostile.make_scan_bomb(1000, 40_000)


def make_pngs() -> Files:
    rows = zlib.compress(bytes(31 * 10))
    for kind, head in ((b"iCCP", b"x\0\0"), (b"zTXt", b"x\0\0"), (b"iTXt", b"x\0\1\0\0\0")):
        text = png_chunk(kind, head + deflate_zeros(900_000))
        yield f"{kind} bomb", make_png(10, 10, 8, 2, rows, png_chunk(kind, head + BOMB))
        yield f"{kind} bombs", make_png(10, 10, 8, 2, rows, text * 100)
        yield f"late {kind}", make_png(10, 10, 8, 2, rows)[:-12] + text * 100 + png_chunk(b"IEND", b"")
    exif = png_chunk(b"eXIf", make_exif(60_000, 2_000_000))
    yield "exif bomb", make_png(10, 10, 8, 2, rows, exif)
    yield "late exif bomb", make_png(10, 10, 8, 2, rows)[:-12] + exif + png_chunk(b"IEND", b"")
    yield "pixels bomb", make_png(10, 10, 8, 2, BOMB)
    yield "chunks", make_png(10, 10, 8, 2, rows, png_chunk(b"quUx", b"") * 50_000)
    for size in ((1, 10**6), (10**6, 1), (1000, 1000), *((1, side) for side in HUGE), (2**31 - 1, 2**31 - 1)):
        for passes in (0, 1):
            yield f"tiny {size} {passes}", make_png(*size, 8, 2, zlib.compress(b"\0"), passes=passes)
    for depth in (0, 1, 3, 8, 16, 32):
        for colour in range(8):
            yield f"{depth} bits of {colour}", make_png(10, 10, depth, colour, zlib.compress(bytes(2000)))
    palette = png_chunk(b"PLTE", bytes(30))
    for extra in (b"", png_chunk(b"PLTE", b""), palette + png_chunk(b"tRNS", bytes(3000))):
        yield f"palette {len(extra)}", make_png(10, 10, 8, 3, zlib.compress(b"\xff" * 110), extra)
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "teal", "navy")]
    moving = save(frames[0], "PNG", save_all=True, append_images=frames[1:])
    control, frame = moving.index(b"acTL"), moving.index(b"fcTL")
    for count in HUGE:
        chunk = png_chunk(b"acTL", struct.pack(">II", count, 0))
        yield f"{count} frames", put(moving, control - 4, chunk)
    for place in ((0, 0, 0, 0), (60_000, 60_000, 0, 0), (16, 12, 9, 9), (16, 12, 2**32 - 1, 0)):
        chunk = png_chunk(b"fcTL", struct.pack(">5I2H2B", 0, *place, 1, 1, 0, 0))
        yield f"frame {place}", put(moving, frame - 4, chunk)
    yield from turn("moving", moving)


def make_tiffs() -> Files:
    data = bytes(36)
    sound = tiff_tags(4, 3)
    for tag, values in {
        256: (0, 1000, *HUGE), 257: (0, 10**6, *HUGE), 258: (0, 2, 12, 16, 32, 64, 65535), 277: (0, 2, 5),
        259: (0, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34712, 34925, 50000, 50001), 262: (0, 3, 5, 6, 8, 32803),
        273: HUGE, 278: HUGE, 279: HUGE, 284: (0, 2, 3), 317: (2, 3, 9), 338: (0, 1, 2), 339: (2, 3, 6),
        330: (8,), 34665: (44,), 34853: (44,), 274: (0, 5, 9),
    }.items():  # fmt: skip
        yield from ((f"{tag} = {value}", hostile.make_tiff(sound | {tag: value}, data)) for value in values)
    many = sound | {20_000 + tag: 2**31 for tag in range(20_000)}
    yield "many tags", hostile.make_tiff(many, data)
    yield "ring", hostile.make_tiff(sound, data, ring=True)
    for side in ((16, 16), (0, 16), (1000, 1000), (999_999, 1), (2**31, 2**31), (15, 15)):
        for code in (1, 5, 8):
            tags = {256: 10, 257: 10, 258: 8, 259: code, 262: 1, 277: 1, 322: side[0], 323: side[1]}
            yield f"tile {side} {code}", hostile.make_tiff(tags | {324: 8, 325: len(BOMB)}, BOMB)
    for form in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits"):
        image = Image.fromarray(hostile.draw(32, 32))
        yield from turn(form, save(image, "TIFF", compression=form), 15)
    yield from turn("big", save(image, "TIFF", big_tiff=True), 15)


def make_gifs() -> Files:
    sides = ((0, 0), (0, 10), (10, 10), (1000, 1000), (65535, 15), (65535, 65535))
    for screen in sides:
        for frame in sides:
            yield f"{frame} on {screen}", hostile.make_gif(*screen, frame, hostile.pack_zeros(100))
    sound = hostile.make_gif(10, 10, (10, 10), hostile.pack_zeros(100))
    yield "comments", sound[:19] + b"!\xfe\x01x\0" * 100_000 + sound[19:]
    yield "frames", sound[:-1] + sound[19:-1] * 20_000 + b";"
    yield "no frame", sound[:19] + b";"
    yield from turn("gif", photo("GIF"))


def make_bmps() -> Files:
    sound = photo("BMP")
    for bits in (0, 1, 4, 8, 16, 24, 32, 64):
        for code in (0, 1, 2, 3, 4, 5, 6, 11, 99):
            yield f"{bits} bits {code}", put(sound, 28, struct.pack("<HI", bits, code)) + bytes(2000)
    for size in (
        (8, -8),
        (-8, 8),
        (0, 8),
        (8, 0),
        (1000, 1000),
        (-(2**31), 1),
        (1, -(2**31)),
        (2**31 - 1, 1),
    ):
        for code, bits in ((0, 24), (1, 8), (2, 4)):
            head = put(put(sound, 18, struct.pack("<ii", *size)), 28, struct.pack("<HI", bits, code))
            yield f"{size} {code}", head
    rle = hostile.make_rle_bmp()
    for name, codes in {"far": b"\0\2\xff\xff" * 9999, "lines": b"\0\0" * 99_999, "cut": b"\0\xff"}.items():
        yield f"rle {name}", rle[:-16] + codes
    yield from (
        (f"head {size}", put(sound, 14, struct.pack("<I", size))) for size in (0, 1, 12, 16, 64, *HUGE)
    )
    yield from turn("bmp", sound)


def make_pnms() -> Files:
    for most in (0, 1, 15, 255, 256, 65535, 65536, 10**9):
        for kind in (b"P2", b"P3", b"P5", b"P6"):
            yield f"{kind} {most}", kind + b" 3 2 %d\n" % most + b"1 " * 20
    for size in (b"0 0", b"-3 2", b"0x3 2", b"1000 1000", b"9" * 100_000 + b" 2", b"", b"3"):
        yield f"size {size[:9]}", b"P6 " + size + b" 255\n" + bytes(18)
    for name, head in {"comment": b"#" + b"x" * 10**6 + b"\n", "comments": b"#\n" * 10**5}.items():
        yield name, b"P6\n" + head + b"3 2 255\n" + bytes(18)
    for name, token in {"long": b"1" * 10**6, "spaces": b" " * 10**6 + b"1 " * 18}.items():
        yield f"plain {name}", b"P3 3 2 255\n" + token
    for kind in (b"P1", b"P4", b"P7", b"PF", b"Pf", b"Py", b"PyRGBA", b"P0CMYK", b"PyP"):
        yield f"kind {kind}", kind + b"\n3 2\n-1\n" + bytes(99)
        yield f"kind {kind} 255", kind + b"\n3 2\n255\n" + bytes(99)


def make_webps() -> Files:
    lossless = photo("WEBP", lossless=True)
    picture = lossless[12:]
    for size in ((1, 1), (16, 12), (1000, 1000), (16384, 61)):
        sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
        for flags in (0, 2, 8, 16, 32):
            head = b"VP8X\x0a\0\0\0" + bytes([flags, 0, 0, 0]) + sides
            for name, body in {"": b"", "EXIF": make_exif(60_000, 10**6), "ICCP": bytes(10**6)}.items():
                chunk = struct.pack("<4sI", name.encode(), len(body)) + body if name else b""
                whole = b"WEBP" + head + picture + chunk
                yield f"{size} {flags} {name}", b"RIFF" + struct.pack("<I", len(whole)) + whole
    frames = [Image.fromarray(hostile.draw(seed=seed)) for seed in range(4)]
    yield from turn("moving", save(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    yield from turn("lossless", lossless)


def make_avifs() -> Files:
    sound = photo("AVIF")
    size = sound.index(b"ispe") + 8
    yield from ((f"side {side}", put(sound, size, struct.pack(">II", side, side))) for side in (64, *HUGE))
    yield "exif bomb", photo("AVIF", exif=b"Exif\0\0" + make_exif(60_000, 10**6))
    yield from turn("still", sound, 40)
    frames = [Image.fromarray(hostile.draw(seed=seed)) for seed in range(4)]
    yield from turn("moving", save(frames[0], "AVIF", save_all=True, append_images=frames[1:]), 40)


def make_renamed() -> Files:
    image = Image.fromarray(hostile.draw(16, 16))
    for form in ("ICO", "JPEG2000", "TGA", "PCX", "DDS", "SGI", "ICNS", "PDF", "EPS", "IM", "SPIDER", "MSP"):
        yield form, save(image.convert("1") if form == "MSP" else image, form)
    yield "CUR", put(save(image, "ICO"), 2, b"\2")
    yield "PSD", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 60_000, 60_000, 8, 3) + bytes(40)
    for brand in (b"heic", b"heix", b"mif1", b"avif", b"avis", b"isom"):
        yield f"{brand}", struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1" + brand + bytes(100)
    yield "JPEG XL", b"\xff\x0a" + bytes(99)
    yield "JPEG XL box", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99)
    yield "QOI", b"qoif" + struct.pack(">II", 60_000, 60_000) + bytes(20)


KINDS = {
    "jpeg": make_jpegs, "png": make_pngs, "tiff": make_tiffs, "gif": make_gifs, "bmp": make_bmps,
    "pnm": make_pnms, "webp": make_webps, "avif": make_avifs, "renamed": make_renamed,
}  # fmt: skip


def decode_all(kind: str) -> dict[str, str]:
    """Decode all images of a kind; gives what became of each: its shape, or why it was refused."""
    ended = {}
    for name, data in KINDS[kind]():
        try:
            with codec.own_pixel_bound():
                header = codec.read_header(data, MAX_PIXELS)
                ended[name] = f"{codec.decode(data, header).shape}"
        except DecodeError as error:
            ended[name] = f"refused: {error}"
    return ended


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    codec.decode(photo("AVIF"), codec.read_header(photo("AVIF"), MAX_PIXELS))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = decode_all(sys.argv[1])
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    json.dump({"ended": found, "grown_mib": grown}, sys.stdout)

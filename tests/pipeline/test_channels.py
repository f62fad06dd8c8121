"""Channels and depth of outputs: those of the base, but colour where any of its sources has colour."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli

SIDE = 12
SOURCES = {
    "grey": Image.new("L", (SIDE, SIDE), 100),
    "red": Image.new("RGB", (SIDE, SIDE), (255, 0, 0)),
    "veil": Image.new("RGBA", (SIDE, SIDE), (0, 255, 0, 128)),
    "deep": Image.fromarray(np.full((SIDE, SIDE), 1000, np.uint16)),
    "dark": Image.new("L", (SIDE, SIDE), 50),
}
"""One image of one colour in each kind."""

AS_BASE = {
    "grey": {"L": 100, "RGB": (100, 100, 100)},
    "dark": {"L": 50, "RGB": (50, 50, 50)},
    "red": {"RGB": (255, 0, 0)},
    "veil": {"RGBA": (0, 255, 0, 128)},
    "deep": {"I;16": 1000},
}
"""What a base looks like in the modes that its outputs may have."""

AS_PARTNER = {
    # Over white, (0·128 + 255·127 + 127) // 255 = 127; its luma on 16 bit is
    # (27066·127 + 38470·255)·257 / 65536 = 51949.1.
    "veil": {"RGB": (127, 255, 127), "I;16": 51949},
    "red": {"RGB": (255, 0, 0), "I;16": 19595},  # 19595·65535 / 65536 = 19594.7
    "grey": {"L": 100, "RGB": (100, 100, 100), "I;16": 25700},
    "dark": {"L": 50, "RGB": (50, 50, 50), "I;16": 12850},
    "deep": {"L": 4, "RGB": (4, 4, 4)},  # (1000 + 128) // 257
}
"""What a partner looks like there; where a base has alpha, opaque."""


@pytest.fixture
def make(tmp_path):
    """Write sources as the classes of a folder: `make("grey", "red")`."""

    def write(*names):
        for name in names:
            (tmp_path / "src" / name).mkdir(parents=True)
            SOURCES[name].save(tmp_path / "src" / name / "a.png")
        return tmp_path / "src"

    return write


def outputs(src, dst, recipe, **options):
    """Materialize; gives the summary, and each row with its image."""
    summary = augcli.materialize(src, dst, {"image-format": "png", **recipe}, workers=1, **options)
    rows = pq.read_table(dst / "metadata.parquet").to_pylist()
    return summary, [(row, Image.open(dst / row["file_name"])) for row in rows]


def count_colours(image):
    """Count the pixels of each colour; Pillow's own count knows no 16 bit."""
    pixels = np.asarray(image).reshape(SIDE * SIDE, -1)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    names = [colour[0] if len(colour) == 1 else tuple(colour) for colour in found.tolist()]
    return dict(zip(names, counts.tolist(), strict=True))


def kind_of(key):
    return key.split("/")[0]


def as_base(name, mode):
    return AS_BASE[name][mode]


def as_partner(name, mode):
    return (*AS_PARTNER[name]["RGB"], 255) if mode == "RGBA" else AS_PARTNER[name][mode]


def mode_of(base, partner):
    if base in ("grey", "dark"):
        return "RGB" if partner in ("red", "veil") else "L"
    return {"red": "RGB", "veil": "RGBA", "deep": "I;16"}[base]


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_every_kind_of_image_meets_every_other_and_the_pixels_are_the_label(make, tmp_path, backend):
    recipe = {"copies": 4, "op": [{"kind": "cutmix", "lam": 0.4}]}
    _, made = outputs(make(*SOURCES), tmp_path / "dst", recipe, backend=backend)
    met = set()
    for row, image in made:
        if not row["applied"]:
            continue
        base, partner = kind_of(row["source"]), kind_of(row["partners"][0])
        met.add((base, partner))
        assert image.mode == mode_of(base, partner)
        ours, theirs = as_base(base, image.mode), as_partner(partner, image.mode)
        counts = count_colours(image)
        assert set(counts) <= {ours, theirs}, (base, partner)
        assert counts.get(ours, 0) / SIDE**2 == pytest.approx(row["lam"], abs=1e-12)
    assert len(met) > 15


def test_a_grey_image_that_nobody_mixes_stays_grey(make, tmp_path):
    _, made = outputs(make("grey", "red"), tmp_path / "dst", {"op": [{"kind": "erase", "fill": "255,0,0"}]})
    modes = {kind_of(row["source"]): image.mode for row, image in made}
    assert modes == {"grey": "L", "red": "RGB"}


def test_a_transparent_partner_shows_the_background_that_is_asked_for(make, tmp_path):
    recipe = {"background": "0,0,255", "op": [{"kind": "cutmix", "lam": 0.0, "boundary": "inside"}]}
    _, made = outputs(make("red", "veil"), tmp_path / "dst", recipe)
    found = {kind_of(row["source"]): image.getpixel((5, 5)) for row, image in made}
    # (255·127 + 127) // 255 = 127 of the blue behind, 128 of the green before it.
    assert found == {"red": (0, 128, 127), "veil": (255, 0, 0, 255)}


def test_a_blend_keeps_the_alpha_of_the_base_and_counts_what_is_seen(make, tmp_path):
    _, made = outputs(make("red", "veil"), tmp_path / "dst", {"op": [{"kind": "mixup", "lam": 0.5}]})
    found = {kind_of(row["source"]): (image.getpixel((5, 5)), row["weights"]) for row, image in made}
    # w = 32768: D = (128 + 255)·32768; red 255·255·32768 / D = 169.8, green 255·128·32768 / D = 85.2,
    # alpha (D + 32768) >> 16 = 192. Over white the partner is (127, 255, 127).
    assert found["veil"] == ((170, 85, 0, 192), [0.5, 0.5])
    assert found["red"] == ((191, 128, 64), [0.5, 0.5])


def test_colour_partners_of_16_bit_grey_are_counted_once_an_output(make, tmp_path):
    recipe = {"copies": 2, "op": [{"kind": "mixup", "lam": 0.5}]}
    summary, _ = outputs(make("deep", "red"), tmp_path / "dst", recipe)
    assert summary.counts == {"colour partners read as grey, since 16-bit grey stays so": 2}


def test_the_mean_of_a_16_bit_image_fills_in_its_own_depth(make, tmp_path):
    recipe = {"op": [{"kind": "cutout", "fill": "image-mean"}]}
    _, made = outputs(make("deep"), tmp_path / "dst", recipe)
    ((row, image),) = made
    assert count_colours(image) == {1000: SIDE * SIDE}
    (step,) = row["steps"]
    assert (step["red"], step["noise"], step["mean"]) == (None, None, [1000 / 65535] * 3)
    assert augcli.verify(tmp_path / "dst", against=tmp_path / "src").differences == ()


def test_the_mean_of_a_grey_base_fills_it_where_it_becomes_colour(make, tmp_path):
    ops = [{"kind": "cutout", "fill": "image-mean", "length": 4}, {"kind": "mixup", "lam": 0.5}]
    _, made = outputs(make("grey", "red"), tmp_path / "dst", {"op": ops})
    colours = {kind_of(row["source"]): count_colours(image) for row, image in made}
    # (100 + 255 + 1) >> 1 and (100 + 0) >> 1: the hole of grey is the grey around it.
    assert colours["grey"] == {(178, 50, 50): SIDE * SIDE}


def test_a_grey_jpeg_that_becomes_colour_is_a_colour_jpeg(tmp_path):
    for name, image in (("grey", SOURCES["grey"]), ("red", SOURCES["red"])):
        (tmp_path / "src" / name).mkdir(parents=True)
        image.save(tmp_path / "src" / name / "a.jpg", quality=90)
    recipe = {"image-format": "keep", "op": [{"kind": "cutmix", "lam": 0.0, "boundary": "inside"}]}
    _, made = outputs(tmp_path / "src", tmp_path / "dst", recipe)
    assert {image.mode for _, image in made} == {"RGB"}
    (image,) = (image for row, image in made if kind_of(row["source"]) == "grey")
    assert np.abs(np.asarray(image).astype(int) - (255, 0, 0)).max() <= 2


# --- what is carried and counted beside the pixels --------------------------------------------------------


def make_profile(space=b"RGB ", filling=b"x"):
    """Make what is a profile by its header, and otherwise filling."""
    header = (300).to_bytes(4, "big") + bytes(12) + space + bytes(16) + b"acsp"
    return (header + bytes(128 - len(header))).ljust(300, filling)


@pytest.fixture
def make_profiled(tmp_path):
    """Write images with profiles: `make_profiled({"a/1.jpg": ("RGB", profile)})`."""

    def write(images):
        for number, (key, (mode, profile)) in enumerate(images.items()):
            path = tmp_path / "src" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            given = {} if profile is None else {"icc_profile": profile}
            Image.new(mode, (SIDE, SIDE), (40 * number,) * len(Image.new(mode, (1, 1)).getbands())).save(
                path, **given
            )
        return tmp_path / "src"

    return write


LEFT_OUT = "colour profiles left out, since they do not describe the images written"
OTHER = "partners with another colour profile, whose numbers are used as they are"
MIX = {"image-format": "keep", "op": [{"kind": "mixup", "lam": 0.5}]}


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("op", ["mixup", "cutout"])
def test_the_profile_of_the_base_is_carried(make_profiled, tmp_path, suffix, op):
    profile = make_profile()
    src = make_profiled({f"{label}/1.{suffix}": ("RGB", profile) for label in "abc"})
    summary, made = outputs(src, tmp_path / "dst", {"image-format": "keep", "op": [{"kind": op, "p": 0.5}]})
    assert {image.info.get("icc_profile") for _, image in made} == {profile}
    assert summary.counts == {}


def test_partners_of_another_profile_are_counted(make_profiled, tmp_path):
    wide, other = make_profile(filling=b"w"), make_profile(filling=b"o")
    src = make_profiled({"a/1.jpg": ("RGB", wide), "b/1.jpg": ("RGB", other)})
    summary, made = outputs(src, tmp_path / "dst", MIX)
    assert summary.counts == {OTHER: 2}
    found = {kind_of(row["source"]): image.info["icc_profile"] for row, image in made}
    assert found == {"a": wide, "b": other}


def test_a_profile_of_another_colour_space_is_left_out_and_counted(make_profiled, tmp_path):
    grey, cmyk = make_profile(b"GRAY"), make_profile(b"CMYK")
    src = make_profiled({"a/1.jpg": ("L", grey), "b/1.jpg": ("CMYK", cmyk), "c/1.jpg": ("L", make_profile())})
    summary, made = outputs(src, tmp_path / "dst", {"image-format": "keep", "op": [{"kind": "cutout"}]})
    found = {kind_of(row["source"]): image.info.get("icc_profile") for row, image in made}
    assert found == {"a": grey, "b": None, "c": None}
    assert summary.counts == {LEFT_OUT: 2}


def test_a_grey_profile_is_left_out_where_a_partner_brings_colour(make_profiled, tmp_path):
    src = make_profiled({"a/1.png": ("L", make_profile(b"GRAY")), "b/1.png": ("RGB", None)})
    summary, made = outputs(src, tmp_path / "dst", MIX)
    assert {image.info.get("icc_profile") for _, image in made} == {None}
    assert summary.counts[LEFT_OUT] == 1


def test_narrowed_colour_is_counted_once_for_each_output_that_it_concerns(tmp_path):
    for label, value in (("deep", 65535), ("flat", 255)):
        (tmp_path / "src" / label).mkdir(parents=True)
        width = 2 if value > 255 else 1
        body = value.to_bytes(width, "big") * 3 * SIDE * SIDE
        (tmp_path / "src" / label / "a.ppm").write_bytes(b"P6 %d %d %d\n" % (SIDE, SIDE, value) + body)
    note = "16-bit colour read as 8-bit"
    mixed, _ = outputs(tmp_path / "src", tmp_path / "mixed", {"copies": 2, "op": [{"kind": "mixup"}]})
    alone, _ = outputs(tmp_path / "src", tmp_path / "alone", {"copies": 2, "op": [{"kind": "cutout"}]})
    assert mixed.counts == {note: 4}  # as the base of two outputs and as the partner of two
    assert alone.counts == {note: 2}


def test_a_copied_16_bit_colour_png_loses_nothing_and_is_not_counted(tmp_path):
    import struct
    import zlib

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" + bytes(6))) + chunk(b"IEND", b"")
    (tmp_path / "src" / "a").mkdir(parents=True)
    (tmp_path / "src" / "a" / "x.png").write_bytes(data)
    summary, _ = outputs(tmp_path / "src", tmp_path / "dst", {"op": [{"kind": "cutout", "p": 0}]})
    assert summary.counts == {}

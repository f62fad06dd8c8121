"""Whether two machines would write the same bytes: a digest of versions, and of what they give."""

from __future__ import annotations

import io
import platform
import struct
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from augcli import __version__
from augcli.errors import VersionError
from augcli.io.images import codec, facts
from augcli.io.records.part_files import Output, PartFacts, rows_to_table, write_part_file
from augcli.io.store.hashes import digest_bytes
from augcli.program.cells import follow_program
from augcli.program.layers import Layer
from augcli.program.polygons import bound_outlines, cut_polygons, geos_version
from augcli.program.steps import Fill, Patches
from augcli.recipe import OUTPUT_VERSION
from augcli.rng import draw_many, shares
from augcli.samples import Colour, Polygons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from augcli.samples import Pixels

SIDE, DRAWS = 64, 1000


@cache
def digest() -> str:
    """Return a digest of what decides bytes beside input, recipe and seed: equal on machines that agree.

    It holds versions, and golden results: versions say nothing of another libc, codec or processor. It takes
    some milliseconds, once a process.
    """
    versions = repr([OUTPUT_VERSION, *sorted(versions_here().items())])
    return digest_bytes(
        versions.encode(), *_encode_image(), _draw_shares(), _write_rows(), _cut_outline()
    ).hex()


def versions_here() -> dict[str, str]:
    """Return the versions of the packages that decide bytes."""
    versions = {"augcli": __version__, **facts.versions(), "pyarrow": version("pyarrow")}
    return versions | {"shapely": version("shapely"), "GEOS": geos_version()}


def check(planned: str) -> None:
    """Refuse to work in another environment than the plan's.

    Args:
        planned: The digest where the plan was made.

    Raises:
        VersionError: If this one is another.
    """
    if digest() != planned:
        here = ", ".join(f"{name} {number}" for name, number in versions_here().items())
        raise VersionError(
            f"{platform.node()!r} would write other bytes than the machine that planned: it has {here} on"
            f" {platform.machine()}; install the same versions on all machines, of one kind of processor"
        )


def _encode_image() -> list[bytes]:
    """Return a made-up image as JPEG and PNG, and what the JPEGs decode to."""
    pixels = _make_pixels()
    colour = Colour(255, 255, 255)
    encoded = [codec.encode(pixels, "jpg", 90, subsampling, colour) for subsampling in ("444", "420")]
    decoded = [codec.decode(data, codec.read_header(data, SIDE * SIDE)).tobytes() for data in encoded]
    return [*encoded, *decoded, codec.encode(pixels, "png", 90, "444", colour)]


def _make_pixels() -> Pixels:
    """Return a made-up image: a slope in each channel, and noise on it."""
    noise = (np.arange(SIDE * SIDE * 3, dtype=np.uint32) * np.uint32(2654435761)) >> np.uint32(27)
    y, x, channel = np.indices((SIDE, SIDE, 3))
    slope = (y * (channel + 1) + x * (3 - channel)) % 224
    return (slope + noise.reshape(slope.shape)).astype(np.uint8)


def _draw_shares() -> bytes:
    """Return log-odds and shares that are drawn: what `log`, `exp` and their kin give here."""
    draws = draw_many(0, [(0, 0, number) for number in range(DRAWS)], 2)
    odds = [numbers.beta_log_odds(1, 0.2 + numbers.sample / DRAWS) for numbers in draws]
    return struct.pack(f"<{2 * DRAWS}d", *odds, *(shares(value)[0] for value in odds))


def _write_rows() -> bytes:
    """Return a part file of one row."""
    row = Output(
        *("cat/a.jpg", 0, (0, 1), (0.75, 0.25), 0.75, "cat/a.jpg", ("dog/b.jpg",), "cutmix", 0, True, "", ()),
        *(SIDE, SIDE, 1, "0" * 32, 0, ()),
    )
    kept = _Kept()
    write_part_file(kept, "golden", rows_to_table([row]), PartFacts(fingerprint="", contents=b"0" * 16))
    return kept.file.getvalue()


def _cut_outline() -> bytes:
    """Return what patches leave of a made-up outline that crosses itself: what GEOS gives here."""
    places = np.arange(12) * 7 % 12  # exact quotients: no library's sine
    points = np.stack([SIDE / 12 * places, SIDE * (places * 5 % 12) / 13], 1)
    patches = Patches(8, 8, bytes(number * 5 % 7 < 3 for number in range(SIDE)))
    cells = follow_program((Fill(patches, Colour(0, 0, 0)),), SIDE, SIDE)
    layer = Layer.of(None, cells, 0, (0, 0, SIDE, SIDE), None)
    (cut,) = cut_polygons([Polygons(points, (12,))], bound_outlines([points]), [layer], np.zeros(1, np.int64))
    assert cut.form is not None
    return struct.pack("<2d", cut.whole, cut.area) + cut.form.points.tobytes()


class _Kept:
    """A sink of one file, in memory."""

    def __init__(self) -> None:
        self.file = io.BytesIO()

    @contextmanager
    def writing(self, key: str) -> Iterator[BinaryIO]:
        """Write the file, whatever its key; see `Sink.writing`."""
        yield self.file

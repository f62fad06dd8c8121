"""One part file and its outputs, checked: every byte, and every label against the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from augcli.errors import DecodeError, OutputError, StorageError
from augcli.io.images import codec
from augcli.io.images.index_masks import decode_mask
from augcli.io.records import part_files
from augcli.io.records.annotation_columns import MASK
from augcli.io.records.step_columns import read_label, read_program
from augcli.io.store.hashes import hash_bytes
from augcli.io.store.names import part_key
from augcli.io.writers.comparison import Comparison, Difference
from augcli.pipeline.output.compare_documents import IMPOSSIBLE
from augcli.program.labels import count_shares, mix_known
from augcli.rng import hash_key

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from augcli.io.records.parts import Part
    from augcli.io.store.base import Store
    from augcli.io.writers.base import Writer


@dataclass(frozen=True, slots=True)
class PartCheck:
    """Checks the part files of an output.

    Attributes:
        store: Where the output lies.
        standing: Keys of all files there.
        max_pixels: Images with more pixels count as failed.
    """

    store: Store
    standing: AbstractSet[str]
    max_pixels: int

    def check(self, part: Part, writer: Writer) -> tuple[list[Difference], int, dict[int, int]]:
        """Return differences, the number of outputs, and hashes of source keys and of their labels.

        Raises:
            OutputError: If the part file is damaged.
        """
        rows, facts, key = part.rows(), part.facts, part_key(part.chunk)
        assert facts is not None
        comparison = Comparison(self.store, self.standing)
        part_files.write_part_file(comparison, part.chunk, rows, facts)
        differences = self._check_files(rows, writer, key, comparison)
        differences += comparison.explain()
        labels: dict[int, int] = {}
        for name, row in zip(_places(writer, rows), rows.to_pylist(), strict=True):
            wrong = _check_label(row)
            for source, label in zip(
                [row["source"], *row["partners"]], row[part_files.SOURCES], strict=False
            ):
                printed = hash_key(repr(label))
                if labels.setdefault(hash_key(source), printed) != printed:
                    wrong = wrong or f"{source!r} has another label than in other outputs"
            differences += [Difference(name, wrong)] if wrong else []
        return differences, len(rows), labels

    def _check_files(self, rows: Any, writer: Writer, key: str, comparison: Comparison) -> list[Difference]:
        """Return faults of the images and masks, and compare other files that are written from the rows."""
        differences, standing = [], self._take_standing(rows, writer)
        try:
            places = _places(writer, standing)
            images = list(zip(places, standing.to_pylist(), writer.load(standing), strict=False))
            writer.rewrite(standing, comparison)
        except (OutputError, StorageError, *IMPOSSIBLE) as error:
            return [Difference(key, f"its outputs cannot be read: {error}")]
        for name, row, pair in images:
            wrong = _check_image(row, pair.image, self.max_pixels) or _check_mask(row, pair.mask)
            differences += [Difference(name, wrong)] if wrong else []
        return differences

    def _take_standing(self, rows: Any, writer: Writer) -> Any:
        """Return the rows whose files stand; that the others are missing is said already."""
        names = rows.column("file_name").to_pylist()
        numbers = [number for number, name in enumerate(names) if writer.files([name]) <= self.standing]
        return rows.take(numbers) if numbers else rows.slice(0, 0)


def _places(writer: Writer, rows: Any) -> list[str]:
    """Return where the outputs of rows lie, for messages."""
    return [writer.place(name) for name in rows.column("file_name").to_pylist()]


def _check_image(row: dict[str, Any], data: bytes, max_pixels: int) -> str:
    """Return what is wrong with an image; empty if nothing is."""
    if len(data) != row["bytes"]:
        return f"it has {len(data)} bytes, not {row['bytes']}"
    if hash_bytes(data) != row["hash"]:
        return "its bytes are others than were written"
    try:
        height, width, _ = codec.decode(data, codec.read_header(data, max_pixels)).shape
    except DecodeError as error:
        return f"it does not decode: {error}"
    if (height, width) != (row["height"], row["width"]):
        return f"it has {height}x{width} pixels, not {row['height']}x{row['width']}"
    return ""


def _check_mask(row: dict[str, Any], data: bytes) -> str:
    """Return what is wrong with the mask of an image; empty if nothing is, or there is no mask."""
    mask = row.get(MASK)
    if mask is None:
        return ""
    if len(data) != mask["bytes"]:
        return f"its mask has {len(data)} bytes, not {mask['bytes']}"
    if hash_bytes(data) != mask["hash"]:
        return "its mask's bytes are others than were written"
    try:
        size = decode_mask(data).indices.shape
    except DecodeError as error:
        return f"its mask does not decode: {error}"
    if size != (row["height"], row["width"]):
        return f"its mask has {size[0]}x{size[1]} pixels, not {row['height']}x{row['width']}"
    return ""


def _check_label(row: dict[str, Any]) -> str:
    """Return how a row's label is not what its steps give, or nothing."""
    try:
        program = read_program(row["steps"])
        sources = [read_label(label) for label in row[part_files.SOURCES]]
        shares = count_shares(program, row["height"], row["width"], len(row["partners"]))
        expected = (*mix_known(sources, shares), shares.lam)
        recorded = (row["label"], read_label(row), row["lam"])
    except IMPOSSIBLE as error:
        return f"its label cannot be counted from its steps: {error}"
    # So its weights sum to 1 where its sources' weights do.
    return "" if recorded == expected else "its label is not what its steps give"

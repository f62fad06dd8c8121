"""JPEGs that are decoded though libjpeg complains: counted, listed, and failed where that is asked for."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.io.images import codec
from augcli.io.records.part_files import write_part_file
from augcli.io.records.parts import Parts
from augcli.io.store.local import LocalStore
from augcli.io.store.names import part_names
from augcli.report.summary import describe, document

WARNED = "decoded with warnings"
PREMATURE = "Corrupt JPEG data: premature end of data segment"


def encode(mode="RGB", seed=0, **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def halve(data):
    """Lose the second half of a JPEG's data, but for its end."""
    start = data.index(b"\xff\xda")
    return data[: start + (len(data) - start) // 2] + data[-2:]


def read(data):
    return codec.decode_noting(data, codec.read_header(data, 10**6))


# --- the codec -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("L", {}),
        ("CMYK", {}),
        ("RGB", {"progressive": True}),
        ("CMYK", {"progressive": True}),
        ("RGB", {"restart_marker_rows": 1}),
        ("L", {"restart_marker_rows": 1}),
    ],
)
def test_a_jpeg_without_its_second_half_decodes_with_a_complaint(mode, options):
    whole = encode(mode, **options)
    assert read(whole).complaint == ""
    damaged = read(halve(whole))
    assert damaged.complaint.startswith("Corrupt JPEG data: ")
    assert damaged.pixels.shape == (40, 48, 1 if mode == "L" else 3)


def test_a_jpeg_that_stores_rgb_is_listened_to():
    assert read(encode(keep_rgb=True)).complaint == ""
    assert read(halve(encode(keep_rgb=True))).complaint == PREMATURE


def test_garbage_before_the_end_is_a_complaint():
    whole = encode()
    complaint = read(whole[:-2] + b"garbage" * 9 + whole[-2:]).complaint
    assert complaint.startswith("Corrupt JPEG data: ")
    assert "extraneous bytes before marker 0xd9" in complaint


def test_garbage_between_segments_is_a_complaint():
    whole = encode()
    at = whole.index(b"\xff\xdb")
    complaint = read(whole[:at] + b"abc" + whole[at:]).complaint
    assert complaint == "Corrupt JPEG data: 3 extraneous bytes before marker 0xdb"


def test_what_stands_behind_the_end_is_none():
    assert read(encode() + b"more").complaint == ""


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_other_formats_have_none(form):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, form)
    assert read(buffer.getvalue()).complaint == ""


# --- runs ------------------------------------------------------------------------------------------------


@pytest.fixture
def src(tmp_path):
    """Two whole images and one of which half is missing, which decodes."""
    for label, name, data in (
        ("a", "1", encode(seed=1)),
        ("a", "half", halve(encode(seed=2))),
        ("b", "2", encode(seed=3)),
    ):
        (tmp_path / "src" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / label / f"{name}.jpg").write_bytes(data)
    return tmp_path / "src"


def run(src, dst, recipe, **options):
    return augcli.materialize(src, dst, recipe, workers=1, **options)


def lines_of(dst, name="warnings.jsonl"):
    return [json.loads(line) for line in (dst / name).read_text().splitlines()]


EXPECTED = {"source": "a/half.jpg", "stage": "decode", "reason": WARNED, "detail": PREMATURE}


@pytest.mark.parametrize("op", ["mixup", "cutout"])
def test_a_damaged_base_is_used_counted_and_listed_once(src, tmp_path, op):
    summary = run(src, tmp_path / "dst", {"copies": 3, "op": [{"kind": op}]})
    assert (summary.outputs, summary.failures, summary.counts[WARNED]) == (9, (), 1)
    assert lines_of(tmp_path / "dst") == [EXPECTED]
    assert f"  counted    {WARNED}: 1" in describe(summary).splitlines()
    assert "warnings are listed in " in describe(summary)
    assert list(document(summary)["warnings"]) == [EXPECTED]
    assert augcli.verify(tmp_path / "dst", against=src).differences == ()


def test_a_run_that_finds_nothing_to_do_says_the_same(src, tmp_path):
    first, second = (run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]}) for _ in range(2))
    assert (second.warnings, second.counts) == (first.warnings, first.counts)
    assert second.chunks_done == ()


def test_a_lost_list_of_warnings_is_written_again(src, tmp_path):
    run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    (tmp_path / "dst" / "warnings.jsonl").unlink()
    run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    assert lines_of(tmp_path / "dst") == [EXPECTED]


def test_a_list_of_warnings_goes_with_what_it_lists(src, tmp_path):
    recipe = {"op": [{"kind": "cutout"}]}
    run(src, tmp_path / "dst", recipe)
    (src / "a" / "half.jpg").write_bytes(encode(seed=2))
    run(src, tmp_path / "dst", recipe)
    assert not (tmp_path / "dst" / "warnings.jsonl").exists()
    assert augcli.verify(tmp_path / "dst", against=src).differences == ()


def test_a_copied_file_that_is_decoded_as_a_partner_alone_is_not_listed(src, tmp_path):
    """Else it would depend on how an input is cut into tasks what is listed."""
    for seed in range(50):
        dst = tmp_path / f"dst-{seed}"
        summary = run(src, dst, {"seed": seed, "op": [{"kind": "mixup", "lam": 0.5, "p": 0.5}]})
        rows = pq.read_table(dst / "metadata.parquet").to_pylist()
        drawn = {row["source"] for row in rows if row["applied"]}
        partners = {partner for row in rows for partner in row["partners"]}
        assert [warning.source for warning in summary.warnings] == sorted(drawn & {"a/half.jpg"})
        if "a/half.jpg" in partners - drawn:
            return
    pytest.fail("no seed gives what is to be tested")


def test_a_damaged_file_that_is_copied_is_not_decoded(src, tmp_path):
    summary = run(src, tmp_path / "dst", {"op": [{"kind": "mixup", "p": 0}]})
    assert (summary.counts, summary.warnings) == ({}, ())
    assert not (tmp_path / "dst" / "warnings.jsonl").exists()


def test_a_damaged_file_that_is_written_anew_is_listed(src, tmp_path):
    summary = run(src, tmp_path / "dst", {"image-format": "png", "op": [{"kind": "mixup", "p": 0}]})
    assert [warning.source for warning in summary.warnings] == ["a/half.jpg"]


def test_a_damaged_file_that_was_to_be_mixed_and_has_no_partner_is_listed(src, tmp_path):
    """It is copied, but was decoded: an operation was drawn for it."""
    for path in (src / "a" / "1.jpg", src / "b" / "2.jpg"):
        path.write_bytes(b"no image")
    summary = run(src, tmp_path / "dst", {"op": [{"kind": "mixup", "lam": 0.5}]}, max_errors=2)
    assert (summary.outputs, summary.applied) == (1, 0)
    assert [warning.source for warning in summary.warnings] == ["a/half.jpg"]


def test_with_strict_it_fails_and_is_nobodys_partner(src, tmp_path):
    recipe = {"strict": True, "copies": 2, "op": [{"kind": "mixup", "lam": 0.5}]}
    summary = run(src, tmp_path / "dst", recipe, max_errors=1)
    assert (summary.outputs, summary.warnings) == (4, ())
    assert lines_of(tmp_path / "dst", "failures.jsonl") == [EXPECTED]
    rows = pq.read_table(tmp_path / "dst" / "metadata.parquet").to_pylist()
    assert {partner for row in rows for partner in row["partners"]} == {"a/1.jpg", "b/2.jpg"}
    assert json.loads((tmp_path / "dst" / "augcli.json").read_text())["recipe"]["strict"] is True


def test_with_strict_the_command_fails(src, tmp_path, cli):
    done = cli("mixup", "--strict", src, tmp_path / "dst")
    assert done.returncode == 3
    assert f"  failed     1: {WARNED}" in done.stdout.splitlines()


def test_a_part_that_says_otherwise_is_found(src, tmp_path):
    run(src, tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    store = LocalStore(str(tmp_path / "dst"))
    (chunk,) = part_names(path.name for path in (tmp_path / "dst").iterdir())
    part = Parts(store).read_one(chunk)
    write_part_file(store, chunk, part.rows(), replace(part.facts, warnings=()))
    found = {difference.what for difference in augcli.verify(tmp_path / "dst", against=src).differences}
    assert "it says otherwise whether 'a/half.jpg' has a warning: decoded with warnings" in found


def test_shards_list_rows(src, tmp_path):
    run(src, tmp_path / "shards", {"format": "parquet", "op": []})
    summary = run(tmp_path / "shards", tmp_path / "dst", {"op": [{"kind": "cutout"}]})
    assert summary.counts[WARNED] == 1
    assert len(lines_of(tmp_path / "dst")) == 1

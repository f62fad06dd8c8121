"""The summary in words and as a document."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from augcli.errors import Note, Option, Spelling
from augcli.io.writers.comparison import Difference
from augcli.pipeline.results import Summary, Verification
from augcli.report.summary import describe, document
from augcli.samples import Failure

SUMMARY = Summary(
    dst="out",
    layout="folder",
    images=5,
    outputs=4,
    applied=3,
    per_class={"cat": 3, "dog": 1},
    boxes={},
    unmixed={"not drawn": 1},
    failures=(Failure("cat/3.png", "read", "not an image", ""),),
    copied_undecodable=0,
    chunks=2,
    chunks_done=("0",),
    outputs_made=2,
    seconds={"wall": 0.5},
    free_bytes=10**9,
    estimated_bytes=2_000_000,
    workers=2,
    libraries={"backend": "cpu (numba)"},
    counts={"first frame of several": 3},
    notes=("a note", Note("give ", Option("max_pixels"))),
)


def test_it_says_what_stands_and_what_was_done():
    assert describe(SUMMARY).splitlines() == [
        "out holds 4 images (folder) from 5 inputs",
        "  changed    3",
        "  skipped    1: not drawn",
        "  failed     1: not an image",
        "             listed in out/failures.jsonl",
        "  classes    cat 3, dog 1",
        "  counted    first frame of several: 3",
        "  note       a note",
        "  note       give --max-pixels",
        "  made 2 in 0.5 s (4 images/s, 2 workers, cpu (numba), 1 of 2 chunks)",
    ]


def test_classes_called_by_numbers_are_quoted():
    lines = describe(replace(SUMMARY, per_class={"0": 3, "10": 1}, boxes={"7": (2, 3)})).splitlines()
    assert "  classes    '0' 3, '10' 1" in lines
    assert "  boxes      '7' 2 -> 3" in lines


def test_it_says_which_machine_made_how_many_chunks():
    summary = replace(SUMMARY, nodes={"a": 3, "b": 1})
    assert "  nodes      a 3, b 1" in describe(summary).splitlines()
    assert document(summary)["nodes"] == {"a": 3, "b": 1}


def test_no_backend_is_named_where_no_step_is_applied():
    said = describe(replace(SUMMARY, libraries={"backend": "none"}, workers=1))
    assert said.endswith("made 2 in 0.5 s (4 images/s, 1 worker, 1 of 2 chunks)")


def test_notes_are_spelled_for_who_reads_them():
    assert "  note       give max_pixels" in describe(SUMMARY, Spelling.ARGUMENT).splitlines()
    assert document(SUMMARY)["notes"] == ["a note", "give --max-pixels"]
    assert document(SUMMARY, Spelling.ARGUMENT)["notes"] == ["a note", "give max_pixels"]


def test_boxes_are_counted_before_and_after():
    boxed = replace(SUMMARY, boxes={"cell": (5, 3), "cup": (0, 2)})
    assert "  boxes      cell 5 -> 3, cup 0 -> 2" in describe(boxed).splitlines()
    assert "  boxes      cell 5, cup 0" in describe(replace(boxed, is_dry=True)).splitlines()
    assert document(boxed)["boxes"] == {"cell": {"before": 5, "after": 3}, "cup": {"before": 0, "after": 2}}


def test_a_dry_run_says_what_would_be():
    lines = describe(replace(SUMMARY, is_dry=True)).splitlines()
    assert lines[0] == "out would hold 4 images (folder) from 5 inputs"
    assert lines[-1] == "  to do: 1 of 2 chunks, about 2 MB; 1000 MB are free; nothing was written"


def test_a_run_that_found_nothing_to_do_says_so():
    assert describe(replace(SUMMARY, chunks_done=())).endswith("nothing to do: all of it stood already")


def test_tables_written_anew_are_told_apart_from_nothing_to_do():
    only = replace(SUMMARY, chunks_done=(), only_tables=True)
    assert describe(only).endswith("no image to make; tables and labels written anew")
    assert describe(replace(only, is_dry=True)).endswith("tables and labels to be written anew")


def test_many_classes_are_cut():
    text = describe(replace(SUMMARY, per_class={f"class {number:02d}": 1 for number in range(20)}))
    assert "class 11 1 and 8 more" in text


def test_files_that_only_failed_as_partners_are_warned_of():
    assert "2 copied files do not decode" in describe(replace(SUMMARY, copied_undecodable=2))


def test_the_document_counts_and_is_json():
    made = json.loads(json.dumps(document(SUMMARY)))
    assert made["failures_by_reason"] == {"not an image": 1}
    assert made["images_per_second"] == 4.0
    assert made["per_class"] == {"cat": 3, "dog": 1}


def test_it_says_how_many_chunks_were_compared_or_are_to_be():
    idle = replace(SUMMARY, chunks_done=(), outputs_made=0, chunks_compared=2)
    assert describe(idle).splitlines()[-1] == (
        "  nothing to do: all of it stood already; compared the sources of 2 chunks"
    )
    dry = describe(replace(idle, is_dry=True)).splitlines()[-1]
    assert dry.startswith("  to do: 0 of 2 chunks, 2 to compare with their sources, about 2 MB;")
    assert document(idle)["chunks_compared"] == 2


def test_nothing_is_said_of_classes_and_options_where_no_output_is(cli, tmp_path):
    for name in ("a/1.png", "b/2.png"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True)
        path.write_text("not an image")
    done = cli("cutmix", "--quality", 80, tmp_path / "src", tmp_path / "dst")
    assert done.returncode == 3
    lines = done.stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'dst'} holds 0 images (folder) from 2 inputs"
    assert not [line for line in lines if line.startswith(("  classes", "  note"))]


def test_one_thing_is_not_called_many(cli, make_folder, tmp_path):
    src = make_folder({"cat": 2, "dog": 1})
    lines = cli("cutmix", "--limit", 1, src, tmp_path / "dst").stdout.splitlines()
    assert lines[0] == f"{tmp_path / 'dst'} holds 1 image (folder) from 1 input"
    assert lines[-1].endswith("1 worker, cpu (numba), 1 of 1 chunk)")
    (note,) = [line for line in lines if "dominant nowhere" in line]
    assert re.match(
        r"  note       class '(cat|dog)' is dominant nowhere and has no folder: readers that number", note
    )


# --- notebooks -----------------------------------------------------------------------------------------


def cells(table):
    return re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', table)


def test_a_notebook_shows_the_summary_as_a_table():
    shown = SUMMARY._repr_html_()
    assert shown.startswith("<table><caption>out</caption>")
    assert cells(shown) == [
        ("images", "4"),
        ("inputs", "5"),
        ("layout", "folder"),
        ("changed", "3"),
        ("made by this call", "2"),
        ("skipped: not drawn", "1"),
        ("failed: not an image", "1"),
        ("class cat", "3"),
        ("class dog", "1"),
        ("note", "a note"),
        ("note", "give max_pixels"),
    ]


def test_a_notebook_shows_names_as_text():
    hostile = "<script>alert(1)</script>&\"'"
    shown = replace(SUMMARY, dst=hostile, per_class={hostile: 1}, notes=(hostile,))._repr_html_()
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#x27;") == 3


def test_a_notebook_counts_classes_that_it_leaves_out():
    shown = replace(SUMMARY, per_class={f"c{number}": 1 for number in range(25)})._repr_html_()
    assert "and 5 more" in shown
    assert len([name for name, _ in cells(shown) if name.startswith("class ")]) == 20


def test_a_notebook_shows_each_difference_of_a_file():
    differences = (Difference("<a>", "first"), Difference("<a>", "second"))
    found = Verification("out", "folder", 4, 2, differences, 0.1, 1, {})
    assert cells(found._repr_html_()) == [
        ("images", "4"),
        ("layout", "folder"),
        ("made again", "2"),
        ("differences", "2"),
        ("&lt;a&gt;", "first"),
        ("&lt;a&gt;", "second"),
    ]
    assert ("differences", "none") in cells(replace(found, differences=())._repr_html_())

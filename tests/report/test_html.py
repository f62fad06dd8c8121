"""The page of a report: what it says, and that nothing in it is anything but text."""

from __future__ import annotations

import json
import re
import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

import augcli
from augcli.errors import InputError, MissingPartError, OutputError, UsageError
from augcli.ops.cutmix import CutMix
from augcli.ops.cutout import Cutout
from augcli.ops.mixup import Mixup
from augcli.recipe import single
from augcli.report import charts, gallery, html
from augcli.report import page as page_values
from augcli.report.box_table import Boxes, BoxRow
from augcli.report.class_table import Classes, ClassRow
from augcli.report.gallery import Card, Picture
from augcli.report.html import hash_source
from augcli.report.page import Counts, Done, Listing, Report
from augcli.samples import Failure
from tests.report.hostile_names import NAMES

MANY = 300
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Document(HTMLParser):
    """A page as its elements; each as (tag, attributes, its own text)."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if self._open:
            self._open[-1][2].append(data)

    def texts(self, tag):
        return ["".join(texts) for name, _, texts in self.elements if name == tag]

    def all(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


def numbers_of(page, table):
    """The rows of a table of counts."""
    body = page.split(f"<caption>{table}</caption>")[1].split("</table>")[0]
    return dict(re.findall(r'<bdi>(.*?)</bdi></th><td class="number" data-value="(\d+)"', body))


@pytest.fixture(scope="module")
def output(tmp_path_factory, write_folder):
    root = tmp_path_factory.mktemp("report")
    src = write_folder(root / "src", {"cat": 6, "dog": 4})
    augcli.materialize(src, root / "dst", single(CutMix(alpha=0.5), seed=3, copies=2), workers=1)
    return src, root / "dst"


@pytest.fixture(scope="module")
def page(output):
    return augcli.write_report(output[1], src=output[0])


def test_it_counts_what_the_output_holds(page):
    counts = numbers_of(page, "In all")
    assert counts["outputs"] == "20"
    changed, unchanged = (
        counts["outputs in which something was changed"],
        counts["outputs that stand unchanged"],
    )
    assert int(changed) + int(unchanged) == 20
    assert counts["samples that have outputs"] == "10"
    assert counts["samples that gave no output"] == "0"
    assert numbers_of(page, "Sizes, width × height") == {"10 × 8": "20"}


def test_classes_stand_with_their_numbers_before_and_after(page, output):
    body = page.split('id="class-table"')[1].split("</table>")[0]
    rows = re.findall(r'<tr><th scope="row" title="\w+"><bdi>(\w+)</bdi></th>(.*?)</tr>', body)
    values = {name: re.findall(r'data-value="([\d.]+)"', cells) for name, cells in rows}
    table = [line.split(",") for line in (output[1] / "labels.csv").read_text().splitlines()[1:]]
    for name, before in (("cat", "6"), ("dog", "4")):
        assert values[name][:2] == [before, str(sum(row[2] == name for row in table))]


def test_every_partner_of_a_chain_was_met(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 3})
    recipe = {"seed": 1, "op": [{"kind": "mixup", "lam": 0.5}, {"kind": "mixup", "lam": 0.5}]}
    augcli.materialize(src, tmp_path / "dst", recipe)
    page = augcli.write_report(tmp_path / "dst")
    assert numbers_of(page, "Partners of outputs") == {"2 partners": "6"}
    body = page.split('class="matrix"')[1].split("</table>")[0]
    assert sum(map(int, re.findall(r'<td class="number s\d">(\d+)</td>', body))) == 12


def test_what_matters_most_stands_first(page):
    figures = page.split('<ul class="figures">')[1].split("</ul>")[0]
    said = re.findall(r"<strong>(.*?)</strong> (.*?)</li>", figures)
    assert [pair for pair in said if pair[1] != "of outputs changed"] == [
        ("20", "outputs"),
        ("10", "samples"),
        ("2", "classes"),
        ("0", "samples failed"),
    ]


BOXES = {
    "images": [{"id": number, "file_name": f"{number}.png"} for number in range(2)],
    "annotations": [
        {"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 10, 8]},
        {"id": 2, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 8]},
        {"id": 3, "image_id": 1, "category_id": 2, "bbox": [0, 0, 10, 8]},
    ],
    "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "hole"}, {"id": 3, "name": "none"}],
}


def test_boxes_stand_by_category_with_those_before_where_sources_are_given(make_folder, tmp_path):
    src, boxes, dst = make_folder({"": 2}), tmp_path / "boxes.json", tmp_path / "dst"
    boxes.write_text(json.dumps(BOXES))
    recipe = single(Mixup(lam=0.5), copies=2)  # each output has the boxes of both
    augcli.materialize(src, dst, recipe, boxes=boxes)

    def read(page):
        body = page.split('id="box-table"')[1].split("</table>")[0]
        rows = re.findall(r"<bdi>(\w+)</bdi></th>(.*?)</tr>", body)
        return {name: [int(value) for value in re.findall(r'data-value="(\d+)"', row)] for name, row in rows}

    after = {"cell": [8, 4, 0, 0], "hole": [4, 2, 0, 0], "none": [0, 0, 0, 0]}
    page = augcli.write_report(dst)
    assert read(page) == after
    assert page.count("<bdi>boxes: cell 2, hole 1</bdi>") == 4
    before = {"cell": 2, "hole": 1, "none": 0}
    assert read(augcli.write_report(dst, src=src, boxes=boxes)) == {
        name: [before[name], *row] for name, row in after.items()
    }


def test_on_a_card_the_largest_categories_are_named_and_the_others_counted(
    make_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(gallery, "MOST_CATEGORIES", 1)
    (tmp_path / "boxes.json").write_text(json.dumps(BOXES))
    recipe = single(Mixup(lam=0.5))  # each output has the boxes of both
    augcli.materialize(make_folder({"": 2}), tmp_path / "dst", recipe, boxes=tmp_path / "boxes.json")
    page = augcli.write_report(tmp_path / "dst")
    assert page.count("<bdi>boxes: cell 2 and 1 more categories</bdi>") == 2


def test_boxes_before_are_those_of_the_augmented_split(make_folder, tmp_path):
    for split in ("train", "test"):
        make_folder({"": 2}, name=f"src/{split}")
    files = {}
    for split, number in (("train", 3), ("test", 1)):
        files[split] = tmp_path / f"{split}.json"
        files[split].write_text(json.dumps(BOXES | {"annotations": BOXES["annotations"][:number]}))
    boxes = [f"{split}={path}" for split, path in files.items()]
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout()), boxes=boxes)
    page = augcli.write_report(tmp_path / "dst", src=tmp_path / "src", boxes=boxes)
    body = page.split('id="box-table"')[1].split("</table>")[0]
    assert re.findall(r'<bdi>(\w+)</bdi></th><td class="number" data-value="(\d+)"', body) == [
        ("cell", "2"),
        ("hole", "1"),
        ("none", "0"),
    ]


@pytest.mark.slow
def test_boxes_of_an_earlier_version_are_reported_shown_and_verified(make_folder, tmp_path):
    """Version 3 wrote boxes without outlines, and did not say whether they lie as they were read."""
    src, boxes, dst = make_folder({"": 2}), tmp_path / "boxes.json", tmp_path / "dst"
    boxes.write_text(json.dumps(BOXES))
    augcli.materialize(src, dst, single(Mixup(lam=0.5)), boxes=boxes)
    path = dst / ".augcli-all.parquet"
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("augcli:boxes")
    kept = [
        kind for kind in rows.schema.field(place).type.value_type if kind.name not in ("as_read", "outline")
    ]
    cells = [
        [{kind.name: box[kind.name] for kind in kept} for box in cell]
        for cell in rows.column(place).to_pylist()
    ]
    rows = rows.set_column(place, "augcli:boxes", pa.array(cells, pa.list_(pa.struct(kept))))
    contents = pq.read_metadata(path).metadata[b"augcli:contents"]
    with pq.ParquetWriter(path, rows.schema) as file:
        file.write_table(rows)
        file.add_key_value_metadata({"augcli:contents": contents})
    page = augcli.write_report(dst)
    assert 'id="box-table"' in page
    assert "missing or damaged" not in page
    assert augcli.show(dst, "0.png", tmp_path / "sheet.png").outputs[0].boxes
    assert augcli.verify(dst).outputs == 2
    assert not augcli.diff(dst, dst)


def test_of_a_small_output_every_sample_is_shown_once(page, output):
    shown = re.findall(r'<span class="what">output</span> <bdi>(.*?)</bdi>', page)
    images = (path.relative_to(output[1]).as_posix() for path in output[1].rglob("*.png"))
    assert sorted(shown) == sorted(images)


def test_the_recipe_stands_in_words_and_as_a_command(page):
    assert "cutmix (alpha 0.5)" in page
    assert "augcli cutmix --alpha 0.5 --seed 3 --copies 2 --format folder SRC NEW_DST" in page


def test_a_complete_output_has_no_trouble(page):
    assert "Complete: all files" in page
    assert 'role="alert"' not in page


def test_an_output_that_is_not_complete_says_what_is_missing(output, tmp_path):
    augcli.materialize(output[0], tmp_path / "dst", single(Cutout()))
    (tmp_path / "dst" / "_SUCCESS").unlink()
    next((tmp_path / "dst").rglob("*.png")).unlink()
    document = Document(augcli.write_report(tmp_path / "dst"))
    (alert,) = [attributes for _, attributes, _ in document.elements if attributes.get("role") == "alert"]
    assert alert["class"] == "trouble"
    said = " ".join(document.texts("bdi"))
    assert "_SUCCESS is missing" in said
    assert "1 file is missing" in said
    assert "its image is missing or damaged" in said


def test_it_asks_for_nothing_but_itself(page):
    document = Document(page)
    links = [
        value
        for _, attributes, _ in document.elements
        for value in map(attributes.get, ("href", "src"))
        if value
    ]
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not re.search(r"url\(|@import", page)


def test_its_policy_lets_in_its_own_style_and_script_alone(page):
    document = Document(page)
    (policy,) = [meta["content"] for meta in document.all("meta") if "http-equiv" in meta]
    (style,), (script,) = document.texts("style"), document.texts("script")
    assert policy == (
        f"default-src 'none'; style-src '{hash_source(style)}'; script-src '{hash_source(script)}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )
    names = {name for _, attributes, _ in document.elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]


def report_of(text):
    """A report all of whose texts are one text."""
    cells = charts.Matrix((text,), ((text, (charts.Cell(1, 1),)),))
    row = ClassRow(text, *[1] * 6)
    picture = Picture(text, text, text)
    return Report(
        name=text,
        outputs=9,
        troubles=(text,),
        figures=((text, text),),
        done=Done((text,), text, text, text, ((text, text),)),
        classes=Classes((row,), 1, cells),
        boxes=Boxes((BoxRow(text, text, *[1] * 5),), 1, has_before=True),
        histograms=(charts.Histogram(text, text, (charts.Bin(text, *[1] * 5),), (text, text)),),
        tables=(Counts(text, ((text, 1),), 1),),
        listings=(Listing(text, (Failure(text, text, text, text),), 1),),
        gallery=(
            Card((picture,), text, text, (text,), 0.5, text, (text,), text),
            Card((), text, text, (text,), None, text, (text,), text),
        ),
    )


def test_no_text_of_a_report_adds_an_element_or_an_attribute():
    bare, planted = (
        [(tag, list(attributes)) for tag, attributes, _ in Document(html.render(report_of(text))).elements]
        for text in ("x", "\"'><script>planted</script><b onclick=planted></title></style>& {{ 7 * 7 }}")
    )
    assert planted == bare


def test_hash_of_a_source_is_that_of_the_specification():
    # The example of the W3C: https://www.w3.org/TR/CSP3/#external-hash
    assert hash_source("alert('Hello, world.');") == "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="


@pytest.mark.slow
def test_hostile_names_are_text(make_folder, tmp_path):
    src = make_folder({name.replace("/", "\u2215"): 1 for name in NAMES})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    plain = Document(augcli.write_report(make_plain(make_folder, tmp_path)))
    document = Document(augcli.write_report(tmp_path / "dst", src=src))
    assert {tag for tag, *_ in document.elements} == {tag for tag, *_ in plain.elements}
    assert len(document.all("script")) == 1
    said = set(document.texts("bdi"))
    for name in NAMES:
        assert name.replace("/", "\u2215").replace("\u0007", "\ufffd") in said


def test_a_hostile_name_is_text(make_folder, tmp_path):
    name = "<b onclick='x'>\"&{{ 7 * 7 }}"
    augcli.materialize(make_folder({name: 1, "cat": 1}), tmp_path / "dst", single(CutMix(lam=0.9)))
    page = augcli.write_report(tmp_path / "dst")
    assert "<b onclick" not in page
    assert page.count("&lt;b onclick=&#39;x&#39;&gt;&#34;&amp;{{ 7 * 7 }}") >= 4
    assert name in Document(page).texts("bdi")


def make_plain(make_folder, tmp_path):
    src = make_folder({f"class{number}": 1 for number in range(len(NAMES))}, "plain")
    augcli.materialize(src, tmp_path / "plain_dst", single(CutMix()))
    return tmp_path / "plain_dst"


@pytest.mark.slow
def test_many_classes_are_cut_and_counted(make_folder, tmp_path):
    src = make_folder({f"{'c' * 200}{number:03}": 1 for number in range(MANY)}, size=(2, 2))
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    page = augcli.write_report(tmp_path / "dst")
    assert "and 100 more classes" in page
    assert page.count("<bdi>all others</bdi>") == 2  # a column and a row of the matrix
    assert len(page) < 1_000_000


def test_an_output_with_masks_alone_shows_neither_classes_nor_boxes(make_folder, tmp_path):
    src = make_folder({"": 2})
    (tmp_path / "masks").mkdir()
    for path in src.iterdir():
        Image.new("L", (10, 8), 1).save(tmp_path / "masks" / path.name)
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), masks=tmp_path / "masks")
    page = augcli.write_report(tmp_path / "dst", src=src, masks=tmp_path / "masks")
    assert "Complete: all files" in page
    assert 'id="classes"' not in page
    assert 'id="boxes"' not in page
    assert "no label" not in page
    assert page.count('alt="base"') == 2


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "yolo", "parquet", "webdataset"])
def test_boxes_of_every_layout_are_reported(make_folder, tmp_path, form):
    src, boxes = make_folder({"": 2}), tmp_path / "boxes.json"
    boxes.write_text(json.dumps(BOXES))
    augcli.materialize(src, tmp_path / "dst", single(Mixup(lam=0.5), format=form), boxes=boxes)
    page = augcli.write_report(tmp_path / "dst")
    assert "Complete: all files" in page
    assert "missing or damaged" not in page
    assert page.count("<bdi>boxes: cell 2, hole 1</bdi>") == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["\u05e9\u05dc\u05d5\u05dd", "\u0645\u0631\u062d\u0628\u0627 abc", "x" * 255]
)
def test_long_names_and_those_from_right_to_left_stand_whole(make_folder, tmp_path, name):
    src = make_folder({name: 1, "cat": 1})
    augcli.materialize(src, tmp_path / "dst", single(CutMix(lam=0.5)))
    document = Document(augcli.write_report(tmp_path / "dst"))
    assert name in document.texts("bdi")
    assert {"dir": "auto", "value": name} in document.all("option")


def test_images_that_are_gone_are_told_one_by_one_and_the_counts_stand(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", single(Cutout()))
    for path in (tmp_path / "dst" / "cat").iterdir():
        path.unlink()
    page = augcli.write_report(tmp_path / "dst")
    assert page.count("its image is missing or damaged") == 3
    assert "3 files are missing" in page
    assert numbers_of(page, "In all")["outputs"] == "3"


def test_a_later_version_is_told_with_its_cure(output, tmp_path):
    shutil.copytree(output[1], tmp_path / "dst")
    path = tmp_path / "dst" / "augcli.json"
    path.write_text(re.sub(r'"output_version": \d+', '"output_version": 99', path.read_text()))
    with pytest.raises(OutputError, match=r"cannot be used: .* is of output version 99.*; upgrade augcli"):
        augcli.write_report(tmp_path / "dst")


def test_failures_are_listed_and_stand_in_the_gallery(make_folder, tmp_path):
    src = make_folder({"cat": 3})
    (src / "cat" / "broken.png").write_bytes(b"x")
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), max_errors=1)
    document = Document(augcli.write_report(tmp_path / "dst"))
    cards = [attributes for tag, attributes, _ in document.elements if attributes.get("class") == "card"]
    assert len(cards) == 4
    assert [bool(card["data-failure"]) for card in cards] == [False] * 3 + [True]
    assert "Samples that gave no output" in document.texts("h2")


def test_an_output_without_images_is_not_called_complete(tmp_path):
    (tmp_path / "src" / "cat").mkdir(parents=True)
    (tmp_path / "src" / "cat" / "broken.png").write_bytes(b"x")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout()), max_errors=1)
    page = augcli.write_report(tmp_path / "dst")
    assert "No sample gave an output." in page
    assert "Complete:" not in page
    assert "<legend>Operation</legend>" not in page  # there is nothing to filter by


def test_how_many_of_the_outputs_stand_among_the_samples_is_told(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", single(Cutout()))
    told = "3 outputs, drawn by the seed."
    assert f"2 of {told}" in augcli.write_report(tmp_path / "dst", count=2)
    assert told not in augcli.write_report(tmp_path / "dst", count=3)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, ("1 labelled output, before smoothing", "1 encoded image<")),
        (2, ("2 labelled outputs, before smoothing", "2 encoded images<")),
    ],
)
def test_what_charts_count_is_told(make_folder, tmp_path, count, said):
    augcli.materialize(make_folder({"cat": count}), tmp_path / "dst", single(Cutout()))
    page = augcli.write_report(tmp_path / "dst")
    assert [text in page for text in said] == [True, True]


def test_samples_stand_in_no_order_of_classes(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 9, "dog": 9}), tmp_path / "dst", single(Cutout()))
    document = Document(augcli.write_report(tmp_path / "dst"))
    classes = [card["data-class"] for tag, card, _ in document.elements if card.get("class") == "card"]
    assert sorted(classes) == ["cat"] * 9 + ["dog"] * 9
    assert {"cat", "dog"} == set(classes[:6])


def test_samples_that_were_changed_stand_before_the_others(make_folder, tmp_path):
    recipe = {"op": [{"kind": "cutout", "p": 0.5}]}
    augcli.materialize(make_folder({"cat": 12}), tmp_path / "dst", recipe)
    document = Document(augcli.write_report(tmp_path / "dst"))
    operations = [card["data-operations"] for _, card, _ in document.elements if card.get("class") == "card"]
    assert len(operations) == 12
    assert operations == sorted(operations)  # "cutout" before "none"
    assert len(set(operations)) == 2


def test_the_first_failures_are_listed_and_the_others_counted(make_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(page_values, "LISTED", 2)
    src = make_folder({"cat": 1})
    for name, data in (("a", b"x"), ("b", b""), ("c", b"x")):
        (src / "cat" / f"{name}.png").write_bytes(data)
    augcli.materialize(src, tmp_path / "dst", single(Cutout()), max_errors=3)
    page = augcli.write_report(tmp_path / "dst")
    listing = page.split('id="listing1"')[1].split("</section>")[0]
    assert re.findall(r"<bdi>(cat/.*?)</bdi>", listing) == ["cat/a.png", "cat/b.png"]
    assert "<p>and 1 more</p>" in listing


def test_the_largest_counts_of_a_table_stand_and_the_others_are_counted(write_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(page_values, "MOST_ROWS", 1)
    src = write_folder(tmp_path / "src", {"cat": 2})
    write_folder(src, {"dog": 1}, (4, 6))
    augcli.materialize(src, tmp_path / "dst", single(Cutout()))
    page = augcli.write_report(tmp_path / "dst")
    assert numbers_of(page, "Sizes, width × height") == {"10 × 8": "2"}
    table = page.split("<caption>Sizes, width × height</caption>")[1].split("</table>")[0]
    assert "and 1 more" in table


def test_samples_are_drawn_by_the_seed(make_folder, tmp_path):
    src = make_folder({"cat": 30})

    def shown(seed, name):
        augcli.materialize(src, tmp_path / name, single(Cutout(), seed=seed))
        page = augcli.write_report(tmp_path / name, count=5)
        assert page == augcli.write_report(tmp_path / name, count=5)
        return set(re.findall(r"<bdi>cat/(\d+)__", page))

    first, second = shown(1, "first"), shown(2, "second")
    assert len(first) == len(second) == 5
    assert first != second


@pytest.mark.slow
def test_sources_stand_beside_their_outputs_where_they_are_given(page, output):
    alone = Document(augcli.write_report(output[1]))
    assert len(alone.all("img")) == 20
    images = Document(page).all("img")
    assert len(images) > 40
    assert {image["alt"] for image in images} == {
        "output",
        *(f"{role}: {name} 1.00" for role in ("base", "partner") for name in ("cat", "dog")),
    }


def test_another_source_is_refused(output, make_folder):
    with pytest.raises(
        InputError, match=r"^SRC has no '(cat|dog)/\d\.png'; give the SRC that the output was made"
    ):
        augcli.write_report(output[1], src=make_folder({"ant": 2}))


def test_a_source_that_is_gone_is_named_as_missing(make_folder, tmp_path):
    src = make_folder({"cat": 3, "dog": 2})
    augcli.materialize(src, tmp_path / "dst", single(CutMix()))
    (src / "cat" / "0.png").unlink()
    (src / "dog" / "1.png").write_bytes(b"no image")
    page = augcli.write_report(tmp_path / "dst", src=src)
    # Each sample is base once and partner once.
    assert (
        page.count("base: cat 1.00, missing in SRC") == page.count("partner: cat 1.00, missing in SRC") == 1
    )
    assert page.count("base: dog 1.00, not readable") == page.count("partner: dog 1.00, not readable") == 1


def test_pictures_never_take_more_than_their_share(output, monkeypatch):
    monkeypatch.setattr("augcli.report.gallery.MOST_BYTES", 10_000)
    document = Document(augcli.write_report(output[1]))
    size = sum(len(image["src"]) for image in document.all("img"))
    assert 5_000 < size <= 10_000


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_shards_are_shown_as_folders_are(make_folder, tmp_path, form):
    src = make_folder({"cat": 3, "dog": 2})
    augcli.materialize(src, tmp_path / form, single(CutMix(), format=form))
    document = Document(augcli.write_report(tmp_path / form, src=src))
    assert len([image for image in document.all("img") if image["alt"] == "output"]) == 5


def test_splits_are_counted_apart_and_charts_are_of_the_augmented_one(make_folder, tmp_path):
    for split, images in (("train", 3), ("val", 2)):
        make_folder({"cat": images}, f"src/{split}")
    augcli.materialize(tmp_path / "src", tmp_path / "dst", single(Cutout()))
    page = augcli.write_report(tmp_path / "dst")
    assert numbers_of(page, "Splits") == {"train": "3", "val": "2"}
    assert numbers_of(page, "Operations applied") == {"cutout": "3"}
    assert "is of the split <bdi>train</bdi>" in page


def test_without_jinja_the_cure_is_named(output, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingPartError, match=r"run: pip install 'augcli\[report\]'"):
        augcli.write_report(output[1])


def test_files_of_sources_need_the_sources(output):
    with pytest.raises(UsageError, match="go with src='SRC'"):
        augcli.write_report(output[1], labels="labels.csv")


@pytest.mark.parametrize("name", ["other.html", "cat/report.html", "new/report.html", "labels.csv"])
def test_a_page_among_the_files_of_the_output_is_refused(output, name):
    with pytest.raises(OutputError, match=r"lies in DST; give a file elsewhere, or report\.html"):
        augcli.write_report(output[1], output[1] / name)
    assert not (output[1] / "other.html").exists()


def test_a_directory_in_the_place_of_the_page_is_refused(output, tmp_path):
    with pytest.raises(OutputError, match="is a directory; give the name of a file"):
        augcli.write_report(output[1], tmp_path)


# --- charts --------------------------------------------------------------------------------------------


def test_bars_are_as_high_as_their_counts():
    chart = charts.draw_histogram("", "", ["a", "b", "c"], [0, 1, 4], ("", ""))
    assert [(bar.y, bar.height) for bar in chart.bins] == [(120, 0), (90, 30), (0, 120)]
    assert [round(bar.x + bar.width / 2, 1) for bar in chart.bins] == [66.7, 200.0, 333.3]


def test_a_bar_that_counts_one_of_many_is_seen():
    chart = charts.draw_histogram("", "", ["a", "b"], [1, 100_000], ("", ""))
    assert chart.bins[0].height == 1
    assert charts.scale(1, 100_000) == 0.5
    assert charts.scale(0, 0) == 0


def test_shades_grow_with_counts_and_empty_ends_are_left_out():
    matrix = charts.draw_matrix(["a", "b", "others"], np.array([[9, 1, 0], [0, 5, 0], [0, 0, 0]]))
    assert matrix.columns == ("a", "b")
    assert [[cell.shade for cell in cells] for _, cells in matrix.rows] == [[9, 1], [0, 5]]
    assert len(charts.draw_matrix(["a", "others"], np.array([[0, 1], [0, 0]])).rows) == 2
    few = charts.draw_matrix(["a", "b", "others"], np.array([[100, 1, 0], [0, 12, 0], [0, 0, 0]]))
    assert [[cell.shade for cell in cells] for _, cells in few.rows] == [[9, 1], [0, 2]]


def test_control_characters_are_shown_by_a_sign():
    assert html._finalize("a\x00b\u202e\ud800") == "a\ufffdb\u202e\ufffd"


def test_why_nothing_was_applied_stands_on_the_card(make_folder, tmp_path):
    augcli.materialize(make_folder({"cat": 3}), tmp_path / "dst", single(Cutout(), 0.0))
    document = Document(augcli.write_report(tmp_path / "dst"))
    cards = [attributes for tag, attributes, _ in document.elements if attributes.get("class") == "card"]
    assert [card["data-failure"] for card in cards] == ["not drawn"] * 3
    assert document.texts("dd").count("not drawn") == 3

"""Pascal VOC XML: what is read, what is refused (hostile files above all), and what is written."""

from __future__ import annotations

import errno
import os
import time
from unittest.mock import Mock
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augcli.errors import InputError, StorageError
from augcli.io.boxes.voc import read_voc
from augcli.io.boxes.voc_writing import write_voc
from augcli.io.store.local import LocalStore
from augcli.program.annotated import BoxedImage, BoxHeader, WrittenBox

BOUNDS = "<xmin>11</xmin><ymin>21</ymin><xmax>40</xmax><ymax>25</ymax>"
CURE = "; correct or remove it, or leave such boxes out with bad_boxes='skip'"
HEADER = BoxHeader("voc", ("cat", "dog"), {})


def make_object(name="cat", bounds=BOUNDS, more=""):
    return f"<object><name>{name}</name>{more}<bndbox>{bounds}</bndbox></object>"


def make_oriented(name="cat", **changes):
    numbers = {"cx": 20, "cy": 30, "w": 8, "h": 4, "angle": 0} | changes
    inner = "".join(f"<{key}>{number}</{key}>" for key, number in numbers.items())
    return f"<object><type>robndbox</type><name>{name}</name><robndbox>{inner}</robndbox></object>"


def make_xml(*objects, more="<size><width>64</width><height>48</height></size>"):
    return f"<annotation>{more}{''.join(objects)}</annotation>"


@pytest.fixture
def read(tmp_path):
    """Read files, given by their paths below a folder."""

    def read_files(files, links=True, bad_boxes="stop"):
        for name, text in files.items():
            path = tmp_path / "voc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_voc(LocalStore(str(tmp_path / "voc"), follow_links=links), bad_boxes)

    return read_files


@pytest.fixture
def refuse(read):
    """Give the words that one file is refused with."""

    def refuse_file(text):
        with pytest.raises(InputError) as caught:
            read({"a.xml": text})
        path, _, words = str(caught.value).partition("a.xml': ")
        assert path.startswith("boxes '/")
        assert "\n" not in words
        return words

    return refuse_file


def one_box(edges=(20.0, 10.0, 25.0, 40.0), category=0, extra="{}", visibility=1.0, weight=1.0):
    return WrittenBox(edges, category, visibility, weight, "cats/a.jpg", extra)


def one_image(*boxes, extra="{}", source="cats/a.jpg", name="a.jpg", size=(48, 64)):
    return BoxedImage(name, *size, source, extra, boxes)


# Reading --------------------------------------------------------------------------------------------------


def test_coordinates_count_from_one_and_name_the_last_pixel(read):
    held = read({"a.xml": make_xml(make_object())}).images["a"]
    np.testing.assert_array_equal(held.edges, [[20.0, 10.0, 25.0, 40.0]])
    assert held.edges.dtype == np.float64


def test_box_that_begins_where_it_ends_is_one_pixel(read):
    bounds = "<xmin>1</xmin><ymin>7</ymin><xmax>1</xmax><ymax>7</ymax>"
    edges = read({"a.xml": make_xml(make_object(bounds=bounds))}).images["a"].edges
    np.testing.assert_array_equal(edges, [[6, 0, 7, 1]])


@pytest.mark.parametrize(("text", "stop"), [("40.0", 40), ("40.5", 40.5), (" 40 ", 40), ("4e1", 40)])
def test_coordinates_may_be_written_as_floats(read, text, stop):
    bounds = BOUNDS.replace("40", text)
    assert read({"a.xml": make_xml(make_object(bounds=bounds))}).images["a"].edges[0, 3] == stop


def test_name_of_an_image_is_the_path_of_its_file_whatever_the_file_says(read):
    named = make_xml(more="<filename>other.jpg</filename><path>/home/x/y.jpg</path>")
    assert list(read({"b/c.d.xml": named, "a.XML": named, "a-1.xml": named}).images) == ["a", "a-1", "b/c.d"]


@pytest.mark.parametrize(("most", "files"), [(2, 1 << 20), (256, 300)])
def test_files_are_read_many_at_once_and_each_is_read_once(read, monkeypatch, most, files):
    monkeypatch.setattr("augcli.io.boxes.voc.FILES_AT_ONCE", most)
    monkeypatch.setattr("augcli.io.boxes.voc.MOST_BYTES", files)
    reads, real = [], LocalStore.read

    def count(store, keys, expect=None):
        reads.append(list(keys))
        return real(store, keys, expect)

    monkeypatch.setattr(LocalStore, "read", count)
    names = [f"{number}.xml" for number in range(5)]
    images = read({name: make_xml(make_object(f"n{name[0]}")) for name in names}).images
    assert [images[str(number)].categories for number in range(5)] == [(n,) for n in range(5)]
    assert [key for keys in reads for key in keys] == names
    assert max(map(len, reads)) == (2 if most == 2 else 1)


def test_hidden_names_and_other_suffixes_are_skipped(read):
    assert list(
        read({"a.xml": make_xml(), ".b.xml": "", ".c/d.xml": "", "e.txt": "", "f.jpg": ""}).images
    ) == ["a"]


@pytest.mark.parametrize(("links", "names"), [(True, ["a", "b"]), (False, ["a"])])
def test_links_are_followed_where_they_may_be(read, tmp_path, links, names):
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc" / "b.xml").symlink_to("a.xml")
    assert list(read({"a.xml": make_xml()}, links).images) == names


def test_folder_without_xml_gives_no_images(read, tmp_path):
    (tmp_path / "voc").mkdir()
    held = read({})
    assert (held.header, held.images, held.dropped) == (BoxHeader("voc", (), {}), {}, {})


def test_folder_that_cannot_be_listed_is_a_storage_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "scandir", Mock(side_effect=OSError(errno.EIO, os.strerror(errno.EIO))))
    with pytest.raises(StorageError, match=f"cannot list '{tmp_path}': Input/output error"):
        read_voc(LocalStore(str(tmp_path)))


def test_categories_are_the_names_of_all_files_sorted(read):
    first = make_xml(make_object("zebra"), make_object("Ant"))
    held = read({"a.xml": first, "b.xml": make_xml(make_object("naïve"))})
    assert held.header == BoxHeader("voc", ("Ant", "naïve", "zebra"), {})
    assert (held.images["a"].categories, held.images["b"].categories) == ((2, 0), (1,))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ("<size><width>64</width><height>48</height></size>", (48, 64)),
        ("<size><width>64.0</width><height> 48 </height></size>", (48, 64)),
        ("<size><width>0</width><height>-1</height></size>", (0, 0)),
        ("<size><width>x</width></size>", (0, 0)),
        ("<size><width>6.5</width><height>1e999</height></size>", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_size_is_read_where_it_is_one(read, size, wanted):
    held = read({"a.xml": make_xml(more=size)}).images["a"]
    assert (held.height, held.width) == wanted


def test_image_without_objects_is_held(read):
    held = read({"a.xml": make_xml()}).images["a"]
    assert (held.edges.shape, held.categories, held.extras) == ((0, 4), (), ())


def test_what_else_is_said_of_a_box_is_kept_in_its_order(read):
    more = "<pose> Left </pose><difficult>0</difficult><actions/>"
    extras = read({"a.xml": make_xml(make_object(more=more))}).images["a"].extras
    assert extras == ('{"pose": "Left", "difficult": "0", "actions": ""}',)


def test_our_own_words_are_not_taken_for_those_of_the_input(read):
    more = "<visibility>1</visibility><weight>1</weight><source>x</source>"
    held = read({"a.xml": make_xml(make_object(more=more), more="<base>x.jpg</base>")})
    assert (held.images["a"].extras, held.images["a"].extra) == (("{}",), "{}")


def test_parts_and_outlines_are_left_out_and_counted(read):
    more = "<part><name>head</name></part><part><name>foot</name></part><polygon><x1>1</x1></polygon>"
    held = read({"a.xml": make_xml(make_object(more=more))})
    assert (held.images["a"].extras, held.dropped) == (("{}",), {"part": 2, "polygon": 1})


def test_second_element_of_a_name_and_one_of_a_namespace_are_left_out_and_counted(read):
    more = '<pose>a</pose><pose>b</pose><note xmlns="urn:x">c</note>'
    held = read({"a.xml": make_xml(make_object(more=more))})
    assert (held.images["a"].extras, held.dropped) == (('{"pose": "a"}',), {"pose": 1, "{urn:x}note": 1})


def test_what_else_is_said_of_an_image_is_kept_with_its_depth_and_database(read):
    more = (
        "<folder>x</folder><filename>y</filename><path>z</path><source><database>Blood</database></source>"
        "<size><width>1</width><height>1</height><depth>3</depth></size><segmented>1</segmented>"
        "<camera>naïve</camera>"
    )
    extra = read({"a.xml": make_xml(more=more)}).images["a"].extra
    assert extra == '{"camera": "naïve", "depth": "3", "database": "Blood"}'


def test_what_else_is_said_of_where_an_image_comes_from_is_left_out_and_counted(read):
    more = "<source><database>x</database><image>flickr</image></source><owner><name>I</name></owner>"
    assert read({"a.xml": make_xml(more=more)}).dropped == {"owner": 1, "source/image": 1}


@pytest.mark.parametrize(
    "bounds",
    [
        "<xmin>5</xmin><ymin>1</ymin><xmax>4</xmax><ymax>9</ymax>",
        "<xmin>1</xmin><ymin>5.5</ymin><xmax>9</xmax><ymax>4.5</ymax>",
    ],
)
def test_boxes_of_no_area_are_left_out_and_counted(read, bounds):
    held = read({"a.xml": make_xml(make_object("ghost", bounds), make_object())})
    assert held.dropped == {"boxes of no area": 1}
    assert (held.header.names, held.images["a"].categories) == (("cat",), (0,))


def test_comments_and_whitespace_change_nothing(read):
    text = make_xml(make_object("c<!-- x -->at")).replace("><", ">\n\t<")
    assert read({"a.xml": "<?xml version='1.0'?><!-- x -->" + text}).header.names == ("cat",)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_file_may_be_of_another_encoding(read, encoding):
    text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>' + make_xml(
        make_object("naïve")
    )
    assert read({"a.xml": text.encode(encoding)}).header.names == ("naïve",)


# Where a set is not as VOC says, and one reading is right -----------------------------------------------


def bound(xmin, ymin, xmax, ymax):
    return f"<xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax>"


@pytest.mark.parametrize(("old", "new"), [(("11", "40"), ("40", "11")), (("21", "25"), ("25", "21"))])
def test_corners_in_the_wrong_order_are_swapped_and_counted(read, old, new):
    bounds = BOUNDS.replace(old[0], "#").replace(old[1], new[1]).replace("#", new[0])
    held = read({"a.xml": make_xml(make_object(bounds=bounds), make_object())})
    assert held.images["a"].edges.tolist() == [[20, 10, 25, 40]] * 2
    assert held.notes == ("boxes whose corners stood in the wrong order were turned round (1)",)


@pytest.mark.parametrize(
    ("boxes", "counting", "edges"),
    [
        # On 64x48 pixels: 64 ends at the right border, so 0 is the left one.
        ([(0, 0, 64, 9), (5, 6, 7, 8)], "from 0, end outside", [[0, 0, 9, 64], [6, 5, 8, 7]]),
        # 63 is the last column, and nothing is 64.
        ([(0, 0, 63, 9), (5, 6, 7, 8)], "from 0, last inside", [[0, 0, 10, 64], [6, 5, 9, 8]]),
        ([(0, 3, 9, 47), (0, 1, 7, 8)], "from 0, last inside", [[3, 0, 48, 10], [1, 0, 9, 8]]),
    ],
)
def test_a_set_that_counts_from_0_is_read_so(read, boxes, counting, edges):
    held = read({"a.xml": make_xml(*(make_object(bounds=bound(*box)) for box in boxes))})
    assert held.images["a"].edges.tolist() == edges
    zeros = sum(box[:2].count(0) for box in boxes)
    ones = sum(box[:2].count(1) for box in boxes)
    assert held.notes == (f"corners of boxes are counted {counting}: {zeros} are 0, and {ones} are 1",)


@pytest.mark.parametrize(
    ("boxes", "size"),
    [
        ([(0, 3, 9, 9)], (64, 48)),  # nothing tells where boxes end
        ([(0, 3, 64, 9), (1, 3, 5, 9)], (64, 48)),  # as many 1 as 0
        ([(0, 3, 64, 9)], (0, 0)),  # the size is not known
    ],
)
def test_a_set_with_corners_of_0_in_doubt_is_read_from_1_with_a_note(read, boxes, size):
    more = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
    held = read({"a.xml": make_xml(*(make_object(bounds=bound(*box)) for box in boxes), more=more)})
    assert held.images["a"].edges[0].tolist() == [2, -1, boxes[0][3], boxes[0][2]]
    assert held.notes == (
        "corners of boxes are 0 (1), though VOC counts from 1; all are read as counted from 1",
    )
    assert held.header.keys == {}


@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 64, 9), (5, 6, 7, 8)],
        [(0, 0, 63, 9), (5, 6, 7, 8)],
        [(1, 1, 64, 9), (5, 6, 7, 8)],
        [(1.5, 1, 63.25, 9), (5, 6, 7, 8)],
        [(0, 0.5, 64, 9), (0, 6, 7, 8)],
    ],
)
def test_corners_are_written_as_they_were_counted(read, boxes, tmp_path):
    held = read({"a.xml": make_xml(*(make_object(bounds=bound(*box)) for box in boxes))})
    image = held.images["a"]
    written = write_voc(one_image(*map(one_box, map(tuple, image.edges.tolist()))), held.header)
    found = ElementTree.fromstring(written).iterfind("object/bndbox")
    assert [tuple(float(side.text) for side in box) for box in found] == boxes
    # The second box alone does not tell how it is counted, but our own files say it.
    alone = write_voc(one_image(one_box(tuple(image.edges.tolist()[1]))), held.header)
    again = read({"a.xml": alone})
    assert again.images["a"].edges.tolist() == image.edges.tolist()[1:]


def test_an_oriented_box_is_turned_clockwise_about_its_centre(read):
    """8 wide and 4 high about (20, 30): turned by a quarter it is 4 wide and 8 high."""
    files = make_xml(make_oriented(), make_oriented(angle=np.pi / 2), make_oriented(angle=np.pi / 4))
    held = read({"a.xml": files}).images["a"]
    np.testing.assert_allclose(held.edges[:2], [[28, 16, 32, 24], [26, 18, 34, 22]], atol=1e-9)
    plain, quarter, eighth = (outline.form.points for outline in held.outlines)
    np.testing.assert_allclose(plain, [[28, 16], [28, 24], [32, 24], [32, 16]], atol=1e-9)
    np.testing.assert_allclose(quarter, [[26, 22], [34, 22], [34, 18], [26, 18]], atol=1e-9)
    # The top right corner (4, -2) from the centre: x (4 + 2) / sqrt 2, y (4 - 2) / sqrt 2.
    np.testing.assert_allclose(eighth[1], [30 + np.sqrt(2), 20 + 3 * np.sqrt(2)], atol=1e-9)


@pytest.mark.parametrize("angle", [0, 0.3, 1.2, 2.9])
def test_an_oriented_box_is_written_as_it_came(read, angle):
    held = read({"a.xml": make_xml(make_oriented(angle=angle), make_object())})
    boxes = [
        one_box(tuple(edges), extra=extra)._replace(outline=outline)
        for edges, extra, outline in zip(
            held.images["a"].edges.tolist(), held.images["a"].extras, held.images["a"].outlines, strict=True
        )
    ]
    first, second = ElementTree.fromstring(write_voc(one_image(*boxes), held.header)).iterfind("object")
    assert first.findtext("type") == "robndbox"
    assert first.find("bndbox") is None
    numbers = [float(number.text) for number in first.find("robndbox")]
    np.testing.assert_allclose(numbers, [20, 30, 8, 4, angle], atol=1e-6)
    assert [float(side.text) for side in second.find("bndbox")] == [11, 21, 40, 25]


# Refusals -------------------------------------------------------------------------------------------------

LAUGHS = "".join(
    f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' if level else '<!ENTITY l0 "lol">' for level in range(12)
)
HOSTILE = {
    "billion laughs": f"<!DOCTYPE annotation [{LAUGHS}]>{make_xml(make_object('&l11;'))}",
    "billion laughs in an attribute": f'<!DOCTYPE annotation [{LAUGHS}]><annotation a="&l11;"/>',
    "quadratic": f'<!DOCTYPE annotation [<!ENTITY x "{"y" * 100_000}">]>'
    + make_xml(make_object("&x;" * 100_000)),
    "external entity": '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + make_xml(make_object("&x;")),
    "parameter entity": '<!DOCTYPE annotation [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]>' + make_xml(),
    "external document type": '<!DOCTYPE annotation SYSTEM "http://127.0.0.1:9/x.dtd">' + make_xml(),
    "harmless document type": "<!DOCTYPE annotation>" + make_xml(),
}


@pytest.mark.slow
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_type_is_refused_at_once(refuse, text, encoding):
    started = time.process_time()
    assert refuse(text.encode(encoding)) == (
        "names entities or a document type, which are never resolved; remove the <!DOCTYPE ...> line"
    )
    assert time.process_time() - started < 10  # a billion laughs would take minutes and gigabytes


def test_outside_file_is_not_opened(refuse, tmp_path):
    os.mkfifo(tmp_path / "secret")  # to open it would wait for ever
    for declared in ("x", "% x"):
        entity = f'<!ENTITY {declared} SYSTEM "{tmp_path}/secret">'
        said = refuse(f"<!DOCTYPE annotation [{entity}]><annotation>&x;</annotation>")
        assert said.startswith("names entities or a document type")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no element found: line 1, column 0"),
        ("<annotation>\n<size>\n</annotation>", "mismatched tag: line 3, column 2"),
        ("<annotation>&nbsp;</annotation>", "undefined entity: line 1, column 12"),
        ("<annotation>&#0;</annotation>", "reference to invalid character number: line 1, column 12"),
        ("<annotation><a:b/></annotation>", "unbound prefix: line 1, column 12"),
        ('<?xml version="1.0" encoding="nobody"?><annotation/>', "unknown encoding: nobody"),
        ('<?xml version="1.0" encoding="gbk"?><annotation/>', "multi-byte encodings are not supported"),
    ],
)
def test_file_that_cannot_be_parsed_is_refused_with_the_line(refuse, text, why):
    skip = "or leave such boxes out with bad_boxes='skip'"
    assert refuse(text) == f"cannot be parsed: {why}; give Pascal VOC XML, {skip}"


def test_file_in_another_encoding_is_refused_with_the_command_that_turns_it(refuse):
    says = refuse("<annotation>\ncafé</annotation>".encode("latin-1"))
    assert says.startswith(
        "cannot be parsed: not well-formed (invalid token): line 2, column 3; save it as UTF-8"
    )
    assert "`iconv -f WINDOWS-1252 -t UTF-8`, or leave such boxes out" in says


def test_file_in_utf_16_with_its_mark_is_read(read):
    assert len(read({"a.xml": make_xml(make_object()).encode("utf-16")}).images["a"].edges) == 1


@pytest.mark.parametrize("text", [b"", b"<annotation>\xff</annotation>", b"<annotation>\0</annotation>"])
def test_file_that_cannot_be_parsed_may_be_left_out_and_counts_as_a_bad_box(tmp_path, text):
    (tmp_path / "a.xml").write_bytes(text)
    (tmp_path / "b.xml").write_text(make_xml(make_object()))
    images = read_voc(LocalStore(str(tmp_path)), "skip").images
    assert [len(images[name].edges) for name in "ab"] == [0, 1]
    assert [box.reason for box in images["a"].skipped] == ["XML that cannot be parsed"]


def test_other_xml_is_refused(refuse):
    assert refuse("<svg/>") == "its root must be <annotation>, got <svg>; give Pascal VOC XML"


def test_deep_xml_is_refused(refuse):
    deep = "<annotation>" + "<a>" * 500_000 + "</a>" * 500_000 + "</annotation>"
    assert refuse(deep) == "is nested more than 50 levels deep; give Pascal VOC XML"


def test_xml_of_fifty_levels_is_read(read):
    part = "<part>" * 48 + "</part>" * 48
    assert read({"a.xml": make_xml(make_object(more=part))}).dropped == {"part": 1}


def test_many_elements_side_by_side_are_not_deep(read):
    assert len(read({"a.xml": make_xml(*[make_object()] * 200)}).images["a"].edges) == 200


def test_file_that_is_too_large_is_refused(refuse):
    assert refuse(make_xml().ljust((16 << 20) + 1)) == (
        "must be of at most 16777216 bytes, got 16777217; give one image a file"
    )


def test_files_whose_names_differ_in_their_suffix_alone_are_refused(read):
    with pytest.raises(
        InputError, match=r"a\.xml': has the name of another one but for its suffix; leave one"
    ):
        read({"a.XML": make_xml(), "a.xml": make_xml()})


def test_object_is_refused_with_its_number(refuse):
    assert refuse(make_xml(make_object(), make_object(" "))) == f"object 2 has no name{CURE}"


def test_object_without_a_box_is_refused(refuse):
    text = make_xml("<object><name>cat</name></object>")
    assert refuse(text) == f"object 1 has no bndbox{CURE}"


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "-inf", "1e999", "1_0", "٣", "1 2", "0x1"])
@pytest.mark.parametrize("side", ["xmin", "ymax"])
def test_coordinate_that_is_no_finite_number_is_refused(refuse, side, text):
    number = {"xmin": "11", "ymax": "25"}[side]
    words = refuse(make_xml(make_object(bounds=BOUNDS.replace(f">{number}<", f">{text}<"))))
    assert words == f"object 1 must have a finite number as {side}, got {text!r}{CURE}"


def test_coordinate_that_is_missing_is_refused(refuse):
    words = refuse(make_xml(make_object(bounds="<xmin>1</xmin>")))
    assert words == f"object 1 must have a finite number as ymin, got ''{CURE}"


def test_oriented_box_of_a_negative_size_is_refused(refuse):
    words = refuse(make_xml(make_oriented(w=-2)))
    assert words == f"object 1 has a negative size: w -2.0, h 4.0{CURE}"


def test_bad_objects_are_skipped_where_that_is_asked_for(read):
    bad = [
        make_object(" "),
        "<object><name>cat</name></object>",
        make_object(bounds=BOUNDS.replace("11", "x")),
        make_oriented("emu", h=-1),
    ]
    held = read({"a.xml": make_xml(*bad, make_object())}, bad_boxes="skip")
    assert held.images["a"].skipped == (
        ("no name", "object 1 has no name"),
        ("no bndbox", "object 2 has no bndbox"),
        ("not four finite numbers", "object 3 must have a finite number as xmin, got 'x'"),
        ("negative size", "object 4 has a negative size: w 8.0, h -1.0"),
    )
    assert held.images["a"].edges.tolist() == [[20, 10, 25, 40]]
    assert held.header.names == ("cat",)


# Writing --------------------------------------------------------------------------------------------------


def test_written_file_is_that_of_the_challenge_with_our_words_added():
    extra = '{"camera": "old", "depth": "3", "database": "Blood"}'
    box = one_box(category=1, extra='{"pose": "Left", "difficult": "0"}', visibility=0.5, weight=1 / 3)
    assert write_voc(one_image(box, extra=extra), HEADER).decode() == (
        "<annotation>\n"
        "\t<folder>images</folder>\n"
        "\t<filename>a.jpg</filename>\n"
        "\t<source>\n"
        "\t\t<database>Blood</database>\n"
        "\t</source>\n"
        "\t<size>\n"
        "\t\t<width>64</width>\n"
        "\t\t<height>48</height>\n"
        "\t\t<depth>3</depth>\n"
        "\t</size>\n"
        "\t<segmented>0</segmented>\n"
        "\t<camera>old</camera>\n"
        "\t<base>cats/a.jpg</base>\n"
        "\t<object>\n"
        "\t\t<name>dog</name>\n"
        "\t\t<pose>Left</pose>\n"
        "\t\t<difficult>0</difficult>\n"
        "\t\t<bndbox>\n"
        "\t\t\t<xmin>11</xmin>\n"
        "\t\t\t<ymin>21</ymin>\n"
        "\t\t\t<xmax>40</xmax>\n"
        "\t\t\t<ymax>25</ymax>\n"
        "\t\t</bndbox>\n"
        "\t\t<visibility>0.5</visibility>\n"
        "\t\t<weight>0.3333333333333333</weight>\n"
        "\t\t<source>cats/a.jpg</source>\n"
        "\t</object>\n"
        "</annotation>\n"
    )


def test_image_of_which_nothing_else_is_said_has_no_depth_and_an_unknown_database():
    root = ElementTree.fromstring(write_voc(one_image(), HEADER))
    assert (root.findtext("source/database"), root.find("size/depth")) == ("Unknown", None)


@pytest.mark.parametrize(
    ("edges", "bounds"),
    [
        ((0.0, 0.0, 48.0, 64.0), (1, 1, 64, 48)),
        ((0.0, 0.0, 1.0, 1.0), (1, 1, 1, 1)),
        ((2.6, 3.4, 7.4, 8.6), (4, 4, 9, 7)),
        ((5.0, 9.9, 5.3, 10.1), (11, 6, 11, 6)),
        ((47.9, 63.9, 48.0, 64.0), (64, 48, 64, 48)),
        ((-3.0, -2.0, 60.0, 70.0), (1, 1, 64, 48)),
    ],
    ids=["all", "one pixel", "rounded", "thin", "at the corner", "beyond"],
)
def test_edges_are_whole_pixels_inside_the_image(edges, bounds):
    root = ElementTree.fromstring(write_voc(one_image(one_box(edges)), HEADER))
    assert (
        tuple(int(root.findtext(f"object/bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax"))
        == bounds
    )


def test_what_xml_reserves_is_escaped():
    header = BoxHeader("voc", ("<cat> & \r'\"",), {})
    root = ElementTree.fromstring(write_voc(one_image(one_box(), name="a<&>.jpg"), header))
    assert (root.findtext("object/name"), root.findtext("filename")) == ("<cat> & \r'\"", "a<&>.jpg")


def test_what_xml_cannot_hold_becomes_a_question_mark():
    root = ElementTree.fromstring(write_voc(one_image(name="a\0\x1b\x7f\ufffe\ud800😀\t.jpg"), HEADER))
    assert root.findtext("filename") == "a??\x7f??😀\t.jpg"


def test_texts_are_written_to_the_byte():
    extra = '{"a": "", "b": "x\\r\\ny\\t", "c": "<&>]]>", "d": " "}'
    written = write_voc(one_image(extra=extra), HEADER)
    leaves = b"\t<a></a>\n\t<b>x&#13;\ny\t</b>\n\t<c>&lt;&amp;&gt;]]&gt;</c>\n\t<d> </d>\n"
    assert b"\t<segmented>0</segmented>\n" + leaves + b"\t<base>" in written


@pytest.mark.parametrize("source", ["%FF.png", "%25FF.png"])
def test_sources_are_written_as_part_files_have_them(source):
    root = ElementTree.fromstring(
        write_voc(one_image(one_box()._replace(source=source), source=source), HEADER)
    )
    assert (root.findtext("base"), root.findtext("object/source")) == (source, source)


spans = st.tuples(st.integers(0, 63), st.integers(1, 64)).filter(lambda span: span[0] < span[1])
words = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5).filter(
    lambda text: text == text.strip() and not {"\ufffe", "\uffff"} & set(text)
)


@pytest.mark.slow
@given(st.lists(st.tuples(spans, spans, words.filter(bool), words), max_size=4))
def test_boxes_on_whole_pixels_survive_writing_and_reading(tmp_path_factory, places):
    header = BoxHeader("voc", tuple(sorted({name for _, _, name, _ in places})), {})
    boxes = [
        one_box((y0, x0, y1, x1), header.names.index(name), "{}") for (y0, y1), (x0, x1), name, _ in places
    ]
    root = tmp_path_factory.mktemp("voc")
    (root / "a.xml").write_bytes(write_voc(one_image(*boxes, size=(64, 64)), header))
    held = read_voc(LocalStore(str(root)))
    np.testing.assert_array_equal(held.images["a"].edges, np.reshape([box.edges for box in boxes], (-1, 4)))
    assert (held.header, held.images["a"].categories) == (header, tuple(box.category for box in boxes))


def test_file_that_is_read_and_written_again_is_the_same_to_the_byte(read):
    extra = '{"camera": "old", "depth": "3", "database": "Blood"}'
    once = write_voc(one_image(one_box(extra='{"pose": "Left"}'), extra=extra), HEADER)
    held = read({"a.xml": once}).images["a"]
    boxes = [one_box(edges, 0, text) for edges, text in zip(held.edges.tolist(), held.extras, strict=True)]
    assert write_voc(one_image(*boxes, extra=held.extra), HEADER) == once

"""What is made of an arc on its way out: which outputs are stored, and what is counted."""

from __future__ import annotations

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from augcli.errors import DecodeError
from augcli.io.images.codec import read_header
from augcli.pipeline.plan.job import Job
from augcli.pipeline.worker.collector import Collector
from augcli.pipeline.worker.loader import WARNED
from augcli.pipeline.worker.remarks import UNLABELLED_PARTNER
from augcli.pipeline.worker.staging import Staging
from augcli.pipeline.worker.values import Loaded, Made, OutputPlan, Stopwatch
from augcli.program.annotated import Annotated
from augcli.recipe import Recipe
from augcli.samples import Catalogue, Failure, SoftLabel

CAT = SoftLabel((0,), (1.0,))
KEYS = ("a.jpg", "b.jpg", "c.jpg", "d\udcff.jpg")
LABELS = (CAT, CAT, CAT, None)
Image.new("RGB", (4, 4)).save(encoded := io.BytesIO(), "JPEG")
PHOTO = encoded.getvalue()


class Staged:
    """In the place of a writer: the names of what is staged, a list for each call."""

    def __init__(self):
        self.calls = []

    def name(self, folder, stem, rest):
        return f"{folder}{stem}{rest}"

    def stage(self, names, pairs):
        self.calls.append([(name.split("-")[0], pair.image) for name, pair in zip(names, pairs, strict=True)])
        return []


@pytest.fixture
def staged():
    return Staged()


@pytest.fixture
def collect(staged):
    """Take outputs, sample by sample, and give what is left for the commit."""

    def run(*samples, most_bytes=100):
        numbers = np.zeros(len(KEYS), np.int64)
        catalogue = Catalogue("", KEYS, numbers, numbers, LABELS, ("cat",))
        recipe = Recipe(name="none", entries=())
        job = Job(catalogue, numbers, numbers, recipe, staged, None, (1, 2), Annotated(), "cpu")
        collector = Collector(job, most_bytes, Stopwatch(), Staging(job.writer), None)
        for made in samples:
            collector.take(made)
        collector.flush()
        collector.pack(SimpleNamespace(carry=lambda bases: None))
        return collector.result

    return run


def load(sample, frames=False, **known):
    header = read_header(PHOTO, 16)._replace(frames=frames)
    return Loaded(sample, name=KEYS[sample], header=header, **known)


def make(base, copy=0, data=b"x", **known):
    return Made(base, OutputPlan(copy), data=data, suffix="jpg", height=4, width=4, **known)


def fail(base, copy, reason):
    return make(base, copy, b"", failure=("encode", DecodeError(reason, "why")))


def test_a_sample_of_which_an_output_fails_has_none(collect, staged):
    first, second = load(0), load(1)
    made = [make(first), fail(first, 1, "too large"), fail(first, 2, "later"), make(second, data=b"y")]
    result = collect(made, [make(load(2), data=b"z")])
    assert staged.calls == [[("b__none0", b"y"), ("c__none0", b"z")]]
    assert result.failures == [Failure("a.jpg", "encode", "too large", "why")]
    assert [row[0].split("-")[0] for row in result.rows] == ["b__none0", "c__none0"]


def test_the_key_of_a_failure_is_printable(collect):
    base = load(3)
    assert [failure.source for failure in collect([fail(base, 0, "r")]).failures] == ["d%FF.jpg"]


def test_outputs_are_stored_when_they_are_too_many_bytes(collect, staged):
    collect([make(load(0), data=b"xx")], [make(load(1), data=b"yy")], [make(load(2))], most_bytes=3)
    assert [[name for name, _ in call] for call in staged.calls] == [["a__none0", "b__none0"], ["c__none0"]]


def test_rows_are_bare_tuples_which_pickle_faster(collect):
    assert {type(row) for row in collect([make(load(0))]).rows} == {tuple}


def test_a_file_of_several_images_is_counted_once_and_remarks_for_each_output(collect):
    base = load(0, frames=True)
    counts = collect([make(base, 0, remarks=("grey",)), make(base, 1, remarks=("grey", "alpha"))]).counts
    assert {what: count for what, count in counts.items() if count} == {
        "first frame of several": 1,
        "grey": 2,
        "alpha": 1,
    }


def test_a_complaint_is_listed_once_for_a_sample_that_is_decoded(collect):
    decoded, copied = load(0, complaint="torn"), load(1, complaint="torn")
    made = [make(decoded, 0), make(decoded, 1)], [make(copied, is_decoded=False)]
    result = collect(*made)
    assert result.warnings == [Failure("a.jpg", "decode", WARNED, "torn")]
    assert result.counts[WARNED] == 1


def test_an_output_without_a_label_since_a_partner_has_none_is_counted(collect):
    unlabelled = load(3)
    made = [make(load(0), sources=(unlabelled,)), make(load(1), sources=(load(2),)), make(unlabelled)]
    assert collect(made).counts[UNLABELLED_PARTNER] == 1

"""Whole runs on buckets: the trees of a local disk, byte for byte, and what is asked of the store."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import augcli
from augcli.errors import InputError, OutputError, StorageError, UsageError
from augcli.io.store import object_clients
from augcli.io.store.lease import LOCK
from augcli.io.store.object_clients import load_obstore
from augcli.io.store.objects import ObjectStore
from augcli.io.store.urls import Access, parse_url
from augcli.pipeline.output import summarize
from augcli.pipeline.output.look import list_plans
from tests import servers
from tests.stores import await_requests

NUMBERS = itertools.count()

CUTMIX = {"seed": 3, "copies": 3, "op": [{"kind": "cutmix", "alpha": 1.0}]}
OTHER = {"partner": "other-class"}
CHAIN = {
    "seed": 3,
    "copies": 2,
    "op": [{"kind": "cutmix", **OTHER}, {"kind": "cutout"}, {"kind": "mixup", "p": 0.5, **OTHER}],
}
ANNOTATED = {
    "seed": 3,
    "copies": 2,
    "op": [{"kind": "cutmix"}, {"kind": "cutout"}, {"kind": "mixup", "p": 0.5}],
    "mask-policy": "dominant",
}


class Bucket:
    """A bucket with some inputs of the guide's pages, and a way to read what a run writes there."""

    def __init__(self, url, endpoint, inputs):
        self.url, self.endpoint, self.inputs = url, endpoint, inputs
        servers.make_bucket(url, endpoint)

    def store(self, below):
        return ObjectStore(parse_url(f"{self.url}/{below}"), Access(self.endpoint))

    def put(self, name):
        """Put an input there; gives its address."""
        path = self.inputs / name
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        keys = [file.relative_to(self.inputs).as_posix() for file in files]
        self.store("in").stage(keys, [file.read_bytes() for file in files])
        return f"{self.url}/in/{name}"

    def tree(self, below):
        """Every object but caches, by key."""
        store = self.store(below)
        keys = [key for page in store.list() for key in page.keys if not key.endswith(".seen")]
        return dict(zip(keys, store.read(keys), strict=True))


@pytest.fixture(params=["memory", pytest.param("s3", marks=pytest.mark.slow)])
def bucket(request, page_inputs):
    endpoint = request.getfixturevalue("s3") if request.param == "s3" else None
    return Bucket(f"{request.param}://runs-{next(NUMBERS)}", endpoint, page_inputs)


@pytest.fixture
def in_memory(page_inputs):
    return Bucket(f"memory://runs-{next(NUMBERS)}", None, page_inputs)


CASES = {
    "folder": ("photos", CUTMIX, {}),
    "to-tar": ("photos", CUTMIX | {"format": "webdataset"}, {}),
    "parquet": ("shards", CUTMIX, {}),
    "to-parquet": ("photos", CUTMIX | {"format": "parquet"}, {}),
    "tar": ("wds", CUTMIX | {"format": "webdataset"}, {}),
    "chain": ("splits", CHAIN, {}),
    "table": ("flat", CUTMIX, {"labels": "labels.csv", "classes": "classes.txt"}),
    "masks": ("seg/images", ANNOTATED, {"masks": "seg/masks"}),
    "coco": ("coco/images", ANNOTATED, {"boxes": "coco/annotations.json"}),
    "voc": ("voc/JPEGImages", ANNOTATED, {"boxes": "voc/Annotations"}),
}
QUICK = ("folder", "to-tar", "parquet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "recipe", "beside"),
    [
        pytest.param(*case, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, case in CASES.items()
    ],
)
def test_the_trees_are_those_of_a_disk(bucket, tmp_path, tree, source, recipe, beside):
    there = bucket.put(source)
    here = {name: bucket.inputs / path for name, path in beside.items()}
    far = {name: bucket.put(path) for name, path in beside.items()}
    options = {"workers": 1, "endpoint_url": bucket.endpoint}
    augcli.materialize(bucket.inputs / source, tmp_path / "here", recipe, workers=1, **here)
    augcli.materialize(there, tmp_path / "from", recipe, **far, **options)
    augcli.materialize(bucket.inputs / source, f"{bucket.url}/to", recipe, **here, **options)
    augcli.materialize(there, f"{bucket.url}/both", recipe, **far, **options)
    expected = tree(tmp_path / "here")
    assert len(expected) > 5
    assert tree(tmp_path / "from") == expected
    assert bucket.tree("to") == expected
    assert bucket.tree("both") == expected
    assert augcli.verify(f"{bucket.url}/both", against=there, **far, **options).differences == ()


UNGUARDED = """
import sys
import augcli
recipe = {"seed": 3, "copies": 3, "op": [{"kind": "cutmix", "alpha": 1.0}]}
augcli.materialize(*sys.argv[1:3], recipe, endpoint_url=sys.argv[3], workers=2)
print("made once")
"""
HANGS_S = 300
"""Seconds after which a process hangs, as forked workers would: alone it takes three."""


@pytest.mark.slow
def test_several_workers_of_a_script_without_a_guard_use_a_bucket_that_it_used(
    s3, page_inputs, tmp_path, tree
):
    bucket = Bucket(f"s3://runs-{next(NUMBERS)}", s3, page_inputs)
    there, script = bucket.put("photos"), tmp_path / "script.py"
    script.write_text(UNGUARDED)
    command = [sys.executable, script, there, f"{bucket.url}/two", s3]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS_S)
    assert (done.returncode, done.stdout, done.stderr) == (0, "made once\n", "")
    augcli.materialize(page_inputs / "photos", tmp_path / "here", CUTMIX, workers=1)
    assert bucket.tree("two") == tree(tmp_path / "here")


def test_several_workers_of_a_store_in_memory_are_threads(in_memory, tmp_path, tree):
    there = in_memory.put("photos")
    augcli.materialize(there, f"{in_memory.url}/two", CUTMIX, workers=2)
    augcli.materialize(in_memory.inputs / "photos", tmp_path / "here", CUTMIX, workers=1)
    assert in_memory.tree("two") == tree(tmp_path / "here")


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["folder", "parquet", "webdataset"])
def test_partitions_in_a_bucket_give_the_tree_of_a_run_on_a_disk(bucket, tmp_path, tree, limit, layout):
    limit(chunk_outputs=8)
    recipe, dst = CUTMIX | {"format": layout}, f"{bucket.url}/parts"
    options = {"workers": 1, "endpoint_url": bucket.endpoint}
    augcli.materialize(bucket.inputs / "photos", tmp_path / "here", recipe, workers=1)
    there = bucket.put("photos")
    for partition in ("2/3", "0/3"):
        augcli.materialize(there, dst, recipe, partition=partition, **options)
    with pytest.raises(StorageError, match="no plan stands of partition 1"):
        augcli.merge(dst, endpoint_url=bucket.endpoint)
    augcli.materialize(there, dst, recipe, partition="1/3", **options)
    assert augcli.merge(dst, endpoint_url=bucket.endpoint).merged == 3
    assert bucket.tree("parts") == tree(tmp_path / "here")
    before = bucket.tree("parts")
    assert augcli.materialize(there, dst, recipe, partition="1/3", **options).chunks_done == ()
    assert augcli.materialize(there, dst, recipe, **options).chunks_done == ()
    assert bucket.tree("parts") == before


def test_other_shards_are_read_by_a_pattern(bucket, tmp_path, tree):
    url = bucket.put("shards")
    augcli.materialize(
        f"{url}/*.parquet", f"{bucket.url}/to", CUTMIX, endpoint_url=bucket.endpoint, workers=1
    )
    augcli.materialize(f"{bucket.inputs}/shards/*.parquet", tmp_path / "here", CUTMIX, workers=1)
    assert bucket.tree("to") == tree(tmp_path / "here")


def test_a_recipe_is_read_from_a_bucket(in_memory, tmp_path, tree):
    in_memory.store("r").stage(["mine.toml"], [b'[[op]]\nkind = "cutout"\n'])
    photos = in_memory.inputs / "photos"
    augcli.materialize(photos, tmp_path / "a", f"{in_memory.url}/r/mine.toml", workers=1)
    augcli.materialize(photos, f"{in_memory.url}/out", tmp_path / "a" / "augcli.json", workers=1)
    augcli.materialize(photos, tmp_path / "b", f"{in_memory.url}/out/augcli.json", workers=1)
    assert tree(tmp_path / "a") == tree(tmp_path / "b") == in_memory.tree("out")
    with pytest.raises(InputError, match=r"is a directory; give its recipe, '.*/out/augcli.json'"):
        augcli.materialize(photos, tmp_path / "c", f"{in_memory.url}/out")


@pytest.mark.slow
def test_an_output_in_a_bucket_is_an_input_and_has_a_preview(in_memory, tmp_path):
    out, url = f"{in_memory.url}/out", in_memory.put("coco")
    augcli.materialize(f"{url}/images", out, ANNOTATED, boxes=f"{url}/annotations.json", workers=1)
    again = augcli.materialize(out, tmp_path / "again", {"op": [{"kind": "cutout"}]}, workers=1)
    assert any("boxes: those of" in note for note in again.notes)
    with pytest.raises(InputError, match="an output of augcli, whose tables hold its labels"):
        augcli.materialize(f"{out}/images", tmp_path / "part", {"op": [{"kind": "cutout"}]}, workers=1)
    with pytest.raises(UsageError, match=r"SHEET must be a local file, got 'memory://x/sheet.png'"):
        augcli.preview(f"{url}/images", out, "memory://x/sheet.png")
    augcli.preview(f"{url}/images", out, tmp_path / "sheet.png", boxes=f"{url}/annotations.json")
    assert (tmp_path / "sheet.png").read_bytes()[:4] == b"\x89PNG"


# --- what is asked of the store ------------------------------------------------------------------------


class Requests(list):
    """Requests as (verb, path), since it was cleared."""

    def clear(self):
        await_requests()  # of runs before
        super().clear()


@pytest.fixture
def asked(monkeypatch):
    """All requests since it was cleared."""
    obstore, found = load_obstore(), Requests()
    found.clear()

    def record(verb):
        real = getattr(obstore, verb)

        def call(client, path=None, *arguments, **named):
            found.append((verb + " from a name" * bool(named.get("offset")), path))
            return real(client, path, *arguments, **named)

        monkeypatch.setattr(obstore, verb, call)

    for verb in ("get", "put", "head", "list", "delete"):
        record(verb)
    return found


def count(asked, verb):
    return sum(own == verb for own, _ in asked)


WRITING = {"put", "delete"}


def test_a_second_run_writes_nothing_and_reads_no_source(in_memory, asked):
    url = in_memory.put("photos")
    augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    before = in_memory.store("out")
    versions = [page.versions for page in before.list()]
    asked.clear()
    augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    assert [pair for pair in asked if pair[0] in WRITING] == []
    assert [path for verb, path in asked if verb == "get" and path.startswith("in/")] == []
    assert [page.versions for page in before.list()] == versions


@pytest.mark.slow
def test_each_image_is_read_once_and_each_file_written_once(in_memory, asked, limit):
    """Of the files read ahead, those that are needed as partners alone are read once more by each chunk."""
    limit(chunk_outputs=12)
    url = in_memory.put("photos")
    asked.clear()
    summary = augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    chunks = summary.chunks
    assert chunks > 2
    sources = Counter(path for verb, path in asked if verb == "get" and path.startswith("in/"))
    ahead = CUTMIX["copies"]
    assert summary.images <= sum(sources.values()) <= summary.images + chunks * ahead
    documents = ["augcli.json", "README.md", "classes.txt", "labels.csv", "metadata.parquet", "_SUCCESS"]
    lease = cache_of_documents = 1
    own = len(documents) + cache_of_documents + lease
    assert count(asked, "put") == summary.outputs + 2 * chunks + own
    assert count(asked, "get") - sum(sources.values()) <= chunks + 2  # part files for the tables, the recipe
    assert [path for verb, path in asked if verb == "put" and ".augcli.lock" in path] == ["out/.augcli.lock"]


def test_a_resumed_run_reads_no_source_of_a_committed_chunk(in_memory, asked, limit, monkeypatch):
    limit(chunk_outputs=12)
    url = in_memory.put("photos")
    real, parts = load_obstore().put, []

    def stop(client, path, *arguments, **named):
        if path.startswith("out/.augcli-") and path.endswith(".parquet"):
            parts.append(path)
            if len(parts) == 3:
                raise load_obstore().exceptions.GenericError("503 Service Unavailable")
        return real(client, path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(load_obstore(), "put", stop)
        with pytest.raises(StorageError, match=r"cannot write '.*parquet': the store turns requests away"):
            augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    asked.clear()
    summary = augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    assert 0 < len(summary.chunks_done) == summary.chunks - 2
    sources = Counter(path for verb, path in asked if verb == "get" and path.startswith("in/"))
    made = summary.outputs_made // CUTMIX["copies"]
    assert sum(sources.values()) <= made + len(summary.chunks_done) * CUTMIX["copies"]
    assert ".augcli.lock" not in in_memory.tree("out")


@pytest.mark.slow
def test_a_source_that_changed_is_made_again_and_no_other_chunk(in_memory, limit):
    limit(chunk_outputs=2)
    url = in_memory.put("photos")
    first = augcli.materialize(url, f"{in_memory.url}/out", {"op": [{"kind": "cutout"}]}, workers=1)
    store = in_memory.store("in/photos")
    keys = sorted(key for page in store.list() for key in page.keys)
    store.stage([keys[0]], store.read([keys[1]]))
    again = augcli.materialize(url, f"{in_memory.url}/out", {"op": [{"kind": "cutout"}]}, workers=1)
    assert (first.chunks > 1, len(again.chunks_done), again.chunks_compared) == (True, 1, 1)


def test_a_run_lists_the_bucket_of_its_output_once(in_memory, asked):
    url = in_memory.put("photos")
    for _ in range(2):  # fresh, and with nothing to do
        asked.clear()
        augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
        assert asked.count(("list", "out")) == 1


def test_the_plans_of_partitions_are_found_without_listing_the_bucket(in_memory, asked):
    url, out = in_memory.put("photos"), f"{in_memory.url}/out"
    for number in range(2):
        asked.clear()
        augcli.materialize(url, out, CUTMIX, workers=1, partition=f"{number}/2")
        assert asked.count(("list", "out")) == 1
    store = in_memory.store("out")
    assert list(list_plans(store)) == [".augcli-plan-0-of-2", ".augcli-plan-1-of-2"]


def test_a_planned_partition_lists_no_bucket(in_memory, asked):
    url, out = in_memory.put("photos"), f"{in_memory.url}/out"
    augcli.materialize(url, out, CUTMIX, workers=1, plan=2)
    for number in range(2):
        asked.clear()
        augcli.materialize(url, out, CUTMIX, workers=1, partition=f"{number}/2")
        assert [pair for pair in asked if pair[0].startswith("list") and ".lock" not in pair[1]] == []


def take_over(monkeypatch, store):
    """Let somebody else take the lease once the tables are written."""
    real = summarize.summarize

    def summarize_late(*arguments, **named):
        store.stage([LOCK], [b"process 7 on elsewhere\n"])
        return real(*arguments, **named)

    monkeypatch.setattr(summarize, "summarize", summarize_late)


def test_a_run_that_lost_its_lease_sets_no_mark(in_memory, monkeypatch):
    url = in_memory.put("photos")
    take_over(monkeypatch, in_memory.store("out"))
    with pytest.raises(StorageError, match="was taken over by another run"):
        augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    assert {"metadata.parquet", LOCK} <= in_memory.tree("out").keys()
    assert "_SUCCESS" not in in_memory.tree("out")


def test_a_merge_that_lost_its_lease_sets_no_mark(in_memory, monkeypatch):
    url = in_memory.put("photos")
    augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1, partition="0/1")
    take_over(monkeypatch, in_memory.store("out"))
    with pytest.raises(StorageError, match="was taken over by another run"):
        augcli.merge(f"{in_memory.url}/out")
    assert "_SUCCESS" not in in_memory.tree("out")


def test_a_bucket_that_cannot_be_read_leaves_nothing_of_a_chunk(in_memory, monkeypatch):
    url = in_memory.put("photos")
    real = load_obstore().get

    def refuse(client, path, **named):
        if path.startswith("in/photos/hat"):
            raise load_obstore().exceptions.PermissionDeniedError("403 Forbidden")
        return real(client, path, **named)

    monkeypatch.setattr(load_obstore(), "get", refuse)
    with pytest.raises(StorageError, match=r"cannot read '.*/hat/.*': access is denied \(403\)"):
        augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    assert [key for key in in_memory.tree("out") if key.endswith(".parquet")] == []


@pytest.mark.parametrize("name", ["shards", "labels.csv", "mine.toml"])
def test_what_may_not_be_read_is_named_as_a_fault_of_the_moment(in_memory, monkeypatch, name):
    shards, flat, labels = map(in_memory.put, ("shards", "flat", "labels.csv"))
    in_memory.store("in").stage(["mine.toml"], [b'[[op]]\nkind = "cutmix"\n'])
    recipe, real = f"{in_memory.url}/in/mine.toml", load_obstore().get

    def refuse(client, path, **named):
        if f"/{name}" in path:
            raise load_obstore().exceptions.PermissionDeniedError("403 Forbidden")
        return real(client, path, **named)

    monkeypatch.setattr(load_obstore(), "get", refuse)
    source, given = (flat, {"labels": labels}) if name == "labels.csv" else (shards, {})
    why = rf"^cannot read '.*/{name}.*': access is denied \(403\); use credentials that may read there$"
    with pytest.raises(StorageError, match=why):
        augcli.materialize(source, f"{in_memory.url}/out", recipe, workers=1, **given)
    assert in_memory.tree("out") == {}


# --- a bad network -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_bad_network_changes_nothing(s3, page_inputs, tmp_path, tree, limit, form, within):
    """Of twelve requests two are answered with 503, one is reset, one answered by half, one in vain."""
    limit(chunk_outputs=12)
    bucket, faults = Bucket(f"s3://runs-{next(NUMBERS)}", s3, page_inputs), servers.Faults()
    source, recipe = bucket.put("photos"), CUTMIX | {"format": form}
    with within(300), servers.serve_badly(s3, faults, seconds=0.03) as endpoint:
        augcli.materialize(source, f"{bucket.url}/out", recipe, workers=1, endpoint_url=endpoint)
        verified = augcli.verify(f"{bucket.url}/out", against=source, workers=1, endpoint_url=endpoint)
    assert verified.differences == ()
    assert min(faults.seen[fault] for fault in ("503", "reset", "half", "lost")) > 3
    augcli.materialize(page_inputs / "photos", tmp_path / "here", recipe, workers=1)
    assert bucket.tree("out") == tree(tmp_path / "here")


# --- refusals ------------------------------------------------------------------------------------------


def test_an_output_of_something_else_is_refused(in_memory):
    url = in_memory.put("photos")
    with pytest.raises(OutputError, match="overlap; give DST a place of its own"):
        augcli.materialize(url, f"{url}/out", CUTMIX)
    in_memory.store("other").stage(["mine.txt"], [b"1"])
    with pytest.raises(OutputError, match=r"holds something else \('mine.txt'\)"):
        augcli.materialize(url, f"{in_memory.url}/other", CUTMIX)
    with pytest.raises(InputError, match=r"'memory://.*/none' does not exist; give an image folder"):
        augcli.materialize(f"{in_memory.url}/none", f"{in_memory.url}/out", CUTMIX)
    with pytest.raises(InputError, match="is not a directory; give the DST of a run"):
        augcli.verify(f"{in_memory.url}/none")


def test_an_address_that_went_through_pathlib_is_refused(tmp_path):
    with pytest.raises(
        UsageError, match="'s3:/bucket/x' was an address before it became a Path; give addresses"
    ):
        augcli.materialize(Path("s3://bucket/x"), tmp_path / "out", CUTMIX)


def test_without_obstore_an_address_is_exit_8(cli, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    object_clients.load_obstore.cache_clear()
    object_clients.connect.cache_clear()
    try:
        done = cli("cutmix", "s3://bucket/photos", tmp_path / "out")
    finally:
        object_clients.load_obstore.cache_clear()
    assert (done.returncode, done.stdout) == (8, "")
    assert done.stderr == (
        "augcli: obstore is not installed, by which s3://, gs:// and az:// are read and written; run:"
        " pip install 'augcli[remote]'\n"
    )


def test_who_uses_a_store_without_conditions_is_told(in_memory, monkeypatch):
    url, real = in_memory.put("photos"), load_obstore().put

    def put(*arguments, mode=None, **named):
        if mode is not None:
            raise load_obstore().exceptions.NotSupportedError("no")
        return real(*arguments, **named)

    monkeypatch.setattr(load_obstore(), "put", put)
    words = rf"no lock on DST \('{in_memory.url}/out' cannot write on a condition\); see to it that no other"
    with pytest.warns(UserWarning, match=words):
        augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)


def test_an_output_in_the_memory_of_the_command_line_is_refused(cli, tmp_path):
    done = cli("cutmix", tmp_path, "memory://x/out")
    said = "augcli: DST 'memory://x/out' is gone when this process ends; give a directory, or a bucket\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_name_that_no_object_has_is_a_fault_of_who_gave_it(cli, tmp_path):
    done = cli("cutmix", "memory://x/a\x01b", tmp_path / "out")
    assert done.returncode == 4
    assert "has an empty part, `.`, `..`, a control character or what is not UTF-8; rename it" in done.stderr
    assert cli("cutmix", "memory://x/a\udcffb", tmp_path / "out").returncode == 4


def test_a_value_that_obstore_does_not_accept_is_our_own_fault(in_memory, monkeypatch):
    store = in_memory.store("out")

    def get(*_, **__):
        raise ValueError("Invalid range requested, start: 5 end: 2")

    monkeypatch.setattr(load_obstore(), "get", get)
    with pytest.raises(ValueError, match="Invalid range"):
        store.read(["a"])


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        (["--endpoint-url", "http://127.0.0.1:1"], ["--endpoint-url has no effect: nothing that is read or"]),
        (["--anonymous"], ["--anonymous has no effect: nothing that is read or written lies in a bucket"]),
        ([], []),
    ],
)
def test_how_buckets_are_reached_has_no_effect_without_one(cli, make_folder, tmp_path, given, noted):
    done = cli("cutout", make_folder({"cat": 2}), tmp_path / "out", *given)
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "has no effect" in line]
    assert [said in line for said, line in zip(noted, lines, strict=True)] == [True] * len(noted)


@pytest.mark.slow
def test_the_command_line_takes_an_endpoint(cli, s3, page_inputs, tmp_path):
    bucket = Bucket(f"s3://runs-{next(NUMBERS)}", s3, page_inputs)
    url = bucket.put("photos")
    options = ("--endpoint-url", s3)
    done = cli("cutmix", url, f"{bucket.url}/out", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{bucket.url}/out holds ")
    assert cli("verify", f"{bucket.url}/out", "--against", url, *options).returncode == 0
    assert cli("preview", url, f"{bucket.url}/out", tmp_path / "sheet.png", *options).returncode == 0
    refused = cli("cutmix", url, f"{bucket.url}/out", "--endpoint-url", "nonsense")
    assert (refused.returncode, refused.stderr) == (
        2,
        "augcli: --endpoint-url must be as https://HOST:PORT, got 'nonsense'\n",
    )


@pytest.mark.parametrize("is_compared", [False, True])
def test_many_sources_are_read_at_once(in_memory, monkeypatch, is_compared):
    url, real, read = in_memory.put("photos"), load_obstore().get, Counter()
    gate, counting = threading.Barrier(7), threading.Lock()
    augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1) if is_compared else None
    store = in_memory.store("in/photos")
    keys = [key for page in store.list() for key in page.keys]
    store.stage(keys, store.read(keys))  # of another version, with the same bytes

    def get(client, path, **named):
        if path.startswith("in/"):
            with counting:
                read[path] += 1
                is_first = read.total() <= gate.parties
            if is_first:  # until as many are asked for
                gate.wait(60)
        return real(client, path, **named)

    await_requests()  # of the run before
    monkeypatch.setattr(load_obstore(), "get", get)
    summary = augcli.materialize(url, f"{in_memory.url}/out", CUTMIX, workers=1)
    assert summary.chunks_compared == is_compared
    assert len(read) == summary.images
    assert sum(read.values()) <= summary.images + 2 * CUTMIX["copies"]  # partners behind each of two pieces


LOADED = """
import sys, augcli
augcli.materialize(*sys.argv[1:3], {"op": [{"kind": "cutout"}]}, workers=1)
print(sorted({"obstore", "boto3", "augcli.io.store.objects"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_a_run_on_a_disk_loads_nothing_of_buckets(page_inputs, tmp_path):
    command = [sys.executable, "-c", LOADED, page_inputs / "photos", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=servers.ROOT)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["photos", "shards"])
def test_a_preview_asks_for_the_images_that_it_shows(in_memory, asked, name):
    src = in_memory.put(name)
    asked.clear()
    sheet = augcli.preview(src, {"op": [{"kind": "cutmix"}]}, count=2)
    images = [path for verb, path in asked if verb.startswith("get") and path.endswith((".jpg", ".png"))]
    assert len(images) == len(set(images)) == (4 if name == "photos" else 0)
    assert not [verb for verb, _ in asked if verb.startswith(("put", "delete"))]
    assert sheet.height > 400

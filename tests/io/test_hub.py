"""Data sets of Hugging Face as SRC: listed by pages, read by ranges, pinned to a commit, never written."""

from __future__ import annotations

import io
import itertools
import pickle

import pyarrow.parquet as pq
import pytest

import augcli
from augcli.errors import InputError, MissingPartError, Spelling, StorageError, UsageError
from augcli.io.store import hub as hub_module
from augcli.io.store.buckets import open_bucket
from augcli.io.store.hub import HubStore
from augcli.io.store.locations import Kind, find_kind, locate_files
from augcli.io.store.urls import Access, Url, parse_url
from tests.hub import serve_hub
from tests.stores import listed

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.slow

CUTMIX = {"op": [{"kind": "cutmix"}]}
NAMES = itertools.count()


@pytest.fixture(autouse=True)
def has_network(monkeypatch):
    """Other tests of this process may have loaded Hugging Face's package as if there were none."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(monkeypatch):
    """A server with one data set, which has another name for each test: its commit is known for a minute."""
    with serve_hub(f"me/photos-{next(NAMES)}") as found:
        monkeypatch.setenv("HF_ENDPOINT", found.endpoint)
        monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
        monkeypatch.setattr(hub_module, "FRESH_S", 1e-9)
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # between requests that are sent again
        yield found


@pytest.fixture
def url(hub):
    return f"hf://datasets/{hub.repository}"


def open_url(text, **access):
    return open_bucket(parse_url(text), Access(**access))


FILES = {
    "README.md": b"#",
    "train/cat/0.png": b"cat",
    "train/dog/0.png": b"d" * 3000,
    "train.csv": b"",
    "z": b"1",
}


def test_a_data_set_is_listed_by_pages(hub, url):
    hub.push(FILES)
    assert listed(open_url(url)) == sorted((key, len(data)) for key, data in FILES.items())
    assert listed(open_url(f"{url}/train")) == [("cat/0.png", 3), ("dog/0.png", 3000)]
    assert listed(open_url(url), "train/c") == [("train/cat/0.png", 3)]
    assert listed(open_url(f"{url}/nothing")) == []


def test_files_are_read_whole_and_by_ranges(hub, url):
    data = bytes(range(256)) * 8000
    hub.push({"a/b c%20ä.bin": data, "empty": b""})
    store = open_url(f"{url}/a")
    assert store.read(["b c%20ä.bin", "missing"]) == [data, None]
    with store.open("b c%20ä.bin") as file:
        file.seek(1_500_000)
        assert file.read(100) == data[1_500_000:1_500_100]
    assert "bytes=1982464-2047999" in {given for _, _, given in hub.asked}
    with open_url(url).open("empty") as file:
        assert file.read() == b""


def test_of_a_server_that_knows_no_ranges_files_are_read_all_the_same(hub, url, monkeypatch):
    data, get = bytes(range(256)) * 800, hub_module._get
    hub.push({"a": data})
    monkeypatch.setattr(hub_module, "_get", lambda store, key, headers: get(store, key, {}))
    with open_url(url).open("a") as file:
        file.seek(1001)
        assert file.read(100) == data[1001:1101]


def test_a_file_that_comes_in_part_is_a_fault(hub, url, monkeypatch):
    hub.push({"a": b"12345"})
    store = open_url(url)
    version = store.find("a")
    monkeypatch.setattr(hub_module, "_get", lambda store, key, headers: b"123")
    with pytest.raises(StorageError, match=r"a' came in part; run again to go on"):
        store.read(["a"], [version])


def test_the_version_of_a_file_is_its_content(hub, url):
    hub.push(FILES)
    versions = [page.versions for page in open_url(url).list()]
    page = next(open_url(url).list())
    for key, size, version in zip(page.keys, page.sizes, page.versions, strict=True):
        assert open_url(url).find(key) == (size, version)
    hub.push(FILES | {"z": b"2"})
    after = [page.versions for page in open_url(url).list()]
    assert sum(old != new for old, new in zip(versions[0], after[0], strict=True)) == 1


def test_a_store_stays_at_its_commit_and_pickles_with_it(hub, url):
    hub.push({"a": b"old"})
    store = open_url(url)
    hub.push({"a": b"newer"})
    assert pickle.loads(pickle.dumps(store)).read(["a"]) == [b"old"]
    assert open_url(url).read(["a"]) == [b"newer"]


@pytest.mark.parametrize("revision", ["refs/convert/parquet", "v1.0", "refs%2Fpr%2F3"])
def test_a_revision_is_given_behind_the_name(hub, url, revision):
    hub.push({"x/a": b"main"})
    hub.push({"x/a": b"other"}, revision.replace("%2F", "/"))
    assert open_url(f"{url}@{revision}/x").read(["a"]) == [b"other"]


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("hf://datasets/me/x", "datasets/me/x", ""),
        ("hf://datasets/me/x@main/a/b", "datasets/me/x@main", "a/b"),
        ("hf://datasets/me/x@refs/convert/parquet/a", "datasets/me/x@refs/convert/parquet", "a"),
    ],
)
def test_addresses_are_read(text, bucket, key):
    assert parse_url(text) == Url("hf", bucket, key)
    assert str(parse_url(text)) == text


def test_what_stands_at_an_address(hub, url):
    hub.push(FILES)
    kinds = [find_kind(f"{url}{key}") for key in ("/train", "/z", "", "/nothing")]
    assert kinds == [Kind.DIRECTORY, Kind.FILE, Kind.DIRECTORY, Kind.NOTHING]
    store, files = locate_files(f"{url}/train/*/*.png")
    assert (store.name, files.keys) == (f"{url}/train", ["cat/0.png", "dog/0.png"])


@pytest.fixture
def photos(make_folder):
    src = make_folder({"cat": 5, "dog": 4})
    return src, {path.relative_to(src).as_posix(): path.read_bytes() for path in src.rglob("*.png")}


def test_a_folder_of_images_gives_the_tree_of_a_disk(hub, url, photos, tmp_path, tree):
    src, files = photos
    hub.push({f"images/{key}": data for key, data in files.items()})
    augcli.materialize(src, tmp_path / "disk", CUTMIX)
    augcli.materialize(f"{url}/images", tmp_path / "hub", CUTMIX, workers=2)
    assert tree(tmp_path / "hub") == tree(tmp_path / "disk")
    hub.asked.clear()
    augcli.materialize(f"{url}/images", tmp_path / "hub", CUTMIX, workers=2)
    assert [path for _, path, _ in hub.asked if path.endswith(".png")] == []


def test_shards_give_the_tree_of_a_disk(hub, url, photos, tmp_path, tree):
    src, _ = photos
    augcli.materialize(src, tmp_path / "made", {"op": [{"kind": "cutout"}], "format": "parquet"})
    shards = {f"data/{path.name}": path.read_bytes() for path in (tmp_path / "made/data").iterdir()}
    hub.push(shards)
    assert pq.ParquetFile(io.BytesIO(next(iter(shards.values())))).metadata.num_rows == 9
    recipe = CUTMIX | {"format": "folder"}
    augcli.materialize(str(tmp_path / "made/data/*.parquet"), tmp_path / "disk", recipe)
    augcli.materialize(f"{url}/data/*.parquet", tmp_path / "hub", recipe)
    assert tree(tmp_path / "hub") == tree(tmp_path / "disk")


def test_a_token_is_sent_unless_nobody_wants_it(hub, url, monkeypatch):
    hub.push({"a": b"1"})
    hub.token = "hf_secret"
    said = r"no such data set, or the credentials are not accepted \(401\); correct its name, or log in with"
    with pytest.raises(StorageError, match=said):
        open_url(url)
    monkeypatch.delenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    store = open_url(url)
    assert store.read(["a"]) == [b"1"]
    assert b"hf_secret" not in pickle.dumps(store)
    with pytest.raises(StorageError, match=said):
        open_url(url, anonymous=True)


def test_what_is_missing_is_named(hub, url):
    hub.push({"a": b"1"})
    with pytest.raises(StorageError, match="there is no such revision; correct what stands behind the @"):
        open_url(f"{url}@v9")
    with pytest.raises(StorageError, match="there is no such data set"):
        open_url("hf://datasets/me/else")
    with pytest.raises(StorageError, match=r"cannot read '.*gone': it does not exist"):
        open_url(url).open("gone")
    with pytest.raises(InputError, match="does not exist; give"):
        augcli.materialize(f"{url}/nothing", "out", CUTMIX)


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "access is denied"), (503, "turns requests away"), (500, "run again to go on")],
)
def test_what_the_server_refuses_is_a_fault_of_the_moment(hub, url, status, said):
    hub.push({"a": b"1"})
    store = open_url(url)
    hub.status = status
    with pytest.raises(StorageError, match=rf"cannot read '{url}/a': .*{said}"):
        store.read(["a"])


def test_the_name_of_a_file_is_not_taken_for_a_status(hub, url):
    hub.push({"403.jpg": b"1"})
    store = open_url(url)
    hub.status = 500
    with pytest.raises(StorageError, match="run again to go on") as caught:
        store.read(["403.jpg"])
    assert "denied" not in str(caught.value)


def test_a_server_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(StorageError, match="the server cannot be reached; check the network and HF_ENDPOINT"):
        open_url("hf://datasets/me/unreachable")


def test_a_data_set_is_no_output(tmp_path, photos):
    src, _ = photos
    with pytest.raises(UsageError, match=r"is a data set of Hugging Face, where each file would be a commit"):
        augcli.materialize(src, "hf://datasets/me/out", CUTMIX)
    store = HubStore(parse_url("hf://datasets/me/out"), "0")
    for verb, given in (("stage", ([], [])), ("publish", ([],)), ("create", ("a", b"")), ("delete", ([],))):
        with pytest.raises(StorageError, match="is only read"):
            getattr(store, verb)(*given)


def test_the_command_line_reads_and_refuses_a_data_set(hub, url, photos, tmp_path, cli):
    src, files = photos
    hub.push(files)
    assert cli("cutmix", url, tmp_path / "out").returncode == 0
    assert cli("cutmix", src, "hf://datasets/me/out").returncode == 2


def test_without_the_package_an_address_is_exit_8(monkeypatch):
    hub_module._load_hub.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(MissingPartError) as caught:
        open_url("hf://datasets/me/x")
    assert "run: pip install 'augcli[hf]'" in caught.value.spell(Spelling.FLAG)
    hub_module._load_hub.cache_clear()

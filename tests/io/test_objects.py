"""Buckets: what differs from a disk, their faults in words, and how they are reached."""

from __future__ import annotations

import builtins
import itertools
import re
import sys

import pytest

from augcli.errors import InputError, MissingPartError, StorageError, UsageError
from augcli.io.store import object_clients, object_errors
from augcli.io.store.object_clients import find_endpoint, load_obstore
from augcli.io.store.object_errors import CREDENTIALS, describe_fault
from augcli.io.store.object_listing import list_pages
from augcli.io.store.objects import ObjectStore, find_object, replace_object
from augcli.io.store.urls import Access, Url, is_url, parse_url
from tests import servers


def memory(name):
    return ObjectStore(parse_url(f"memory://{name}"))


# --- addresses -----------------------------------------------------------------------------------------


def test_an_address_is_taken_apart_as_it_is_written():
    assert parse_url("s3://bucket/a b/100%25.jpg/") == Url("s3", "bucket", "a b/100%25.jpg")
    assert str(parse_url("gs://bucket/")) == "gs://bucket"
    assert parse_url("az://box/a/b").parent == Url("az", "box", "a")
    bucket = parse_url("hf://buckets/me/photos/a/b")
    assert (bucket, str(bucket)) == (Url("hf", "buckets/me/photos", "a/b"), "hf://buckets/me/photos/a/b")
    assert (parse_url("s3://x/a/b").name, parse_url("s3://x").name) == ("b", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "https://host/x",
            "is an address of a kind that is not read; give s3://, gs://, az://, hf://buckets/ or, to be"
            " read, hf://datasets/, or a path",
        ),
        ("s3:///x", "names no bucket; give s3://BUCKET/PATH"),
        ("s3://my bucket/x", ": no bucket is called 'my bucket'; correct its name"),
        ("hf://buckets/me", "names no bucket; give hf://buckets/OWNER/BUCKET/PATH"),
        ("hf://datasets/mnist", "names no data set; give hf://datasets/OWNER/NAME/PATH"),
        (
            "hf://models/me/x",
            "is neither a bucket nor a data set; give hf://buckets/OWNER/BUCKET/PATH,"
            " hf://datasets/OWNER/NAME/PATH, or a directory: `hf download` fetches a repository",
        ),
        ("s3://b/a//c", "has an empty part, `.` or `..` in it; give the address without them"),
        ("s3://b/../c", "has an empty part, `.` or `..` in it; give the address without them"),
    ],
)
def test_what_is_no_address_is_refused(text, message):
    with pytest.raises(InputError) as raised:
        parse_url(text)
    assert str(raised.value) == f"{text!r}{'' if message.startswith(':') else ' '}{message}"


@pytest.mark.parametrize(("path", "expected"), [("s3://b", True), ("C:/x", False), ("a/b://c", False)])
def test_addresses_are_told_from_paths(path, expected):
    assert is_url(path) is expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("s3://b/a", "s3://b/a", True),
        ("s3://b", "s3://b/a", True),
        ("s3://b/a", "s3://b/a/c", True),
        ("s3://b/a", "s3://b/ab", False),
        ("s3://b/a", "gs://b/a", False),
        ("s3://b/a", "s3://b", False),
    ],
)
def test_an_address_holds_what_lies_below_it(outer, inner, expected):
    assert parse_url(outer).holds(parse_url(inner)) is expected


@pytest.mark.parametrize(
    "endpoint",
    [
        "nonsense",
        "http://",
        "localhost:9000",
        "",
        "http://a b",
        "http://host:port",
        "http://x:99999",
        "http://[::1",
        "http://x/ y",
    ],
)
def test_an_endpoint_is_an_address_of_the_web(endpoint):
    with pytest.raises(UsageError, match="endpoint_url must be as https://HOST:PORT, got"):
        Access(endpoint)


def test_a_wrong_endpoint_is_shown_without_its_password():
    with pytest.raises(UsageError) as raised:
        Access("https://me:secret@host:1")
    assert str(raised.value) == "endpoint_url must be as https://HOST:PORT, got 'host:1'"


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9000", "https://s3.example.com/me", "http://[::1]:80/"]
)
def test_an_endpoint_may_have_a_port_and_a_path(endpoint):
    assert Access(endpoint).endpoint_url == endpoint


def test_an_endpoint_is_taken_from_the_environment_where_none_is_given():
    both = {"AWS_ENDPOINT_URL": "http://a:1", "AWS_ENDPOINT_URL_S3": "http://b:2"}
    assert find_endpoint("s3", Access(), both) == "http://b:2"
    assert find_endpoint("s3", Access("http://c:3"), both) == "http://c:3"
    assert find_endpoint("az", Access(), both) is None


def test_a_variable_that_names_no_endpoint_is_named_without_a_password():
    with pytest.raises(UsageError) as raised:
        find_endpoint("s3", Access(), {"AWS_ENDPOINT_URL": "https://me:secret@c:3"})
    assert str(raised.value) == "AWS_ENDPOINT_URL must be as https://HOST:PORT, got 'c:3'"


def test_a_bucket_of_hugging_face_lies_below_its_owner(s3):
    servers.make_bucket("s3://photos-of-me", s3)
    faults = servers.Faults()
    faults.TURNS = ("",)
    with servers.serve_badly(s3, faults, below="/me") as gateway:
        store = ObjectStore(parse_url("hf://buckets/me/photos-of-me/a"), Access(gateway))
        store.stage(["x", "y"], [b"1", b"2"])
        assert [key for page in store.list() for key in page.keys] == ["x", "y"]
        store.delete(["x"])
        assert store.read(["x", "y"]) == [None, b"2"]
    assert ObjectStore(parse_url("s3://photos-of-me"), Access(s3)).read(["a/y"]) == [b"2"]
    client = object_clients.connect("hf", "buckets/me/photos-of-me", Access(), 0)
    assert client.config["endpoint"] == "https://s3.hf.co/me"


# --- listing -------------------------------------------------------------------------------------------


def entry(path, size):
    return {"path": path, "size": size, "e_tag": '"x"', "last_modified": None}


def keys_of(entries, root="", prefix="", wanted=None):
    return [key for page in list_pages(entries, root, prefix, wanted) for key in page.keys]


def test_objects_that_stand_for_directories_are_left_out():
    """Of `d/`, `d/sub/`, `d/x`, `e` and `f`, obstore drops the slashes."""
    entries = [
        entry("d", 0),
        entry("d/sub", 0),
        entry("d/sub/y", 1),
        entry("d/x", 1),
        entry("e", 0),
        entry("f", 0),
    ]
    assert keys_of(entries) == ["d/sub/y", "d/x", "e", "f"]
    assert keys_of(entries[:4], "d") == ["sub/y", "x"]
    assert keys_of([entry("d", 0)], "d") == []


def test_an_object_of_the_name_of_the_directory_that_is_listed_is_left_out():
    entries = [entry("d/a", 5), entry("d/a/x.png", 1)]
    assert keys_of(entries, "d", "a", wanted=lambda name: name[0] != ".") == ["a/x.png"]


def test_what_nobody_wants_is_asked_for_once_and_never_entered():
    asked = []

    def wanted(name):
        asked.append(name)
        return name != ".git"

    entries = [entry(path, 1) for path in ("a/.git/x", "a/.git/y/z", "a/b", "c")]
    assert keys_of(entries, wanted=wanted) == ["a/b", "c"]
    assert asked == ["a", ".git", "b", "c"]


def test_pages_hold_a_thousand_keys():
    pages = list(list_pages((entry(f"{number:05d}", 1) for number in range(2500)), "", "", None))
    assert [len(page.keys) for page in pages] == [1000, 1000, 500]


# --- on a condition ------------------------------------------------------------------------------------


def test_an_object_is_replaced_only_if_it_is_still_the_same():
    store = memory("replaced")
    tag = replace_object(store, "a", b"1", None)
    assert find_object(store, "a").tag == tag
    newer = replace_object(store, "a", b"2", tag)
    assert newer not in (None, tag)
    assert replace_object(store, "a", b"3", tag) is None
    assert replace_object(store, "a", b"3", None) is None
    assert replace_object(store, "nothing", b"3", tag) is None
    assert store.read(["a"]) == [b"2"]


def test_a_file_counts_as_created_where_the_answer_to_that_was_lost(monkeypatch):
    """The request is sent again then, and what is in the way is what it wrote."""
    store, obstore = memory("lost"), load_obstore()
    real = obstore.put

    def put_twice(*arguments, **named):
        real(*arguments, **named)
        return real(*arguments, **named)

    monkeypatch.setattr(obstore, "put", put_twice)
    assert store.create("a", b"1") is True
    assert store.create("a", b"1") is False


def test_a_store_without_conditions_still_creates(monkeypatch):
    store, obstore = memory("unconditional"), load_obstore()
    real = obstore.put

    def put(*arguments, mode=None, **named):
        if mode is not None:
            raise obstore.exceptions.GenericError("<Code>NotImplemented</Code>")
        return real(*arguments, **named)

    monkeypatch.setattr(obstore, "put", put)
    assert [store.create("a", b"1"), store.create("a", b"2")] == [True, False]
    assert store.read(["a"]) == [b"1"]


# --- connections that break off --------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch):
    """Let each call of a function of obstore be followed by an error, once in two; no pauses."""
    obstore = load_obstore()
    monkeypatch.setattr(object_errors, "PAUSES_S", (0.0,) * 7)

    def break_off(verb, before=False):
        real, calls = getattr(obstore, verb), itertools.count()

        def call(*arguments, **named):
            is_broken = next(calls) % 2 == 0
            done = None if is_broken and before else real(*arguments, **named)
            if is_broken:
                raise obstore.exceptions.GenericError("HttpError { kind: Interrupted }")
            return done

        monkeypatch.setattr(obstore, verb, call)

    return break_off


@pytest.mark.parametrize("before", [True, False])
def test_a_file_is_created_over_a_connection_that_breaks_off(broken, before):
    store = memory(f"broken-{before}")
    broken("put", before)
    assert store.create("a", b"1") is True
    assert store.create("a", b"2") is False
    assert store.read(["a"]) == [b"1"]


def test_files_are_removed_over_a_connection_that_breaks_off(broken):
    store = memory("broken-delete")
    store.stage(["a", "b"], [b"", b""])
    broken("delete")
    store.delete(["a", "b"])
    assert store.read(["a", "b"]) == [None, None]


def test_a_listing_that_breaks_off_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(object_errors, "PAUSES_S", (0.0,) * 7)
    store, obstore = memory("broken-list"), load_obstore()
    store.stage([f"{number:04d}" for number in range(2500)], [b""] * 2500)
    real, begun = obstore.list, []

    def list_a_page(client, root, *, offset, chunk_size):
        begun.append(offset)
        yield next(iter(real(client, root, offset=offset, chunk_size=chunk_size)))
        if len(begun) < 3:
            raise obstore.exceptions.GenericError("HttpError { kind: Interrupted }")

    monkeypatch.setattr(obstore, "list", list_a_page)
    keys = [key for page in store.list() for key in page.keys]
    assert keys == [f"{number:04d}" for number in range(2500)]
    assert begun == [None, "0999", "1999"]


def test_what_breaks_off_for_ever_is_an_error(broken, monkeypatch):
    monkeypatch.setattr(object_errors, "PAUSES_S", (0.0,))
    obstore = load_obstore()

    def fail(*_, **__):
        raise obstore.exceptions.GenericError("HttpError { kind: Interrupted }")

    monkeypatch.setattr(obstore, "delete", fail)
    with pytest.raises(
        StorageError, match=r"cannot remove '.*/a': the connection broke off; run again to go on"
    ):
        memory("broken-for-ever").delete(["a"])


# --- faults --------------------------------------------------------------------------------------------


class FaultError(Exception):
    """Stands for errors of obstore."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Server returned 404 <Error><Code>NoSuchBucket</Code></Error>",
         "the bucket does not exist; correct its name, or make it"),
        ("Missing AccessKeyId\n\nMissingAccessKeyId", f"no credentials; {CREDENTIALS['s3']}"),
        ("Error performing token request: GET 169.254.169.254", f"no credentials; {CREDENTIALS['s3']}"),
        ("status code: 403 Forbidden: <Message>no</Message>",
         "access is denied (403); use credentials that may read there"),
        ("401 Unauthorized", f"the credentials are not accepted (401); {CREDENTIALS['s3']}"),
        ("inner: BareRedirect", "the bucket lies in another region; set AWS_REGION"),
        ("source: MissingEtag", "the server does not answer as s3:// does; correct the endpoint"),
        ("HttpError { kind: Connect, }", "the server cannot be reached; check the network and the endpoint"),
        ("HttpError { kind: ConnectionReset }", "the connection broke off; run again to go on"),
        ("503 Service Unavailable: SlowDown",
         "the store turns requests away (503); run again later, or with fewer workers"),
        ("400 Bad Request: <Message>It is wrong.</Message>", "It is wrong.; run again to go on"),
        ('Encountered object with invalid path: Path "a//b" contained empty path segment InvalidPath',
         "'a//b' has an empty part, `.`, `..`, a control character or what is not UTF-8; rename it"),
        ('with invalid path: Error parsing Path "u/../x": Encountered illegal InvalidPath',
         "'u/../x' has an empty part, `.`, `..`, a control character or what is not UTF-8; rename it"),
        ("Could not parse path",
         "a name there has an empty part, `.`, `..`, a control character or what is not UTF-8; rename it"),
        ("Something else in 12ms\nand more", "Something else; run again to go on"),
        ("", "unknown fault; run again to go on"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_cure(text, message):
    assert describe_fault(FaultError(text), "read", "s3") == message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "verb", "message"),
    [
        (403, "list", "cannot list '.*': access is denied \\(403\\); use credentials that may list there"),
        (403, "read", "cannot read '.*/a': access is denied \\(403\\); use credentials that may read there"),
        (
            403,
            "write",
            "cannot write '.*/a': access is denied \\(403\\); use credentials that may write there",
        ),
        (
            401,
            "read",
            "cannot read '.*/a': the credentials are not accepted \\(401\\); set AWS_ACCESS_KEY_ID",
        ),
        (404, "list", "cannot list '.*': the server does not answer as s3:// does; correct the endpoint"),
        (200, "write", "cannot write '.*/a': the server does not answer as s3:// does; correct the endpoint"),
        (200, "find", "cannot read '.*/a': the server does not answer as s3:// does; correct the endpoint"),
    ],
)
def test_what_a_server_refuses_is_one_line(cloud_credentials, status, verb, message):
    do = {
        "list": lambda store: list(store.list()),
        "read": lambda store: store.read(["a"]),
        "write": lambda store: store.stage(["a"], [b"1"]),
        "find": lambda store: find_object(store, "a"),
    }
    with servers.serve_status(status) as endpoint:
        store = ObjectStore(parse_url("s3://some-bucket/x"), Access(endpoint))
        with pytest.raises(StorageError) as raised:
            do[verb](store)
    assert re.fullmatch(f"{message}.*", str(raised.value))
    assert "\n" not in str(raised.value)


def test_a_bucket_that_does_not_exist_is_named(s3):
    store = ObjectStore(parse_url("s3://no-such-bucket/x"), Access(s3))
    cure = "the bucket does not exist; correct its name, or make it"
    for do in (lambda: list(store.list()), lambda: store.read(["a"]), lambda: store.stage(["a"], [b""])):
        with pytest.raises(StorageError, match=f"'s3://no-such-bucket/x.*': {cure}"):
            do()
    with pytest.raises(StorageError, match=cure):
        store.create("a", b"")


def test_a_fault_of_one_of_many_files_is_that_of_all(monkeypatch):
    store, obstore = memory("one-of-many"), load_obstore()
    store.stage(["a", "b"], [b"1", b"2"])
    real = obstore.get

    def get(client, path, **named):
        if path == "b":
            raise obstore.exceptions.PermissionDeniedError("403 Forbidden")
        return real(client, path, **named)

    monkeypatch.setattr(obstore, "get", get)
    with pytest.raises(StorageError, match=r"cannot read 'memory://one-of-many/b': access is denied \(403\)"):
        store.read(["a", "b"])


@pytest.fixture
def _nothing_cached():
    object_clients.load_obstore.cache_clear()
    object_clients.connect.cache_clear()
    yield
    object_clients.load_obstore.cache_clear()
    object_clients.connect.cache_clear()


@pytest.mark.usefixtures("_nothing_cached")
def test_without_the_extra_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingPartError) as raised:
        memory("x").read(["a"])
    assert str(raised.value) == (
        "obstore is not installed, by which s3://, gs:// and az:// are read and written; run:"
        " pip install 'augcli[remote]'"
    )


@pytest.fixture
def nobody(monkeypatch, _nothing_cached):
    """No credentials of AWS anywhere."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in servers.NO_CLOUD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.slow
def test_no_credentials_are_named(nobody):
    with pytest.raises(StorageError) as raised:
        ObjectStore(parse_url("s3://some-bucket"), Access("http://127.0.0.1:1")).read(["a"])
    assert str(raised.value) == f"cannot reach 's3://some-bucket': no credentials; {CREDENTIALS['s3']}"


@pytest.mark.slow
def test_a_profile_gives_credentials_by_boto3(nobody, tmp_path):
    (tmp_path / "config").write_text("[profile lab]\naws_access_key_id = of-lab\naws_secret_access_key = x\n")
    nobody.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    nobody.setenv("AWS_PROFILE", "lab")
    found = object_clients.connect("s3", "some-bucket", Access(), 1).credential_provider()
    assert found["access_key_id"] == "of-lab"
    nobody.setenv("AWS_PROFILE", "none")
    with pytest.raises(StorageError, match=r"cannot reach 's3://some-bucket': .*none.*; correct AWS_PROFILE"):
        object_clients.connect("s3", "some-bucket", Access(), 2)


def test_a_profile_without_boto3_is_named(nobody):
    nobody.setattr(object_clients, "find_spec", lambda name: None)
    nobody.setenv("AWS_PROFILE", "lab")
    with pytest.raises(MissingPartError, match=r"boto3 is not installed, .*; run: pip install boto3"):
        object_clients.connect("s3", "some-bucket", Access(), 1)


def test_public_buckets_need_no_credentials(nobody):
    nobody.setattr(builtins, "__import__", refuse_boto3(builtins.__import__))
    client = object_clients.connect("s3", "some-bucket", Access(anonymous=True), 1)
    assert client.config == {"bucket": "some-bucket", "skip_signature": "true"}


def test_credentials_that_are_set_later_count_and_what_is_in_memory_stays(nobody):
    nobody.setattr(object_clients, "find_spec", lambda name: None)
    bucket, kept = ObjectStore(parse_url("s3://some-bucket")), memory("kept")
    kept.stage(["a"], [b"1"])
    before = bucket.client
    assert bucket.client is before
    nobody.setenv("AWS_ACCESS_KEY_ID", "mine")
    nobody.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert bucket.client is not before
    assert kept.read(["a"]) == [b"1"]


def test_hugging_face_is_not_sent_what_a_profile_of_aws_holds(nobody):
    nobody.setattr(builtins, "__import__", refuse_boto3(builtins.__import__))
    nobody.setenv("AWS_PROFILE", "lab")
    client = object_clients.connect("hf", "buckets/me/photos", Access(), 1)
    assert client.config == {"bucket": "photos", "region": "us-east-1", "endpoint": "https://s3.hf.co/me"}


def refuse_boto3(real):
    def load(name, *arguments):
        assert not name.startswith("boto")
        return real(name, *arguments)

    return load


def test_names_that_begin_in_some_way_take_one_page_of_a_large_bucket(monkeypatch):
    store = ObjectStore(parse_url("memory://names-of-many/dst"))
    names = [".a", ".plan-0", ".plan-1", *(f"x{number:04}" for number in range(2500))]
    store.stage(names, [b"1"] * len(names))
    pages, real = [], load_obstore().list

    def count(*arguments, **named):
        for page in real(*arguments, **named):
            pages.append(len(page))
            yield page

    monkeypatch.setattr(load_obstore(), "list", count)
    assert [key for page in store.list(".plan-") for key in page.keys] == [".plan-0", ".plan-1"]
    assert len(pages) == 1

"""Servers that tests start on the loopback and stop: S3 (moto), and Azure's blobs where npm has azurite."""

from __future__ import annotations

import base64
import email.utils
import hmac
import http.client
import http.server
import itertools
import logging
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
AZURITE = ("azurite-blob", "node_modules/.bin/azurite-blob")
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Those that every azurite has, from its documentation."""


@contextmanager
def serve_s3() -> Iterator[str]:
    """Start moto in a thread; gives its address."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed")
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def serve_azure() -> Iterator[str]:
    """Start azurite; gives the address of its account."""
    program = next(filter(None, map(shutil.which, (os.environ.get("AZURITE", ""), *AZURITE))), None)
    if program is None:
        pytest.skip("azurite is not installed (npm install azurite, or AZURITE=path of azurite-blob)")
    with tempfile.TemporaryDirectory() as place:
        options = ["--silent", "--skipApiVersionCheck", "--location", place, "--blobPort", "0"]
        log = Path(place, "log")
        with log.open("wb") as file:
            process = subprocess.Popen([program, *options], stdout=file, stderr=file)
        try:
            yield f"http://127.0.0.1:{_wait_for_port(log, process)}/{AZURE_ACCOUNT}"
        finally:
            process.kill()
            process.wait()


def _wait_for_port(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until azurite says which port it has: one that was free before may be taken by another process."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"listens on http://127\.0\.0\.1:(\d+)\s", log.read_text("utf-8", "replace")):
            return found[1]
        time.sleep(0.1)
    raise RuntimeError(f"the server does not start: {log.read_text('utf-8', 'replace')}")


CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
    "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
    "AZURE_STORAGE_ACCOUNT_KEY": AZURE_KEY,
}
"""What the servers take; moto takes anything."""

NO_CLOUD = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""Keeps tests from credentials of whoever runs them."""


@contextmanager
def serve_status(status: int, body: str = "<html>hello</html>") -> Iterator[str]:
    """Start a server that answers every request alike; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as endpoint:
        yield endpoint


class Faults:
    """What a bad network does to requests, in turn: of twelve, five are hurt.

    None is hurt more than three times in a row: clients try ten times, and which turns the tries of one
    request meet is chance where many are sent at once.
    """

    TURNS = ("", "503", "", "reset", "", "half", "", "503", "", "lost", "", "")
    MOST = 3

    def __init__(self) -> None:
        self._lock, self._numbers = threading.Lock(), itertools.count()
        self._in_a_row: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()

    def next(self, request: str) -> str:
        """What happens to the next request, which is known by what it asks for."""
        with self._lock:
            fault = self.TURNS[next(self._numbers) % len(self.TURNS)]
            if self._in_a_row[request] == self.MOST:
                fault = ""
            self._in_a_row[request] = self._in_a_row[request] + 1 if fault else 0
            self.seen[fault] += 1
            return fault


@contextmanager
def serve_badly(target: str, faults: Faults, seconds: float = 0.0, below: str = "") -> Iterator[str]:
    """Start a proxy that answers with 503, resets connections, sends half bodies and loses answers.

    Paths begin with `below`, which the server behind it is not told.
    """
    address = urllib.parse.urlsplit(target)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = faults.next(f"{self.command} {self.path} {self.headers.get('Range')}")
            time.sleep(seconds)
            if fault == "503":
                self._send(503, {}, b"<Error><Code>SlowDown</Code></Error>")
                return
            if fault == "reset":
                self._reset()
                return
            connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=120)
            connection.request(self.command, self.path.removeprefix(below), body, dict(self.headers))
            got = connection.getresponse()
            data = got.read()
            connection.close()
            if fault == "lost":  # what was asked for is done, and nobody learns of it
                self._reset()
                return
            headers = {name: value for name, value in got.getheaders() if name not in HOP_BY_HOP}
            length = got.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(data))
            headers["Content-Length"] = length
            self._send(got.status, headers, data[: len(data) // 2] if fault == "half" else data)
            if fault == "half" and data:
                self._reset()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - names of the library

        def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _reset(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

        def log_message(self, *_: object) -> None:
            pass

    with serving(Handler) as endpoint:
        yield endpoint


HOP_BY_HOP = ("Connection", "Transfer-Encoding", "Content-Length", "Server", "Date", "Keep-Alive")


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] - who asked may have gone
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def make_bucket(url: str, endpoint: str | None) -> None:
    """Make the bucket of an address; those of memory exist."""
    scheme, _, rest = url.partition("://")
    name = rest.partition("/")[0]
    if scheme == "s3":
        import boto3

        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    elif scheme == "az":
        _make_container(f"{endpoint}/{name}")


def _make_container(address: str) -> None:
    """Make a container of Azure, which obstore cannot; signed as its documentation says."""
    path = urllib.parse.urlsplit(address).path
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
    text = "\n".join([*lines, f"/{AZURE_ACCOUNT}{path}", "restype:container"])
    digest = hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), "sha256")
    headers["Authorization"] = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(digest).decode()}"
    headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{address}?restype=container", method="PUT", headers=headers)
    with urllib.request.urlopen(request, timeout=60):
        pass

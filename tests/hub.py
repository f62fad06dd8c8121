"""A server that answers as Hugging Face's does where data sets are read: revisions, trees by pages, files."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import urllib.parse
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers import serving

PAGE = 4
"""Entries of a page of a tree; the real one has a thousand."""


@dataclass
class Hub:
    """What the server holds, and what it was asked.

    Attributes:
        repository: The data set.
        commits: The files of each commit, by path.
        revisions: The commit of each revision.
        token: What must be sent, if anything.
        endpoint: Its address.
        asked: Method and path of each request, and the range.
        status: What is answered to requests for files, if not the file.
    """

    repository: str
    commits: dict = field(default_factory=dict)
    revisions: dict = field(default_factory=dict)
    token: str | None = None
    endpoint: str = ""
    asked: list = field(default_factory=list)
    status: int | None = None

    def push(self, files, revision="main"):
        """Add a commit, which a revision becomes; return it."""
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.commits[commit], self.revisions[revision] = files, commit
        return commit


@contextmanager
def serve_hub(repository="me/photos"):
    """Yield a `Hub` of one data set."""
    hub = Hub(repository)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            path = urllib.parse.unquote(url.path)
            hub.asked.append((self.command, path, self.headers.get("Range")))
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self.answer(401, b"{}", {"X-Error-Message": "Invalid username or password."})
            if found := re.fullmatch(rf"/api/datasets/{repository}(?:/revision/(.+))?", path):
                return self.answer_revision(found[1] or "main")
            if found := re.fullmatch(rf"/api/datasets/{repository}/tree/([0-9a-f]+)(?:/(.*))?", path):
                return self.answer_tree(found[1], found[2] or "", urllib.parse.parse_qs(url.query))
            if found := re.fullmatch(rf"/datasets/{repository}/resolve/([0-9a-f]+)/(.+)", path):
                return self.answer_file(found[1], found[2])
            return self.answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

        def answer_revision(self, revision):
            commit = revision if revision in hub.commits else hub.revisions.get(revision)
            if commit is None:
                return self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return self.answer(200, json.dumps({"_id": "1", "id": repository, "sha": commit}).encode())

        def answer_tree(self, commit, directory, query):
            below = f"{directory}/" if directory else ""
            files = {key: data for key, data in hub.commits[commit].items() if key.startswith(below)}
            if not files:
                return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            if query.get("recursive", ["false"])[0].lower() != "true":
                files = {key: data for key, data in files.items() if "/" not in key.removeprefix(below)}
            start = int(query.get("cursor", ["0"])[0])
            entries = [{"type": "directory", "path": "a-directory", "oid": "0" * 40, "size": 0}]
            for key, data in sorted(files.items()):
                entry = {
                    "type": "file",
                    "path": key,
                    "size": len(data),
                    "oid": hashlib.sha1(data).hexdigest(),
                }
                if len(data) > 1000:
                    sha = hashlib.sha256(data).hexdigest()
                    entry["lfs"] = {"oid": sha, "size": len(data), "pointerSize": 130}
                entries.append(entry)
            more = start + PAGE < len(entries)
            following = (
                f"{hub.endpoint}{urllib.parse.quote(self.path.partition('?')[0])}?cursor={start + PAGE}"
                f"&recursive={query.get('recursive', ['false'])[0]}"
            )
            link = {"Link": f'<{following}>; rel="next"'} if more else {}
            return self.answer(200, json.dumps(entries[start : start + PAGE]).encode(), link)

        def answer_file(self, commit, key):
            data = hub.commits[commit].get(key)
            if data is None:
                return self.answer(404, b"{}", {"X-Error-Code": "EntryNotFound"})
            if hub.status:
                return self.answer(hub.status, b"{}")
            kind = hashlib.sha256 if len(data) > 1000 else hashlib.sha1
            headers = {"ETag": f'"{kind(data).hexdigest()}"', "X-Repo-Commit": commit}
            if self.headers.get("Range"):
                start, stop = map(int, re.findall("[0-9]+", self.headers["Range"]))
                headers["Content-Range"] = f"bytes {start}-{stop}/{len(data)}"
                return self.answer(206, data[start : stop + 1], headers)
            return self.answer(200, data, headers)

        def answer(self, status, body, headers=()):
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    with serving(Handler) as endpoint:
        hub.endpoint = endpoint
        yield hub

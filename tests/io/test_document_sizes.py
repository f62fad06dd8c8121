"""The cache of how long documents are, by which a run sees that one was changed."""

from __future__ import annotations

from contextlib import contextmanager

from augcli.errors import StorageError
from augcli.io.records.document_sizes import Measured, find_changed
from augcli.io.store.local import LocalStore
from augcli.io.store.names import DOCUMENTS_SEEN


class FullStore:
    """A store on which nothing can be written any more."""

    @contextmanager
    def writing(self, key):
        raise StorageError(f"cannot write {key!r}: no space left")
        yield


def test_a_cache_that_cannot_be_written_is_no_error():
    measured = Measured(FullStore())
    measured.noted["a.csv"] = 5
    measured.write_noted()
    assert measured.noted == {"a.csv": 5}


def test_documents_that_stand_with_another_size_are_found_longer_or_shorter(tmp_path):
    store = LocalStore(str(tmp_path))
    measured = Measured(store)
    for key in ("a.csv", "b.csv", "c.csv", "gone.csv"):
        with measured.writing(key) as file:
            file.write(b"12345")
    measured.write_noted()
    sizes = {"a.csv": 4, "b.csv": 5, "c.csv": 6, DOCUMENTS_SEEN: 1}
    assert find_changed(store, sizes) == ["a.csv", "c.csv"]

"""What tests of stores do with any store: put files, and list them."""

from __future__ import annotations


def listed(store, prefix="", wanted=None):
    """Keys and sizes, in order."""
    pages = list(store.list(prefix, wanted))
    return sorted((key, size) for page in pages for key, size in zip(page.keys, page.sizes, strict=True))


def put(store, **files):
    """Stage and publish files; `__` in a name is a slash."""
    keys = [name.replace("__", "/") for name in files]
    store.stage(keys, list(files.values()))
    store.publish(keys)

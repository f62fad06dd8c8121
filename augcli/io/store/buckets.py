"""The stores that addresses lead to: objects in buckets, and data sets of Hugging Face."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from augcli.io.store.hub import HubStore, open_hub
from augcli.io.store.objects import ObjectStore, find_object

if TYPE_CHECKING:
    from augcli.io.store.base import Version
    from augcli.io.store.urls import Access, Url

RemoteStore: TypeAlias = ObjectStore | HubStore
"""Stores that read files before they are wanted: each answer takes its time."""


def open_bucket(url: Url, access: Access) -> RemoteStore:
    """Return the store of an address.

    Raises:
        StorageError: If it leads to Hugging Face, and there is no such data set.
    """
    return open_hub(url, access) if url.is_data_set else ObjectStore(url, access)


def find_file(url: Url, access: Access) -> Version | None:
    """Return what a store says of the file at an address; None if it does not exist.

    Raises:
        StorageError: If the store fails.
    """
    if not url.key:
        return None
    store = open_bucket(url.parent, access)
    if isinstance(store, HubStore):
        return store.find(url.name)
    sight = find_object(store, url.name)
    return sight and sight.version

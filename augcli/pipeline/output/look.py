"""A look at DST: one listing of it, its `augcli.json`, and whether both are still true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from augcli.errors import OutputError, StorageError
from augcli.io.store.base import Version, full_name
from augcli.io.store.contents import Contents
from augcli.io.store.lease import LOCK
from augcli.io.store.names import PLAN_PREFIX, PROBE_NAME, RECIPE, UNFINISHED_SUFFIX, find_plans

if TYPE_CHECKING:
    from augcli.io.records.parts import Parts
    from augcli.io.store.base import Page, Store


@dataclass(slots=True)
class Look:
    """What a look at DST saw: one listing of it, and its `augcli.json`.

    Attributes:
        store: DST.
        contents: What stands there.
        text: `augcli.json`; None if it does not exist.
        version: What `augcli.json` was when it was listed.
        plans: The plans of partitions when they were listed.
        parts: Part files that were read for it; None where none was.
    """

    store: Store
    contents: Contents = field(default_factory=Contents)
    text: bytes | None = None
    version: Version | None = None
    plans: dict[str, Version] = field(default_factory=dict)
    parts: Parts | None = None

    @property
    def is_locked(self) -> bool:
        """True if a run is at work there, or was killed."""
        return LOCK in self.contents.sizes

    def is_true(self) -> bool:
        """True unless another run has begun to write there since: its first act is to write `augcli.json`.

        Partitions do not; see `has_same_plans`.
        """
        if self.version is None:
            return self.store.read([RECIPE]) == [None]
        try:
            return self.store.read([RECIPE], [self.version]) == [self.text]
        except StorageError:  # it is another one
            return False

    def has_same_plans(self) -> bool:
        """True unless a partition has begun to write there since: it first writes its plan."""
        return self.plans == list_plans(self.store)


def look(store: Store) -> Look:
    """List what stands in DST, once.

    Raises:
        OutputError: If it is a directory of something else.
        StorageError: If the machine fails.
    """
    seen = Look(store)
    is_ours = store.read([RECIPE]) != [None]
    for page in store.list():
        if RECIPE in page.keys:
            place, is_ours = page.keys.index(RECIPE), True
            seen.version = Version(page.sizes[place], page.versions[place])
        if not is_ours:
            strange = _find_stranger(page)
            if strange and store.read([RECIPE]) != [None]:  # a partition has just begun
                return look(store)
            _refuse_stranger(store, strange)
        seen.contents.add(page)
        seen.plans |= _take_plans(page)
    if seen.version is not None:
        [seen.text] = store.read([RECIPE], [seen.version])
    elif is_ours:
        raise OutputError(f"{full_name(store, RECIPE)!r} is damaged; give another DST")
    return seen


def list_plans(store: Store) -> dict[str, Version]:
    """List the plans of partitions."""
    return {key: version for page in store.list(PLAN_PREFIX) for key, version in _take_plans(page).items()}


def _take_plans(page: Page) -> dict[str, Version]:
    """Return the plans of partitions on a page of a listing."""
    plans = find_plans(page.keys)
    columns = zip(page.keys, page.sizes, page.versions, strict=True) if plans else ()
    return {key: Version(size, version) for key, size, version in columns if key in plans}


def _find_stranger(page: Page) -> str | None:
    """Return the name of an entry that is not left by a run killed at its start; None if there is no such."""
    names = {key.split("/", 1)[0] for key in (*page.keys, *page.other_keys)}
    return min((name for name in names if not name.startswith(LOCK) and not _is_first(name)), default=None)


def _is_first(name: str) -> bool:
    """True if a run writes a file of this name before `augcli.json`."""
    return name.endswith(UNFINISHED_SUFFIX) or PROBE_NAME.fullmatch(name) is not None


def _refuse_stranger(store: Store, name: str | None) -> None:
    """Refuse a DST without an `augcli.json` that holds something else."""
    if name is not None:
        raise OutputError(
            f"DST {store.name!r} holds something else ({name!r}); give a new directory, or an empty one"
        )

"""How loops are compiled: by numba, without the GIL, and cached on disk."""

from __future__ import annotations

import hashlib
import warnings
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable


def compile_loop(function: Callable[..., None], **options: Any) -> Any:
    """Compile without the GIL, cached on disk where a cache directory can be written."""
    try:
        loop = numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package nor the user cache directory is writable
        warnings.warn("numba cannot write a cache, so kernels are compiled anew in every run", stacklevel=2)
        return numba.njit(nogil=True, **options)(function)
    if files := getattr(getattr(loop, "_cache", None), "_cache_file", None):
        name_by_key(files)
    return loop


def compile_inner(function: Callable[..., None]) -> Any:
    """Compile what only other kernels call: what Python would need to call it takes as long as the rest."""
    return compile_loop(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def name_by_key(files: Any) -> None:
    """Let what is compiled lie in files that are named by the arguments for which it was compiled.

    numba numbers them. Two processes that compiled at once, for 8 and for 16 bit, took the same number: the
    one that wrote last left its code under the arguments of the other, and every later run stopped there.

    Args:
        files: numba's `IndexDataCacheFile` of a function.
    """
    save, pattern = files.save, files._data_name_pattern

    def save_by_key(key: Any, data: Any) -> None:
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        files._data_name_pattern = pattern.replace("{number", f"{digest}.{{number")
        save(key, data)

    files.save = save_by_key

"""How loops are compiled: by numba, without the GIL, and cached on disk."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable


def compile_loop(function: Callable[..., None], **options: Any) -> Any:
    """Compile without the GIL, cached on disk where a cache directory can be written."""
    try:
        return numba.njit(nogil=True, cache=True, **options)(function)
    except RuntimeError:  # neither the package nor the user cache directory is writable
        warnings.warn("numba cannot write a cache, so kernels are compiled anew in every run", stacklevel=2)
        return numba.njit(nogil=True, **options)(function)


def compile_inner(function: Callable[..., None]) -> Any:
    """Compile what only other kernels call: what Python would need to call it takes as long as the rest."""
    return compile_loop(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)

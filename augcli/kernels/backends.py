"""The backends by name: each applies steps to pixels, all with the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.kernels.table import Work

BACKENDS = ("auto", "cpu", "gpu", "reference")


class Backend(NamedTuple):
    """A backend that can be used.

    Attributes:
        name: What it is called in summaries.
        load: Loads or compiles what it needs, and returns what applies steps, as `reference.apply`; called
            before processes fork, and then where it is used.
        forks: Whether processes that were forked may use it.
        apply_many: Applies several programs together; None if that is not faster than one after the other.
    """

    name: str
    load: Callable[[], Callable[..., None]]
    forks: bool
    apply_many: Callable[[Sequence[Work]], None] | None = None


def choose_backend(name: str, is_needed: bool = True) -> Backend:
    """Return a backend by its name; a backend that does nothing if no step is to be applied.

    `auto` is the CPU's: images are decoded and encoded there, which takes most of the time, and what is left
    takes less than the way to a GPU and back.

    Raises:
        MissingPartError: If `gpu` lacks CuPy or a device, naming the cure; nothing falls back in silence.
    """
    if name == "gpu":
        from augcli.kernels import devices, gpu

        devices.check_usable()
        name = f"gpu (CuPy, {devices.find_state().devices[0].name})"
        return Backend(name, lambda: gpu.apply, False, gpu.apply_many)
    if not is_needed:
        return Backend("none", lambda: lambda *_: None, True)
    if name == "reference":
        from augcli.kernels import reference

        return Backend("reference (NumPy)", lambda: reference.apply, True)
    return Backend("cpu (numba)", _load_cpu, True)


def _load_cpu() -> Callable[..., None]:
    """Import and compile the CPU's kernels: half a second that a run with nothing to make is spared."""
    from augcli.kernels import cpu

    cpu.load()
    return cpu.apply

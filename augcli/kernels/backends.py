"""The backends by name: each applies steps to pixels, all with the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from augcli.kernels.table import Work

BACKENDS = ("auto", "cpu", "gpu", "reference")


class Backend(NamedTuple):
    """A backend that can be used.

    Attributes:
        name: What it is called in summaries.
        apply: As `reference.apply`.
        load: Loads or compiles what it needs; called once, before processes fork.
        forks: Whether processes that were forked may use it.
        apply_many: Applies several programs together; None if that is no faster than one after the other.
    """

    name: str
    apply: Callable[..., None]
    load: Callable[[], None]
    forks: bool
    apply_many: Callable[[Sequence[Work]], None] | None = None


def choose_backend(name: str, is_needed: bool = True) -> Backend:
    """Return a backend by its name; the one that does nothing if no step is to be applied.

    `auto` is the CPU's: images are decoded and encoded there, which takes most of the time, and what is left
    takes less than the way to a GPU and back.

    Raises:
        MissingPartError: If `gpu` lacks CuPy or a device, naming the cure; nothing falls back in silence.
    """
    if name == "gpu":
        from augcli.kernels import devices, gpu

        devices.check_usable()
        return Backend(
            f"gpu (CuPy, {devices.find_state().devices[0].name})",
            gpu.apply,
            lambda: None,
            False,
            gpu.apply_many,
        )
    if not is_needed:
        return Backend("none", lambda *_: None, lambda: None, True)
    if name == "reference":
        from augcli.kernels import reference

        return Backend("reference (NumPy)", reference.apply, lambda: None, True)
    return Backend("cpu (numba)", _apply_on_cpu, _load_cpu, True)


def _load_cpu() -> None:
    """Import and compile the CPU's kernels: half a second that a run with nothing to make is spared."""
    from augcli.kernels import cpu

    cpu.load()


def _apply_on_cpu(*arguments: Any) -> None:
    """Apply steps on the CPU; see `reference.apply`."""
    from augcli.kernels import cpu

    cpu.apply(*arguments)

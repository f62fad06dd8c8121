"""GPUs: which of them there are, and what is missing to use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from augcli.errors import MissingPartError, Note, Option

if TYPE_CHECKING:
    from types import ModuleType


class Device(NamedTuple):
    """A GPU: name, compute capability such as `9.0`, and bytes of memory."""

    name: str
    capability: str
    memory: int


class State(NamedTuple):
    """What there is of a GPU backend.

    Attributes:
        cupy: CuPy's version; None if it is not installed.
        driver: Highest CUDA version that the driver supports, such as `12.8`; None without a driver.
        devices: The GPUs that can be used.
        problem: What is missing, in words, and the cure; empty where nothing is.
    """

    cupy: str | None
    driver: str | None
    devices: tuple[Device, ...]
    problem: str


def find_state() -> State:
    """Return which parts of the backend are there."""
    try:
        cupy = import_cupy()
    except MissingPartError as error:
        return State(None, None, (), str(error))
    runtime = cupy.cuda.runtime
    try:
        version = runtime.driverGetVersion()
        driver = f"{version // 1000}.{version % 1000 // 10}" if version else None
        devices = tuple(_describe(runtime, number) for number in range(runtime.getDeviceCount()))
    except runtime.CUDARuntimeError as error:
        return State(cupy.__version__, None, (), _no_device(error))
    return State(cupy.__version__, driver, devices, "" if devices else _no_device("there is none"))


def check_usable() -> None:
    """Refuse to go on without CuPy or a device: nothing falls back in silence.

    Raises:
        MissingPartError: Naming what is missing, and the cure.
    """
    problem = find_state().problem
    if problem:
        raise MissingPartError(problem)


def usable_cupy() -> ModuleType:
    """Return CuPy if there is a device that it can use.

    Raises:
        MissingPartError: Naming what is missing, and the cure.
    """
    check_usable()
    return import_cupy()


def import_cupy() -> ModuleType:
    """Return CuPy, whether or not there is a device.

    Raises:
        MissingPartError: Naming the cure.
    """
    try:
        import cupy
    except ImportError as error:
        raise MissingPartError("CuPy is not installed; run: pip install 'augcli[gpu]'") from error
    return cupy


def _describe(runtime: Any, number: int) -> Device:
    properties = runtime.getDeviceProperties(number)
    capability = f"{properties['major']}.{properties['minor']}"
    return Device(properties["name"].decode(), capability, int(properties["totalGlobalMem"]))


def _no_device(why: object) -> Note:
    return Note(f"no NVIDIA GPU can be used: {why}; install its driver, or give ", Option("backend", "cpu"))

"""A GPU that is none: CuPy as far as `gpu.py` uses it, the kernels compiled for this machine's processor.

`steps.cu` is built by the host's C++ compiler under a few lines that run blocks and threads as loops. What
is sent to a stream waits there until somebody waits for the stream, so that memory which is used again too
early, or results that are read too early, show.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
import threading
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from augcli.kernels import devices, gpu

SHIM = """
#define __device__
#define __global__
struct Dim { unsigned int x; };
static Dim gridDim, blockDim, blockIdx, threadIdx;
"""

LAUNCH = """
template <typename Kernel, typename... Arguments>
static void run(unsigned int blocks, unsigned int threads, Kernel kernel, Arguments... arguments) {
    gridDim.x = blocks;
    blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) kernel(arguments...);
}
#define LAUNCH(depth, Value) \\
    extern "C" void launch_##depth( \\
        unsigned int blocks, unsigned int threads, const Step* steps, const u8* bitmaps, \\
        const u16* quantiles, const Image* images, const Output* outputs, int count, \\
        const i64* partners, int slots, i64 pixels, const Value* sources, Value* out) { \\
        run(blocks, threads, apply_programs_##depth, steps, bitmaps, quantiles, images, outputs, count, \\
            partners, slots, pixels, sources, out); \\
    }
LAUNCH(8, u8)
LAUNCH(16, u16)
"""

COMPILERS = ("c++", "g++", "clang++")


def build(text, directory):
    """Compile kernels for the host, warnings as errors; gives the library."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        pytest.skip("no C++ compiler is here to build steps.cu for the host")
    path = directory / "steps.cpp"
    path.write_text(SHIM + text + LAUNCH)
    library = directory / "steps.so"
    options = [
        "-std=c++17",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-unknown-pragmas",  # those of the compiler for devices
        "-fsanitize=undefined",
        "-fno-sanitize-recover",
    ]
    subprocess.run([compiler, *options, "-shared", "-fPIC", "-o", library, path], check=True)
    return ctypes.PyDLL(str(library))  # one thread at a time, since the loops' counters are global


class FakeArray(np.ndarray):
    """An array of the device."""

    def set(self, values, stream):
        stream.send(lambda: np.copyto(self, values))

    def get(self, stream=None, out=None, blocking=True):
        if out is None:
            FakeStream.get_current().synchronize()
            return np.array(self)
        assert not blocking
        return stream.send(lambda: np.copyto(out, self))

    @property
    def __cuda_array_interface__(self):
        return self.__array_interface__


class FakeStream:
    """A stream that does nothing until somebody waits for it."""

    current = threading.local()

    def __init__(self, non_blocking):
        assert non_blocking
        self.waiting = []

    @staticmethod
    def get_current():
        """The stream of the innermost `with`, or the thread's default one, which no other waits for."""
        held = FakeStream.current
        held.default = getattr(held, "default", None) or FakeStream(True)
        return getattr(held, "stream", None) or held.default

    def __enter__(self):
        FakeStream.current.stream = self

    def __exit__(self, *_):
        FakeStream.current.stream = None

    def send(self, work):
        self.waiting.append(work)

    def synchronize(self):
        while self.waiting:
            self.waiting.pop(0)()


class FakeOutOfMemoryError(Exception):
    pass


class FakeRuntimeError(Exception):
    pass


class FakeCupy(ModuleType):
    """What `gpu.py` uses of CuPy; `memory` is what one array may take, `launches` what was started."""

    def __init__(self, library):
        super().__init__("cupy")
        self.library, self.memory, self.free, self.devices = library, 1 << 40, 1 << 30, 1
        self.launches = []
        self.__version__, self.ndarray = "14.0.0", FakeArray
        self.cuda = SimpleNamespace(
            Stream=FakeStream,
            get_current_stream=FakeStream.get_current,
            memory=SimpleNamespace(OutOfMemoryError=FakeOutOfMemoryError),
            runtime=SimpleNamespace(
                CUDARuntimeError=FakeRuntimeError,
                getDevice=lambda: 0,
                getDeviceCount=lambda: self.devices,
                getDeviceProperties=lambda _: {
                    "name": b"Host", "major": 9, "minor": 0, "totalGlobalMem": 1 << 30
                },
                driverGetVersion=lambda: 12080,
                memGetInfo=lambda: (self.free, 1 << 30),
            ),
        )  # fmt: skip

    def asarray(self, values):
        if isinstance(values, FakeArray):
            return values
        held = np.full_like(values, 99).view(FakeArray)
        FakeStream.get_current().send(lambda: np.copyto(held, values))
        return held

    def empty(self, shape, dtype):
        if np.prod(shape) * np.dtype(dtype).itemsize > self.memory:
            raise FakeOutOfMemoryError
        return np.full(shape, 77, dtype).view(FakeArray)

    def empty_like(self, values):
        return self.empty(values.shape, values.dtype)

    def ascontiguousarray(self, values):
        return np.ascontiguousarray(values).view(FakeArray)

    @staticmethod
    def concatenate(arrays):
        return np.concatenate(arrays).view(FakeArray)

    def get_default_memory_pool(self):
        return SimpleNamespace(free_all_blocks=lambda: None)

    def RawModule(self, code, options):  # noqa: N802 - CuPy's name
        assert code == gpu.source()
        assert "--std=c++17" in options
        return SimpleNamespace(get_function=self.get_function)

    def get_function(self, name):
        function = getattr(self.library, name.replace("apply_programs", "launch"))

        def start(blocks, threads, arguments):
            # Fewer blocks than a device would run, so that threads go on to further pixels. Arrays that are
            # let go meanwhile stay: CuPy gives their memory only to what comes behind on the same stream.
            work = partial(function, min(blocks[0], 3), min(threads[0], 5), *map(Pointer, arguments))
            self.launches.append(int(arguments[5]))
            FakeStream.get_current().send(work)

        return start


class Pointer:
    """An argument of a kernel: an array, which it keeps, or a number."""

    def __init__(self, value):
        self.value = value
        if isinstance(value, np.ndarray):
            self._as_parameter_ = ctypes.c_void_p(value.ctypes.data)
        else:
            self._as_parameter_ = {4: ctypes.c_int, 8: ctypes.c_longlong}[value.itemsize](int(value))


@pytest.fixture(scope="session")
def host_library(tmp_path_factory):
    return build(gpu.source(), tmp_path_factory.mktemp("host"))


@pytest.fixture
def compile_host(tmp_path):
    """Compile a text as `steps.cu` is."""
    return lambda text: build(text, tmp_path)


def install(patch, cupy):
    """Put a made CuPy in the place of the real one."""
    cupyx = ModuleType("cupyx")
    cupyx.empty_pinned = lambda shape, dtype: np.full(shape, 55, dtype)
    patch.setitem(sys.modules, "cupy", cupy)
    patch.setitem(sys.modules, "cupyx", cupyx)
    forget()
    return cupy


def forget():
    """Forget what was compiled, and the lanes, which belong to one CuPy."""
    gpu._function.cache_clear()
    gpu._idle_lanes.cache_clear()


@pytest.fixture
def host_compiled(host_library, monkeypatch):
    """CuPy whose kernels are those of `steps.cu`, compiled for the host."""
    yield install(monkeypatch, FakeCupy(host_library))
    forget()


@pytest.fixture(params=["host", pytest.param("device", marks=pytest.mark.gpu)])
def some_cupy(request):
    """CuPy: the one that is made for the host and, where there is a device, the real one."""
    if request.param == "host":
        return request.getfixturevalue("host_compiled")
    problem = devices.find_state().problem
    if problem:
        pytest.skip(problem)
    return devices.usable_cupy()


@pytest.fixture
def broken_kernels(tmp_path, monkeypatch):
    """Compile kernels of which one piece of text was replaced by another."""

    def make(old, new):
        text = gpu.source()
        assert text.count(old) == 1, old
        monkeypatch.setattr(gpu, "source", lambda: text.replace(old, new))
        install(monkeypatch, FakeCupy(build(gpu.source(), tmp_path)))

    yield make
    forget()

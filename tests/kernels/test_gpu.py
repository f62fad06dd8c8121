"""The GPU backend without a GPU: its kernels compile, its launcher sends and brings back the right bytes."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augcli
from augcli.errors import MissingPartError, PlanError
from augcli.kernels import cpu, devices, gpu, reference, table
from augcli.kernels.table import tabulate_batch
from augcli.program.steps import Blend, Box, Fill, Normal, Paste, Patches
from augcli.samples import Colour, Shape

ARCHITECTURES = (75, 80, 86, 89, 90, 100)
"""What the docs name: from Turing to Blackwell."""


# --- the compiler for devices ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nvrtc():
    """NVIDIA's run-time compiler, which needs no device."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the dev extra installs NVRTC on Linux alone")
    spec = importlib.util.find_spec("nvidia.cuda_nvrtc")
    assert spec is not None, "the dev extra installs nvidia-cuda-nvrtc-cu12"
    (folder,) = spec.submodule_search_locations
    (path,) = Path(folder, "lib").glob("libnvrtc.so.*")
    return ctypes.CDLL(str(path))


def compile_for(nvrtc, text, architecture, form="CUBIN"):
    """Compile kernels for a device; gives (whether it worked, what the compiler said, the code)."""
    program = ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"steps.cu", 0, None, None)
    options = [*(option.encode() for option in gpu.OPTIONS), b"--gpu-architecture=sm_%d" % architecture]
    status = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    nvrtc.nvrtcGetProgramLog(program, log)
    code = b""
    if status == 0:
        getattr(nvrtc, f"nvrtcGet{form}Size")(program, ctypes.byref(size))
        held = ctypes.create_string_buffer(size.value)
        getattr(nvrtc, f"nvrtcGet{form}")(program, held)
        code = held.raw
    return status == 0, log.value.decode().strip(), code


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_steps_nvrtc_compiles_for_every_architecture(nvrtc, architecture):
    worked, said, code = compile_for(nvrtc, gpu.source(), architecture)
    assert (worked, said) == (True, "")  # a warning is an error
    for name in (b"apply_programs_8", b"apply_programs_16"):
        assert name in code


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("struct Image {", "struct Image {\n    int more;", "size of Image"),
        ("u32 key1) {", "u32 key1) {\n    int unused = 1;", "unused"),
        ("return block;", "return bloc;", "bloc"),
    ],
)
def test_steps_nvrtc_says_what_is_wrong(nvrtc, old, new, says):
    text = gpu.source()
    assert text.count(old) == 1
    worked, said, _ = compile_for(nvrtc, text.replace(old, new), 80)
    assert not (worked and said == "")
    assert says in said


STRUCTS = {"Step": table.STEP, "Image": table.IMAGE, "Output": table.OUTPUT}


def offsets_of(name):
    """What NumPy says: the place of each field of a struct."""
    return {field: place for field, (_, place, *_) in STRUCTS[name].fields.items()}


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_nvrtc_lays_out_as_numpy_does(nvrtc, name):
    fields = offsets_of(name)
    probe = "".join(
        f'extern "C" __global__ void at_{field}(long long* out, const {name}* one) '
        f"{{ *out = (const char*)&one->{field} - (const char*)one + 1000000; }}\n"
        for field in fields
    )
    worked, said, code = compile_for(nvrtc, gpu.source() + probe, 80, "PTX")
    assert (worked, said) == (True, "")
    entries = re.findall(r"\.entry at_(\w+)\((.*?)(?=\.entry|\Z)", code.decode(), re.DOTALL)
    found = {field: int(re.search(r"\b(1\d{6})\b", body)[1]) - 1000000 for field, body in entries}
    assert found == fields


@pytest.mark.parametrize("name", STRUCTS)
def test_structs_host_compiled_are_laid_out_as_numpy_does(compile_host, name):
    fields = offsets_of(name)
    probe = "".join(
        f'extern "C" long long at_{field}() {{ return (long long)__builtin_offsetof({name}, {field}); }}\n'
        for field in fields
    )
    library = compile_host(gpu.source() + probe)
    assert {field: getattr(library, f"at_{field}")() for field in fields} == fields


# --- the launcher ----------------------------------------------------------------------------------------

SHAPES = [(9, 14), (31, 5), (8, 8), (1, 1), (17, 23), (6, 40)]


def make_batch(dtype=np.uint8, channels=3):
    """A ragged batch: images, programs that read the next image, and what `apply_batch` takes."""
    generator = np.random.default_rng(5)
    full = np.iinfo(dtype).max
    images = [
        generator.integers(0, full, (*shape, channels), endpoint=True).astype(dtype) for shape in SHAPES
    ]
    programs = []
    for height, width in SHAPES:
        cells = -(-height // 3) * -(-width // 4)
        programs.append(
            (
                Paste(Box(0, 0, height, (width + 1) // 2), 0),
                Fill(Patches(3, 4, bytes(np.arange(cells) % 3 == 0)), Colour(1, 2, 3)),
                Blend(Box(height // 2, 0, height, width), 20000, 0),
            )
        )
    partners = np.roll(np.arange(len(images)), -1)[:, None]
    shapes = np.array([image.shape for image in images], np.int64)
    depth = 8 * np.dtype(dtype).itemsize
    steps, first = tabulate_batch(
        programs,
        [Shape(*shape, channels, depth) for shape in SHAPES],
        [[SHAPES[at]] for at in partners[:, 0]],
    )
    flat = np.concatenate([image.reshape(-1) for image in images])
    return steps, first, partners, shapes, flat


def on_the_cpu(*batch):
    out = np.empty_like(batch[-1])
    cpu.apply_batch(*batch, out)
    return out


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("free", [1 << 30, 1 << 13, 8])
def test_a_batch_host_compiled_is_the_cpus_in_however_many_parts(host_compiled, dtype, channels, free):
    batch = make_batch(dtype, channels)
    host_compiled.free = free  # memory of the device, which decides how much is sent at once
    before, out = batch[-1].copy(), np.empty_like(batch[-1])
    gpu.apply_batch(*batch, out)
    np.testing.assert_array_equal(out, on_the_cpu(*batch))
    np.testing.assert_array_equal(batch[-1], before)
    assert sum(host_compiled.launches) == len(SHAPES)
    assert (len(host_compiled.launches) == 1) == (free == 1 << 30)
    assert free > 8 or host_compiled.launches == [1] * len(SHAPES)


@pytest.fixture
def launches(monkeypatch):
    """Count the outputs of each launch, whatever the device."""
    counts, launch = [], gpu._launch

    def count(*given):
        counts.append(len(given[2].outputs))
        return launch(*given)

    monkeypatch.setattr(gpu, "_launch", count)
    return counts


@pytest.fixture
def device():
    """CuPy, where there is a device."""
    problem = devices.find_state().problem
    if problem:
        pytest.skip(problem)
    return devices.usable_cupy()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("values", [1 << 30, 1 << 10, 1])
def test_a_batch_on_a_device_is_the_cpus_in_however_many_parts(
    device, launches, monkeypatch, dtype, channels, values
):
    free = device.cuda.runtime.memGetInfo()[0]
    monkeypatch.setattr(gpu, "MEMORY_PARTS", max(free // (values * np.dtype(dtype).itemsize), 1))
    batch = make_batch(dtype, channels)
    out = np.empty_like(batch[-1])
    gpu.apply_batch(*batch, out)
    np.testing.assert_array_equal(out, on_the_cpu(*batch))
    assert (len(launches) == 1) == (values == 1 << 30)
    assert values > 1 or launches == [1] * len(SHAPES)


@pytest.mark.gpu
def test_a_batch_on_a_device_is_halved_where_memory_runs_out(device, launches):
    images = np.random.default_rng(2).integers(0, 256, (16, 1024, 1024, 3), dtype=np.uint8)
    steps, first = tabulate_batch(
        [(Blend(Box(0, 0, 1024, 1024), 20000, 0),)] * 16, [Shape(1024, 1024)] * 16, [[(1024, 1024)]] * 16
    )
    shapes, partners = (
        np.array([image.shape for image in images], np.int64),
        np.roll(np.arange(16), 1)[:, None],
    )
    batch = (steps, first, partners, shapes, images.reshape(-1))
    out, pool = np.empty_like(batch[-1]), device.get_default_memory_pool()
    pool.free_all_blocks()
    pool.set_limit(pool.total_bytes() + (24 << 20))  # half of what the images take
    try:
        gpu.apply_batch(*batch, out)
    finally:
        pool.set_limit(0)
    np.testing.assert_array_equal(out, on_the_cpu(*batch))
    assert len(launches) > 1


def test_a_batch_host_compiled_is_halved_where_memory_runs_out(host_compiled):
    batch = make_batch()
    host_compiled.memory = 2500  # the whole batch takes more
    out = np.empty_like(batch[-1])
    gpu.apply_batch(*batch, out)
    np.testing.assert_array_equal(out, on_the_cpu(*batch))
    assert len(host_compiled.launches) > 1


def test_streams_host_compiled_are_used_again(host_compiled):
    batch, made, stream = make_batch(), [], host_compiled.cuda.Stream
    host_compiled.cuda.Stream = lambda **options: made.append(stream(**options)) or made[-1]
    for _ in range(3):
        gpu.apply_batch(*batch, np.empty_like(batch[-1]))
    assert len(made) == 2


@pytest.mark.gpu
def test_a_device_holds_no_more_memory_after_many_batches(device):
    batch, held = make_batch(), []
    for _ in range(20):
        gpu.apply_batch(*batch, np.empty_like(batch[-1]))
        held.append(device.get_default_memory_pool().total_bytes())
    assert held[2:] == held[2:3] * 18


def test_page_locked_memory_host_compiled_is_bounded(host_compiled, launches, monkeypatch):
    batch = make_batch()
    monkeypatch.setattr(gpu, "MOST_BYTES", 1)
    gpu.apply_batch(*batch, np.empty_like(batch[-1]))
    assert launches == [1] * len(SHAPES)


def test_a_single_image_for_which_memory_is_short_is_an_error(host_compiled):
    batch = make_batch()
    host_compiled.memory = 10
    with pytest.raises(host_compiled.cuda.memory.OutOfMemoryError):
        gpu.apply_batch(*batch, np.empty_like(batch[-1]))


def test_arrays_of_the_device_host_compiled_stay_there(host_compiled, monkeypatch):
    batch = make_batch()
    monkeypatch.setattr(gpu, "_apply_staged", None)
    sources, out = host_compiled.asarray(batch[-1]), host_compiled.empty(batch[-1].shape, batch[-1].dtype)
    gpu.apply_batch(*batch[:-1], sources, out)
    host_compiled.cuda.get_current_stream().synchronize()
    np.testing.assert_array_equal(out, on_the_cpu(*batch))
    assert host_compiled.launches == [len(SHAPES)]


def test_an_image_host_compiled_is_changed_in_place_and_its_partners_are_not(host_compiled):
    image, partner = np.zeros((4, 5, 3), np.uint8), np.full((8, 9, 3), 200, np.uint8)
    steps, _ = tabulate_batch([(Paste(Box(1, 1, 3, 4), 0),)], [Shape(4, 5)], [[(8, 9)]])
    expected = image.copy()
    reference.apply(steps, [partner], expected)
    gpu.apply(steps, [partner], image)
    np.testing.assert_array_equal(image, expected)
    assert (partner == 200).all()


THREE_PARTNERS = {
    "op": [{"kind": "cutmix"}, {"kind": "mixup", "lam": 0.4}, {"kind": "cutmix"}, {"kind": "erase"}]
}


@pytest.mark.parametrize("form", ["batch", "list"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "function",
    [
        lambda images: augcli.cutmix(images, [0, 1, 2, 3], num_classes=4, seed=3),
        lambda images: augcli.mixup(images, [0, 1, 2, 3], num_classes=4, alpha=1.0),
        lambda images: augcli.cutout(images, fill="image-mean", length=5),
        lambda images: augcli.erase(images, fill="normal"),
        lambda images: augcli.patch_cutout(images, patch_size=3),
        lambda images: augcli.apply(THREE_PARTNERS, images, [0, 1, 2, 3], num_classes=4),
    ],
    ids=["cutmix", "mixup", "cutout", "erase", "patch_cutout", "apply"],
)
def test_arrays_of_cupy_go_in_and_out(some_cupy, launches, monkeypatch, function, dtype, form):
    generator = np.random.default_rng(1)
    sizes = [(12, 14)] * 4 if form == "batch" else [(12, 14), (9, 20), (12, 14), (30, 7)]
    full = np.iinfo(dtype).max
    images = [generator.integers(0, full, (*size, 3), dtype, endpoint=True) for size in sizes]
    given = np.stack(images) if form == "batch" else images
    on_device = some_cupy.asarray(given) if form == "batch" else list(map(some_cupy.asarray, given))
    synchronize = some_cupy.cuda.get_current_stream().synchronize
    synchronize()
    expected = function(given)
    monkeypatch.setattr(gpu, "_apply_staged", None)  # nothing goes through the host
    made = function(on_device)
    synchronize()
    for one, wanted in zip(made.images, expected.images, strict=True):
        assert isinstance(one, some_cupy.ndarray)
        np.testing.assert_array_equal(one.get(), wanted)
    assert len(launches) == 1
    if hasattr(made, "labels"):
        np.testing.assert_array_equal(made.labels, expected.labels)


def test_arrays_of_host_and_device_do_not_mix(host_compiled):
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(PlanError, match="images must all lie on the GPU, or none of them"):
        augcli.cutmix([image, host_compiled.asarray(image)])


def test_labels_of_the_device_are_read(some_cupy):
    labels = some_cupy.asarray(np.array([1, 0]))
    images = np.zeros((2, 4, 4, 3), np.uint8)
    mixed = augcli.cutmix(images, labels, num_classes=2, lam=1.0)
    assert mixed.labels.tolist() == [[0, 1], [1, 0]]


CHAIN = {
    "copies": 2,
    "op": [
        {"kind": "erase", "count": "1:2", "fill": "normal"},
        {"kind": "patch-cutout", "ratio": 0.2, "p": 0.5},
        {"one_of": [{"kind": "cutmix", "weight": 0.5}, {"kind": "mixup", "alpha": 1.0, "weight": 0.5}]},
        {"kind": "cutout", "fill": "image-mean"},
    ],
}


@pytest.mark.slow
def test_a_run_writes_the_bytes_of_the_cpu(some_cupy, launches, photos, tmp_path, tree):
    for backend in ("cpu", "gpu"):
        summary = augcli.materialize(photos, tmp_path / backend, CHAIN, backend=backend, workers=3)
    assert summary.libraries["backend"] == f"gpu (CuPy, {devices.find_state().devices[0].name})"
    assert sum(launches) == 48
    assert len(launches) < 12  # outputs of a walk are made together
    assert tree(tmp_path / "cpu") == tree(tmp_path / "gpu")


@pytest.mark.slow
@pytest.mark.parametrize("waiting", [1, 5, 64])
@pytest.mark.parametrize("free", [1 << 30, 3000])
@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_a_run_of_odd_images_is_the_cpus(
    some_cupy, launches, tmp_path, tree, limit, monkeypatch, waiting, free, form
):
    generator = np.random.default_rng(3)
    (tmp_path / "src" / "cat").mkdir(parents=True)
    (tmp_path / "src" / "dog").mkdir()
    for number in range(14):
        height, width = generator.integers(4, 20, 2)
        kinds = {0: (np.uint8, ()), 1: (np.uint8, (3,)), 2: (np.uint8, (4,)), 3: (np.uint16, ())}
        dtype, channels = kinds[number % 4]
        pixels = generator.integers(0, np.iinfo(dtype).max, (height, width, *channels)).astype(dtype)
        Image.fromarray(pixels).save(tmp_path / "src" / ("cat", "dog")[number % 2] / f"{number}.png")
    (tmp_path / "src" / "dog" / "bad.png").write_bytes(b"no image")
    torn = tmp_path / "src" / "cat" / "0.png"
    (tmp_path / "src" / "cat" / "torn.png").write_bytes(torn.read_bytes()[:-30])
    recipe = CHAIN | {"copies": 3, "originals": "copy", "format": form}
    augcli.materialize(tmp_path / "src", tmp_path / "cpu", recipe, backend="cpu")
    limit(made_together=waiting)
    known, _ = some_cupy.cuda.runtime.memGetInfo()
    monkeypatch.setattr(gpu, "MEMORY_PARTS", max(known // (free // gpu.MEMORY_PARTS), 1))
    augcli.materialize(tmp_path / "src", tmp_path / "gpu", recipe, backend="gpu", workers=2)
    assert tree(tmp_path / "cpu") == tree(tmp_path / "gpu")
    assert launches


def test_tables_that_are_joined_are_those_of_a_batch():
    shapes = [Shape(*size) for size in SHAPES]
    noise = Normal(7, (0.1, 0.5, 0.9), (0.2, 0.2, 0.2))
    programs = [
        (
            Fill(Patches(4, 4, bytes([1] * (-(-shape.height // 4) * -(-shape.width // 4)))), noise),
            Fill(Box(0, 0, 1, 1), Normal(8, (0.3, 0.3, 0.3), (0.1, 0.1, 0.1))),
            Paste(Box(0, 0, shape.height, 1), 0),
        )
        for shape in shapes
    ]
    sizes = [[(5, 6)]] * len(shapes)
    whole, first = tabulate_batch(programs, shapes, sizes)
    joined, places = table.join_tables(
        [
            tabulate_batch([one], [shape], [size])[0]
            for one, shape, size in zip(programs, shapes, sizes, strict=True)
        ]
    )
    np.testing.assert_array_equal(places, first)
    np.testing.assert_array_equal(joined.bitmaps, whole.bitmaps)
    for one, (mine, theirs) in enumerate(zip(joined.steps, whole.steps, strict=True)):
        for name in mine.dtype.names:
            if name != "quantiles":  # equal rows stand once in the table of a batch
                np.testing.assert_array_equal(mine[name], theirs[name], f"step {one}, {name}")
        if mine["kind"] == table.FILL:
            rows = slice(mine["quantiles"], mine["quantiles"] + 3)
            others = slice(theirs["quantiles"], theirs["quantiles"] + 3)
            np.testing.assert_array_equal(joined.quantiles[rows], whole.quantiles[others])


# --- what is missing -------------------------------------------------------------------------------------


def test_without_cupy_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it then fails
    state = devices.find_state()
    assert (state.cupy, state.driver, state.devices) == (None, None, ())
    assert state.problem == "CuPy is not installed; run: pip install 'augcli[gpu]'"
    with pytest.raises(MissingPartError, match=r"pip install 'augcli\[gpu\]'"):
        devices.check_usable()


def test_without_a_device_it_says_so(host_compiled):
    host_compiled.devices = 0
    assert devices.find_state().driver == "12.8"
    with pytest.raises(
        MissingPartError, match="no NVIDIA GPU can be used: there is none; install its driver"
    ):
        devices.check_usable()


def test_without_a_driver_it_says_what_cuda_said(host_compiled):
    def fail():
        raise host_compiled.cuda.runtime.CUDARuntimeError("cudaErrorInsufficientDriver")

    host_compiled.cuda.runtime.getDeviceCount = fail
    with pytest.raises(MissingPartError, match="cudaErrorInsufficientDriver; install its driver, or give"):
        devices.check_usable()


def test_devices_are_described(host_compiled):
    state = devices.find_state()
    assert state == devices.State("14.0.0", "12.8", (devices.Device("Host", "9.0", 1 << 30),), "")


@pytest.mark.slow
@pytest.mark.parametrize("waiting", [2, 3, 6])
def test_a_partner_is_read_before_its_own_outputs_are_made(
    some_cupy, make_folder, tmp_path, tree, limit, waiting
):
    src = make_folder({"cat": 4, "dog": 16})  # six outputs of each cat, one or two of each dog
    recipe = {"op": [{"kind": "cutmix", "lam": 0.3}], "target-per-class": 24}
    augcli.materialize(src, tmp_path / "cpu", recipe, backend="cpu")
    limit(made_together=waiting)
    augcli.materialize(src, tmp_path / "gpu", recipe, backend="gpu", workers=1)
    assert tree(tmp_path / "cpu") == tree(tmp_path / "gpu")

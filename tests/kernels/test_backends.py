"""Every backend equals the reference bit for bit, over random programs, shapes, channels and depths."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from augcli.kernels import cpu, cpu_compile, cpu_loops, cpu_noise, devices, gpu, reference
from augcli.kernels.table import tabulate
from augcli.program.steps import Blend, Box, Fill, Normal, Paste, Patches, Uniform
from augcli.samples import Colour, Shape

BACKENDS = {"cpu": cpu.apply, "gpu": gpu.apply}
NO_DEVICE = devices.find_state().problem
USABLE = [
    "cpu",
    pytest.param("gpu", marks=[pytest.mark.gpu, pytest.mark.skipif(bool(NO_DEVICE), reason=NO_DEVICE)]),
]
"""The GPU's is tested without a device as well: `test_steps_host_compiled_equal_the_reference`."""


def make_image(seed, height, width, channels, dtype):
    values = np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max, (height, width, channels), endpoint=True
    )
    return values.astype(dtype)


@st.composite
def boxes(draw, height, width, least=0):
    y0, x0 = draw(st.integers(0, height - least)), draw(st.integers(0, width - least))
    return Box(y0, x0, draw(st.integers(y0 + least, height)), draw(st.integers(x0 + least, width)))


keys = st.integers(0, 2**64 - 1)
paints = st.one_of(
    st.builds(Colour, *[st.integers(0, 255)] * 3),
    st.builds(Uniform, keys),
    st.builds(Normal, keys, st.just((0.485, 0.456, 0.406)), st.just((0.229, 0.224, 0.225))),
    st.builds(Normal, keys, st.just((0.1, 0.5, 0.9)), st.sampled_from([(0.0, 0.5, 0.2), (1.0, 1.0, 1.0)])),
)


@st.composite
def cases(draw):
    height, width = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    channels, dtype = draw(st.sampled_from([1, 3, 4])), draw(st.sampled_from([np.uint8, np.uint16]))
    sizes = [
        (height, width) if draw(st.booleans()) else (draw(st.integers(1, 70)), draw(st.integers(1, 70)))
        for _ in range(2)
    ]
    steps = []
    for kind in draw(st.lists(st.sampled_from([Fill, Paste, Blend]), min_size=1, max_size=4)):
        area = draw(boxes(height, width))
        if draw(st.booleans()):
            patch = draw(st.integers(1, 9)), draw(st.integers(1, 9))
            cells = -(-height // patch[0]) * -(-width // patch[1])
            area = Patches(*patch, bytes(draw(st.lists(st.integers(0, 1), min_size=cells, max_size=cells))))
        slot = draw(st.integers(0, 1))
        if kind is Fill:
            steps.append(Fill(area, draw(paints)))
        elif kind is Blend:
            steps.append(Blend(area, draw(st.integers(0, 65536)), slot))
        else:
            source = draw(st.none() | boxes(*sizes[slot], least=1))
            empty = isinstance(area, Box) and area.area == 0
            steps.append(Paste(area, slot, None if empty else source))
    return tuple(steps), (height, width, channels), dtype, sizes, draw(st.integers(0, 999))


def difference(apply, case):
    """How many values a backend gives that are not the reference's."""
    program, shape, dtype, sizes, seed = case
    image = make_image(seed, *shape, dtype)
    partners = [make_image(seed + i + 1, *size, shape[2], dtype) for i, size in enumerate(sizes)]
    table = tabulate(program, Shape(*shape, 8 * np.dtype(dtype).itemsize), sizes)
    expected, actual = image.copy(), image.copy()
    reference.apply(table, partners, expected)
    apply(table, partners, actual)
    return np.count_nonzero(actual != expected)


@pytest.mark.slow
@pytest.mark.parametrize("backend", USABLE)
@settings(max_examples=400)
@given(case=cases())
def test_backend_equals_the_reference(backend, case):
    assert difference(BACKENDS[backend], case) == 0


def apply_row_by_row(table, partners, image):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "TOGETHER", 1)
        reference.apply(table, partners, image)


@settings(max_examples=50)
@given(case=cases())
def test_the_reference_gives_the_same_however_many_rows_it_changes_at_once(case):
    assert difference(apply_row_by_row, case) == 0


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(case=cases())
def test_steps_host_compiled_equal_the_reference(host_compiled, case):
    assert difference(gpu.apply, case) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x < step.x0", "x <= step.x0"),  # an edge of a box
        ("+ Q16 / 2) / Q16", "+ Q16 / 4) / Q16"),  # the rounding of a blend
        (">> FRACTION_BITS) & (ONE - 1)", ">> (FRACTION_BITS - 1)) & (ONE - 1)"),  # a weight of a tap
        ("key0 += PHILOX_W0", "key0 += PHILOX_W1"),
        ("<= source) ++axis.level", "< source) ++axis.level"),
        ("axis.tap + 1 < axis.taps ? axis.tap + 1 : axis.tap", "axis.tap"),
        ("y / step.patch_height) * columns", "y / step.patch_width) * columns"),
        ("whole / 2) / divisor", "whole / 4) / divisor"),  # the rounding of a blend by alpha
        ("(u64)partner[3] * (Q16 - weight)", "(u64)255 * (Q16 - weight)"),
        ("channels == 4 && (pixel[3]", "channels == 5 && (pixel[3]"),
    ],
)
def test_steps_host_compiled_with_an_error_are_found(broken_kernels, old, new):
    broken_kernels(old, new)

    @settings(max_examples=1000, database=None, derandomize=True, phases=[Phase.generate])
    @given(case=cases())
    def compare(case):
        assert difference(gpu.apply, case) == 0

    with pytest.raises(AssertionError):
        compare()


@pytest.mark.parametrize("backend", USABLE)
@pytest.mark.parametrize("sizes", [((533, 400), (534, 400)), ((37, 61), (301, 500)), ((300, 200), (31, 7))])
def test_backend_equals_the_reference_on_large_images(backend, sizes):
    base, partner = (make_image(i, *size, 3, np.uint8) for i, size in enumerate(sizes))
    (height, width), expected = sizes[0], base.copy()
    program = (Paste(Box(1, 2, height, width - 1), 0), Blend(Box(0, 0, height, width), 40000, 0))
    table = tabulate(program, Shape(height, width), [sizes[1]])
    reference.apply(table, [partner], expected)
    BACKENDS[backend](table, [partner], base)
    np.testing.assert_array_equal(base, expected)


@pytest.mark.slow
@pytest.mark.parametrize("backend", USABLE)
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    "size", [(41, 60), (40, 61), (19, 23), (81, 121), (82, 61), (41, 122), (90, 500), (1, 1), (1, 200)]
)
def test_a_partner_of_another_size_equals_the_reference(backend, size, channels, depth):
    """One axis alone of another size, blocks along one or both, and boxes of one column, row or pixel."""
    height, width = 41, 61
    edges = [(0, 0, 41, 61), (0, 60, 41, 61), (7, 0, 41, 1), (40, 3, 41, 60), (40, 60, 41, 61)]
    boxes = [Box(*box) for box in edges]
    program = tuple(step for box in boxes for step in (Paste(box, 0), Blend(box, 40000, 0)))
    image, partner = make_image(1, height, width, channels, depth), make_image(2, *size, channels, depth)
    table = tabulate(program, Shape(height, width, channels, 8 * image.itemsize), [size])
    expected = image.copy()
    reference.apply(table, [partner], expected)
    BACKENDS[backend](table, [partner], image)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("backend", USABLE)
@pytest.mark.parametrize("size", [(60, 45), (25, 70)])
def test_a_part_of_a_partner_is_read_up_to_its_last_value(backend, size):
    image, partner = np.zeros((30, 40, 3), np.uint8), make_image(5, *size, 3, np.uint8)
    sources = [Box(size[0] - 5, size[1] - 9, *size), Box(0, size[1] - 1, size[0], size[1])]
    program = tuple(Paste(Box(15 * at, 2, 15 * at + 15, 40), 0, source) for at, source in enumerate(sources))
    table = tabulate(program, Shape(30, 40), [size])
    expected = image.copy()
    reference.apply(table, [partner], expected)
    BACKENDS[backend](table, [partner], image)
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("backend", USABLE)
def test_the_mean_of_a_very_long_block_does_not_overflow(backend):
    partner, image = np.full((1 << 17, 1, 1), 65535, np.uint16), np.zeros((1, 1, 1), np.uint16)
    table = tabulate((Paste(Box(0, 0, 1, 1), 0),), Shape(1, 1, 1, 16), [partner.shape[:2]])
    BACKENDS[backend](table, [partner], image)
    assert image[0, 0, 0] == 65535


@pytest.mark.parametrize("backend", USABLE)
def test_partners_are_not_written_to(backend):
    image, partner = make_image(1, 9, 7, 3, np.uint8), make_image(2, 13, 5, 3, np.uint8)
    before = partner.copy()
    program = (
        Paste(Box(0, 0, 9, 7), 0),
        Blend(Box(2, 2, 5, 5), 1000, 0),
        Fill(Box(0, 0, 2, 2), Colour(0, 0, 0)),
    )
    BACKENDS[backend](tabulate(program, Shape(9, 7), [(13, 5)]), [partner], image)
    np.testing.assert_array_equal(partner, before)


def test_kernels_compile_where_no_cache_directory_can_be_written(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: ("compiled uncached", function.__name__)

    monkeypatch.setattr(cpu_compile.numba, "njit", refuse)
    with pytest.warns(UserWarning, match="numba cannot write"):
        assert cpu_compile.compile_loop(make_image) == ("compiled uncached", "make_image")


def test_loops_of_noise_do_not_change_without_the_file_whose_compiled_code_holds_them():
    """numba's cache sees no change of another file: see `cpu_loops.NOISE_DIGEST`."""
    text = Path(cpu_noise.__file__).read_text("utf-8")
    assert hashlib.sha256(text.encode()).hexdigest()[:8] == cpu_loops.NOISE_DIGEST

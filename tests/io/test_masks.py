"""Index masks: what is one, and that every index, depth and palette survives."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from augcli.errors import DecodeError
from augcli.io.images.geometry import Geometry
from augcli.io.images.index_masks import Mask, bring_to_image, decode_mask, encode_mask, read_mask_header
from augcli.samples import Colour

INDICES = np.array([[0, 1, 255], [7, 0, 3]], np.uint8)
PALETTE = bytes(range(1, 13))  # four colours


def save(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@given(data=st.data())
def test_grey_masks_come_back_as_they_were(kind, data):
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    indices = data.draw(arrays(kind, shape))
    encoded = encode_mask(Mask(indices))
    assert read_mask_header(encoded) == (*shape, False)
    again = decode_mask(encoded)
    np.testing.assert_array_equal(again.indices, indices)
    assert (again.indices.dtype, again.palette) == (kind, None)


@pytest.mark.slow
@given(st.integers(1, 256).flatmap(lambda n: st.tuples(st.just(n), arrays(np.uint8, (3, 5)))))
def test_no_index_is_lost_to_a_short_palette(drawn):
    entries, indices = drawn
    palette = bytes(i % 251 for i in range(3 * entries))
    again = decode_mask(encode_mask(Mask(indices, palette)))
    np.testing.assert_array_equal(again.indices, indices)
    assert again.palette is not None
    assert again.palette[: len(palette)] == palette


@pytest.mark.parametrize("place", [33, -12])  # before its pixels, and behind them
def test_a_mask_is_read_without_the_texts_that_pillow_refuses(place):
    body = b"zTXtcomment\0\0" + zlib.compress(bytes(3 << 20))
    text = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    whole = encode_mask(Mask(INDICES % 4, PALETTE))
    again = decode_mask(whole[:place] + text + whole[place:])
    np.testing.assert_array_equal(again.indices, INDICES % 4)
    assert again.palette[:12] == PALETTE


def test_transparent_entries_of_a_palette_stay():
    again = decode_mask(encode_mask(Mask(INDICES % 4, PALETTE, bytes([0, 255, 9, 255]))))
    assert (again.palette[:12], again.transparency) == (PALETTE, bytes([0, 255, 9, 255]))


def test_a_palette_of_two_bits_is_read_as_indices():
    image = Image.fromarray(INDICES % 4)
    image.putpalette(PALETTE)
    encoded = save(image, bits=2)
    assert encoded[24] == 2  # bits of a pixel, in the header
    np.testing.assert_array_equal(decode_mask(encoded).indices, INDICES % 4)


def test_a_mask_of_one_bit_becomes_zeros_and_ones():
    again = decode_mask(save(Image.fromarray(INDICES > 0)))
    assert (again.indices.dtype, again.indices.tolist()) == (np.uint8, [[0, 1, 1], [1, 0, 1]])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_colour_and_alpha_are_no_indices(mode):
    with pytest.raises(DecodeError, match=f"not an index mask: its pixels are {mode}; give index masks"):
        decode_mask(save(Image.new(mode, (3, 2))))


@pytest.mark.parametrize(("mode", "form"), [("F", "TIFF"), ("L", "JPEG"), ("L", "WEBP")])
def test_other_forms_are_refused(mode, form):
    with pytest.raises(DecodeError, match=r"not a mask: .*; give index masks: grey or palette PNG"):
        read_mask_header(save(Image.new(mode, (3, 2)), form))


@pytest.mark.parametrize("cut", [0, 1, 20, 40, 50])
def test_damage_is_a_decode_error(cut):
    with pytest.raises(DecodeError):
        decode_mask(encode_mask(Mask(INDICES))[:cut])


@pytest.mark.parametrize("orientation", range(5, 9))
def test_a_mask_as_large_as_the_stored_image_is_turned_with_it(orientation):
    upright = bring_to_image(Mask(INDICES), (3, 2), orientation, None, None).indices
    image = Image.fromarray(INDICES)
    turns = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270}
    turns |= {7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90}  # as `ImageOps.exif_transpose`
    np.testing.assert_array_equal(upright, np.asarray(image.transpose(turns[orientation])))


def test_a_mask_as_large_as_the_upright_image_is_not_turned():
    np.testing.assert_array_equal(bring_to_image(Mask(INDICES), (2, 3), 6, None, None).indices, INDICES)


def test_a_mask_is_fitted_with_its_palette():
    geometry = Geometry(2, 2, "crop", Colour(0, 0, 0))
    fitted = bring_to_image(Mask(INDICES % 4, PALETTE), (2, 3), 1, geometry, None)
    assert fitted.palette == PALETTE
    assert fitted.indices.shape == (2, 2)

"""What is found out at the end of a JPEG's codes."""

import dataclasses
import io
import struct

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode.jpeg import decode_pixels, read_header, state_colours
from ecgbatch.imaging.decode.jpeg_end import probes
from tests import factories_files as files


def saved(pixels, mode="RGB", **options):
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def plain(data):
    colours = "GRAY" if read_header(data).components == 1 else "RGB"
    return simplejpeg.decode_jpeg(data, colours, fastdct=True, fastupsample=True)


def decoded(data):
    return decode_pixels(data, components=read_header(data).components)


def redeclared(data, **sides):
    """Return a JPEG with another number of rows or columns in its header."""
    at = data.index(b"\xff\xc0") + 5
    height, width = struct.unpack_from(">HH", data, at)
    size = struct.pack(">HH", sides.get("height", height), sides.get("width", width))
    return data[:at] + size + data[at + 4 :]


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
@pytest.mark.parametrize("size", [(640, 480), (613, 487), (961, 63)])
def test_a_sound_image_is_the_one_that_the_library_decodes(size, subsampling):
    page = files.page(height=size[0], width=size[1])
    for quality in (30, 75, 100):
        data = simplejpeg.encode_jpeg(page, quality, "RGB", subsampling)
        assert next(probes(data), None) is not None
        assert np.array_equal(decoded(data), plain(data))


@pytest.mark.parametrize("shade", [0, 1, 254, 255])
def test_the_limits_of_brightness_are_possible(shade):
    page = np.full((300, 400, 3), shade, np.uint8)
    page[40:80, 40:80] = 255 - shade
    for data in (saved(page, quality=50), saved(page, "L", quality=95, optimize=True)):
        assert next(probes(data), None) is not None
        pixels = decoded(data)
        assert np.array_equal(pixels, plain(data).reshape(pixels.shape))


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)])
def test_a_corner_of_the_purest_colour_beside_white_is_possible(colour):
    page = np.full((320, 320, 3), 255, np.uint8)
    page[300:, 300:] = colour
    page[312:, 312:] = 255
    assert np.array_equal(decoded(saved(page, quality=90)), plain(saved(page, quality=90)))


@pytest.mark.parametrize("colour", [(255, 255, 0), (0, 0, 255), (0, 255, 255), (255, 0, 0)])
@pytest.mark.parametrize("quality", [40, 95])
def test_a_page_that_ends_in_the_purest_colour_is_possible(colour, quality):
    page = files.page()
    page[200:] = colour
    data = simplejpeg.encode_jpeg(page, quality, "RGB", "444")
    probe = next(probes(data))
    pixels = plain(probe.data)
    # Also where an image allows no more than its own rounding.
    assert dataclasses.replace(probe, beyond=8.0).is_possible(pixels)
    assert np.array_equal(decoded(data), plain(data))


def test_components_that_are_red_green_and_blue_are_not_judged_as_brightness():
    data = state_colours(simplejpeg.encode_jpeg(files.page(), 90, "RGB", "444"), ycbcr=False)
    data = data.replace(b"JFIF", b"JFXX")  # JFIF would make it YCbCr
    assert next(probes(data)).beyond is None
    assert np.array_equal(decoded(data), plain(data))


@pytest.mark.parametrize("end", [b"\xff\xff\xd9", b"\xff\xd9" + bytes(40), b"\xff\xd9\xff\xd9MORE"])
def test_fill_bytes_and_bytes_behind_the_end_are_no_codes(end):
    data = files.jpeg()
    assert np.array_equal(decoded(data[:-2] + end), decoded(data))


def test_a_byte_of_padding_too_many_is_no_damage():
    data = files.jpeg()
    assert np.array_equal(decoded(data[:-2] + b"\xff\x00\xff\xd9"), decoded(data))


def test_an_image_that_ends_a_row_of_white_blocks_too_early_is_damaged():
    page = np.full((328, 40), 255, np.uint8)
    page[:200, 3] = 0
    data = redeclared(files.jpeg(page), height=320)
    plain(data)  # the library is content
    with pytest.raises(PageError) as raised:
        decoded(data)
    assert raised.value.reason is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("quality", [55, 85])
def test_white_paper_that_grew_brighter_than_white_is_damaged(quality):
    """Wrong bytes in the middle of a scan raise or lower all that follows."""
    page = files.page(height=800, width=1200)
    page[:, 1150:] = 255
    page[700:] = 255
    data = saved(page, quality=quality, subsampling=2)
    right = plain(data).astype(int)
    rng = np.random.default_rng(0)
    noticed = unnoticed = 0
    for _ in range(40):
        at = int(len(data) * rng.uniform(0.2, 0.8))
        wrong = data[:at] + rng.bytes(40) + data[at + 40 :]
        try:
            pixels = plain(wrong)
        except ValueError:
            continue
        if np.abs(pixels - right).max() <= 8:
            continue
        try:
            decoded(wrong)
        except PageError:
            noticed += 1
        else:
            unnoticed += 1
    assert noticed > unnoticed


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}], ids=["progressive", "restarts"]
)
def test_files_whose_end_cannot_be_probed_are_decoded_as_they_are(options):
    data = saved(files.page(), quality=85, **options)
    assert next(probes(data), None) is None
    assert np.array_equal(decoded(data), plain(data))


def test_a_small_tile_is_not_made_dearer():
    assert next(probes(files.jpeg(files.page(height=64, width=64))), None) is None


def test_more_blocks_than_a_restart_interval_can_count_are_probed_without_one():
    page = np.full((2200, 2000), 255, np.uint8)
    page[::40] = 120
    data = saved(page, "L", quality=75)
    assert b"\xff\xdd\x00\x04" not in next(probes(data)).data
    assert np.array_equal(decoded(data), plain(data)[:, :, 0])

"""Faults of pixels: one page in all the kinds of files that can hold it.

The numbers in the names of tests are stable ids. ``archive.read`` puts each file between
healthy neighbours and compares their rows, byte by byte, with those of a run without it.
"""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests import factories_files as files
from tests.rows_of_files import difference, pixels, reason

pytestmark = pytest.mark.usefixtures("nothing_is_said")


@pytest.mark.parametrize(
    "make", [lambda p, m: files.tiff([p], photometric=m), None], ids=["grey", "fax"]
)
def test_fault_18_white_counted_up_or_down_is_the_same_page(archive, make):
    if make is None:
        bits = files.bilevel()
        up = files.fax_tiff([bits])
        # The codes of a fax say black and white; the tag says which of them is 1.
        with tifffile.TiffFile(io.BytesIO(up)) as file:
            photometric = int(file.pages[0].photometric)
        down = retagged(up, 262, 1 - photometric)
        one, other = pixels(archive.read("a.tif", up)), pixels(archive.read("b.tif", down))
        assert np.array_equal(one, 255 - other)
        return
    up = make(files.grey(), "minisblack")
    down = make(255 - files.grey(), "miniswhite")
    assert np.array_equal(pixels(archive.read("a.tif", up)), pixels(archive.read("b.tif", down)))
    assert np.array_equal(pixels(archive.read("a.tif", up)), files.grey())


def retagged(data, tag, value):
    """Return a little-endian TIFF in which a tag of one short number has another value."""
    at = data.index(struct.pack("<HHI", tag, 3, 1)) + 8
    return data[:at] + struct.pack("<H", value) + data[at + 2 :]


PALETTE = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)
COLOUR, GREY = files.page(), files.grey()
PLANES = np.ascontiguousarray(np.moveaxis(COLOUR, 2, 0))


@pytest.mark.parametrize(
    ("data", "expected", "levels"),
    [
        (files.tiff([GREY.astype(np.uint16) * 257]), GREY, 0),
        (files.tiff([GREY], photometric="palette", colormap=PALETTE), GREY, 0),
        (files.tiff([PLANES], photometric="rgb", planarconfig="separate"), COLOUR, 0),
        (files.tiff([COLOUR], photometric="rgb", tile=(64, 64), compression="zlib"), COLOUR, 0),
        (files.tiff([GREY], big=True), GREY, 0),
        (files.tiff([GREY], big=True, order=">", compression="lzw", predictor=True), GREY, 0),
        (files.tiff([COLOUR], order=">", photometric="rgb", compression="packbits"), COLOUR, 0),
        (files.tiff([COLOUR], photometric="rgb", compression="jpeg"), COLOUR, 60),
        (files.tiff([COLOUR], photometric="rgb", compression="jpeg", tile=(64, 64)), COLOUR, 60),
        (files.pillow(COLOUR, "TIFF", compression="jpeg", quality=95), COLOUR, 90),
        (retagged(files.tiff([COLOUR], photometric="rgb"), 262, 8), None, 0),
        (files.pillow(COLOUR, "TIFF", "CMYK"), COLOUR, 2),
        (files.pillow(GREY, "TIFF", compression="tiff_lzw"), GREY, 0),
        (files.tiff([GREY > 128], photometric="minisblack"), 255 * (GREY > 128), 0),
    ],
    ids=[
        "16 bit", "palette", "planar", "tiled", "big", "big reversed", "packbits", "jpeg",
        "jpeg tiles", "jpeg ycbcr", "lab", "cmyk", "lzw", "1 bit",
    ],
)  # fmt: skip
def test_fault_19_the_many_kinds_of_tiff(archive, data, expected, levels):
    rows = archive.read("a.tif", data)
    if expected is None:
        assert reason(rows) == "unsupported_pixel_format"
    else:
        assert pixels(rows).shape == expected.shape
        assert np.abs(pixels(rows).astype(int) - expected).mean() <= levels / 10
        assert difference(pixels(rows), expected) <= levels


@pytest.mark.parametrize(
    "pixels", [GREY.astype(np.float32), GREY.astype(np.int16), GREY.astype(np.uint32)]
)
def test_fault_19_samples_whose_black_nobody_knows_are_refused(archive, pixels):
    assert reason(archive.read("a.tif", files.tiff([pixels]))) == "unsupported_pixel_format"


def test_fault_20_a_fax_page_keeps_both_resolutions(archive):
    rows = archive.read("a.tif", files.fax_tiff([files.bilevel()], dpi=(204, 98)))
    assert pixels(rows).shape == files.bilevel().shape
    assert (rows[0]["dpi_x"], rows[0]["dpi_y"]) == (204, 98)


@pytest.mark.parametrize(
    ("options", "dpi"),
    [
        ({"resolution": (0, 0), "resolutionunit": "inch"}, None),
        ({"resolution": (1, 1), "resolutionunit": "inch"}, None),
        ({"resolution": (72, 72), "resolutionunit": "inch"}, None),
        ({"resolution": (300, 3), "resolutionunit": "inch"}, None),
        ({"resolution": (100, 100), "resolutionunit": "centimeter"}, 254),
        ({"resolution": (300, 300), "resolutionunit": "inch"}, 300),
    ],
    ids=["0", "1", "72", "one of two", "cm", "300"],
)
def test_fault_21_resolutions_that_nobody_measured(archive, options, dpi):
    rows = archive.read("a.tif", files.tiff([files.grey()], **options))
    assert rows[0]["dpi_x"] == rows[0]["dpi_y"] == dpi
    assert rows[0]["flags"] == ([] if dpi else ["dpi_untrusted"])


def test_fault_21_a_resolution_that_is_no_number(archive):
    data = files.tiff([files.grey()], resolution=(301, 301), resolutionunit="inch")
    ratio = struct.pack("<II", 301, 1)
    assert data.count(ratio) == 2
    rows = archive.read("a.tif", data.replace(ratio, bytes(8)))
    assert rows[0]["dpi_x"] is None
    assert rows[0]["flags"] == ["dpi_untrusted"]


def stored(upright, orientation):
    """Return the page as a camera stores it that says ``orientation`` (TIFF 6.0, tag 274)."""
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_fault_22_all_orientations_give_one_upright_page(archive, orientation, order):
    turned = np.ascontiguousarray(stored(files.page(), orientation))
    data = files.jpeg(turned, exif=files.exif(orientation, order=order), quality=100)
    read = pixels(archive.read("a.jpg", data))
    assert read.shape == files.page().shape
    assert np.abs(read.astype(int) - files.page()).mean() < 3  # the fast DCT, at best quality


@pytest.mark.parametrize("orientation", range(1, 9))
def test_fault_22_lossless_files_say_it_too(archive, orientation):
    turned = np.ascontiguousarray(stored(files.page(), orientation))
    data = files.tiff([turned], photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    assert np.array_equal(pixels(archive.read("a.tif", data)), files.page())


@pytest.mark.parametrize(
    ("data", "levels"),
    [
        (files.pillow(COLOUR, "JPEG", progressive=True, quality=95), 90),
        (files.pillow(COLOUR, "JPEG", "CMYK", quality=100, subsampling=0), 90),
        (files.pillow(GREY, "JPEG", quality=95), 60),
    ],
    ids=["progressive", "cmyk", "grey"],
)
def test_fault_23_the_many_kinds_of_jpeg(archive, data, levels):
    read = pixels(archive.read("a.jpg", data))
    expected = COLOUR if read.ndim == 3 else GREY
    assert difference(read, expected) <= levels
    assert np.abs(read.astype(int) - expected).mean() < 5


@pytest.mark.parametrize(
    ("marker", "bits"), [(0xC1, 12), (0xC3, 8), (0xC9, 8), (0xC7, 8)],
    ids=["12 bit", "lossless", "arithmetic", "hierarchical"],
)  # fmt: skip
def test_fault_23_codings_that_are_refused_and_crash_nothing(archive, marker, bits):
    data = files.jpeg()
    at = data.index(b"\xff\xc0")
    other = (
        data[:at] + bytes([0xFF, marker]) + data[at + 2 : at + 4] + bytes([bits]) + data[at + 5 :]
    )
    assert reason(archive.read("a.jpg", other)) in {"unsupported_pixel_format", "corrupt_image"}


def test_fault_24_a_page_that_is_all_transparent(archive):
    clear = np.dstack([files.page(), np.zeros(files.page().shape[:2], np.uint8)])
    assert reason(archive.read("a.png", files.png(clear))) == "blank_page"


@pytest.mark.parametrize("level", [0, 128, 255])
def test_fault_24_a_page_of_one_colour(archive, level):
    flat = np.full((200, 300, 3), level, np.uint8)
    assert reason(archive.read("a.png", files.png(flat))) == "blank_page"
    assert reason(archive.read("a.jpg", files.jpeg(flat))) == "blank_page"


def test_fault_24_half_transparent_ink_is_half_dark(archive):
    alpha = np.full(files.page().shape[:2], 128, np.uint8)
    read = pixels(archive.read("a.png", files.png(np.dstack([files.page(), alpha]))))
    expected = 255 - (255 - files.page().astype(float)) * 128 / 255
    assert np.abs(read - expected).max() <= 1


FEW = (files.grey() // 64 * 85).astype(np.uint8)  # four levels, as palettes and 2 bits hold them


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (files.png(), files.page()),
        (files.pillow(FEW, "PNG", "P"), np.dstack([FEW] * 3)),
        (files.pillow(files.grey(), "PNG", "1"), None),
        (files.pillow(files.grey().astype(np.uint16) * 257, "PNG"), files.grey()),
        (files.adam7(files.grey()), files.grey()),
        (
            files.png(np.dstack([files.page(), np.full(files.grey().shape, 255, np.uint8)])),
            files.page(),
        ),
    ],
    ids=["colour", "palette", "1 bit", "16 bit", "interlaced", "opaque alpha"],
)
def test_fault_25_the_many_kinds_of_png(archive, data, expected):
    read = pixels(archive.read("a.png", data))
    if expected is None:
        expected = 255 * np.asarray(Image.open(io.BytesIO(data)))
    assert difference(read, np.asarray(expected)) <= 1

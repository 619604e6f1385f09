"""A PDF page that is one image: the image itself, not a rendering of it."""

from __future__ import annotations

import ctypes
import math
import re
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as c

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import jpeg
from ecgbatch.imaging.decode.content import check_size
from ecgbatch.imaging.decode.exif import swaps_axes, upright
from ecgbatch.imaging.decode.pdf_page import Matrix, PageObject, multiply
from ecgbatch.imaging.decode.samples import split_alpha
from ecgbatch.types import ByteArray, Page

# What changes how an image's samples are to be understood, and is not told by PDFium. Image
# dictionaries always stand in the file in plain (ISO 32000-1, 7.5.7), so that looking is enough.
_REINTERPRETED = re.compile(rb"/(?:Decode\s*[\[\d]|SMask\b|Mask\b|ImageMask\b)")
_PLAIN_SPACES = {
    c.FPDF_COLORSPACE_DEVICEGRAY,
    c.FPDF_COLORSPACE_DEVICERGB,
    c.FPDF_COLORSPACE_CALGRAY,
    c.FPDF_COLORSPACE_CALRGB,
    c.FPDF_COLORSPACE_ICCBASED,
}
_COVERS = 0.95  # of the page, for an image that may have text over it
_ALONE_COVERS = 0.3  # for an image that is all there is
_BEYOND = 0.02  # of the page, that an image may reach past its border
_SKEW = 0.002  # above, the image stands turned on the page, and rendering turns it back


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image and how it lies on the page.

    Attributes:
        handle: PDFium's.
        width_px: Columns as stored.
        height_px: Rows as stored.
        orientation: How stored rows and columns are shown, as in EXIF; 0 if at another angle.
        dpi_x: Stored columns per inch on paper.
        dpi_y: Stored rows per inch on paper.
    """

    handle: Any
    width_px: int
    height_px: int
    orientation: int
    dpi_x: float
    dpi_y: float


def only_image(
    drawn: list[PageObject], *, to_display: Matrix, size_pt: tuple[float, float]
) -> PlacedImage | None:
    """Return the image that is the page, or None where a page is more than that.

    Args:
        drawn: Everything on the page, in the order of drawing.
        to_display: From page points to the page as shown.
        size_pt: Width and height of the page as shown.
    """
    visible = [item for item in drawn if not _invisible_text(item)]
    images = [index for index, item in enumerate(visible) if item.kind == c.FPDF_PAGEOBJ_IMAGE]
    if len(images) != 1:
        return None
    above = visible[images[0] + 1 :]  # what lies below is covered
    if any(item.kind != c.FPDF_PAGEOBJ_TEXT for item in above):
        return None
    item = visible[images[0]]
    matrix = multiply(item.to_page, to_display)
    covered = _covered(matrix, size_pt)
    if covered < (_COVERS if len(visible) > 1 else _ALONE_COVERS):
        return None
    return _placed(item, matrix)


def _invisible_text(item: PageObject) -> bool:
    """Whether this is the text layer that scanning software lays under a page."""
    if item.kind != c.FPDF_PAGEOBJ_TEXT:
        return False
    return bool(c.FPDFTextObj_GetTextRenderMode(item.handle) == c.FPDF_TEXTRENDERMODE_INVISIBLE)


def _covered(matrix: Matrix, size_pt: tuple[float, float]) -> float:
    """Return which share of the page an image fills; 0 where it is cut by the page's border."""
    a, b, cc, d, e, f = matrix
    xs = (e, e + a, e + cc, e + a + cc)
    ys = (f, f + b, f + d, f + b + d)
    width, height = size_pt
    if min(xs) < -_BEYOND * width or max(xs) > (1 + _BEYOND) * width:
        return 0.0
    if min(ys) < -_BEYOND * height or max(ys) > (1 + _BEYOND) * height:
        return 0.0
    return (max(xs) - min(xs)) * (max(ys) - min(ys)) / (width * height)


def _placed(item: PageObject, matrix: Matrix) -> PlacedImage | None:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    if not c.FPDFImageObj_GetImagePixelSize(item.handle, width, height):
        return None
    if not width.value or not height.value:
        return None
    a, b, cc, d = matrix[:4]
    right, down = (a, b), (-cc, -d)  # of the image's own columns and rows, on the page as shown
    right_pt, down_pt = math.hypot(*right), math.hypot(*down)
    if right_pt == 0 or down_pt == 0:
        return None
    return PlacedImage(
        item.handle,
        width.value,
        height.value,
        orientation=_orientation(right, down),
        dpi_x=72 * width.value / right_pt,
        dpi_y=72 * height.value / down_pt,
    )


_ORIENTATIONS = {
    ((1, 0), (0, 1)): 1,
    ((-1, 0), (0, 1)): 2,
    ((-1, 0), (0, -1)): 3,
    ((1, 0), (0, -1)): 4,
    ((0, 1), (1, 0)): 5,
    ((0, 1), (-1, 0)): 6,
    ((0, -1), (-1, 0)): 7,
    ((0, -1), (1, 0)): 8,
}


def _orientation(right: tuple[float, float], down: tuple[float, float]) -> int:
    return _ORIENTATIONS.get((_axis(right), _axis(down)), 0)


def _axis(vector: tuple[float, float]) -> tuple[int, int]:
    x, y = vector
    if abs(y) <= _SKEW * abs(x):
        return (1 if x > 0 else -1), 0
    if abs(x) <= _SKEW * abs(y):
        return 0, (1 if y > 0 else -1)
    return 0, 0


def is_plain(data: bytes) -> bool:
    """Whether no image of the file has its samples inverted, masked, or used as a stencil."""
    return _REINTERPRETED.search(data) is None


def extract(image: PlacedImage, page: Any, *, max_pixels: int) -> Page | None:
    """Return the stored image, upright, with its resolution on paper.

    Args:
        image: From ``only_image``, at a right angle.
        page: The page's handle.
        max_pixels: Largest image.

    Returns:
        None where the samples need PDFium to be understood.

    Raises:
        PageError: ``too_large``, ``corrupt_image`` or ``corrupt_pdf``.
    """
    width, height = image.width_px, image.height_px
    check_size(width, height, max_pixels=max_pixels, damaged=Reason.CORRUPT_PDF)
    facts = c.FPDF_IMAGEOBJ_METADATA()
    if not c.FPDFImageObj_GetImageMetadata(image.handle, page, facts):
        return None
    if facts.colorspace not in _PLAIN_SPACES:
        return None
    filters = _filters(image.handle)
    pixels: ByteArray | None = None
    if filters == ["DCTDecode"]:
        pixels = _from_jpeg(_stored(image.handle), max_pixels=max_pixels)
    elif filters == ["FlateDecode"]:
        pixels = _from_deflate(
            _stored(image.handle), width=width, height=height, bits=facts.bits_per_pixel
        )
    if pixels is None:
        pixels = _by_pdfium(image.handle)
    if pixels is None or pixels.shape[:2] != (height, width):
        return None
    dpi = (image.dpi_x, image.dpi_y)
    dpi_x, dpi_y = dpi[::-1] if swaps_axes(image.orientation) else dpi
    return Page(upright(pixels, image.orientation), dpi_x=dpi_x, dpi_y=dpi_y)


def _filters(handle: Any) -> list[str]:
    names = []
    for index in range(c.FPDFImageObj_GetImageFilterCount(handle)):
        room = ctypes.create_string_buffer(32)
        c.FPDFImageObj_GetImageFilter(handle, index, room, 32)
        names.append(room.value.decode("ascii", "replace"))
    return names


def _stored(handle: Any) -> bytes:
    length = c.FPDFImageObj_GetImageDataRaw(handle, None, 0)
    room = ctypes.create_string_buffer(length)
    c.FPDFImageObj_GetImageDataRaw(handle, room, length)
    return room.raw


def _from_jpeg(data: bytes, *, max_pixels: int) -> ByteArray | None:
    """Decode strictly; the orientation tag of an embedded JPEG means nothing in a PDF."""
    header = jpeg.read_header(data)
    check_size(
        header.width_px, header.height_px, max_pixels=max_pixels, damaged=Reason.CORRUPT_IMAGE
    )
    if header.components == 4:  # which ink model is meant depends on more than the JPEG
        return None
    return jpeg.decode_pixels(data, components=header.components)


def _from_deflate(data: bytes, *, width: int, height: int, bits: int) -> ByteArray | None:
    """Inflate at most what the image has room for; None where a predictor is to be undone."""
    channels = {8: 1, 24: 3}.get(bits)
    row_bytes = (width * bits + 7) // 8
    expected = row_bytes * height
    inflater = zlib.decompressobj()
    try:
        # A PNG predictor adds one byte to each row; a further kilobyte is nobody's business.
        samples = inflater.decompress(data, expected + height + 1024)
    except zlib.error as error:
        raise PageError(Reason.CORRUPT_PDF) from error
    if inflater.unconsumed_tail:
        raise PageError(Reason.TOO_LARGE, expected_bytes=expected)
    if len(samples) < expected or not inflater.eof:
        raise PageError(Reason.CORRUPT_PDF, expected_bytes=expected, bytes=len(samples))
    if channels is None or len(samples) >= expected + height:
        return None
    page = np.frombuffer(samples, dtype=np.uint8, count=expected)
    return page.reshape((height, width) if channels == 1 else (height, width, channels))


def _by_pdfium(handle: Any) -> ByteArray | None:
    raw = c.FPDFImageObj_GetBitmap(handle)
    if not raw:
        return None
    return from_bitmap(pypdfium2.PdfBitmap.from_raw(raw))  # freed with its buffer


def from_bitmap(bitmap: Any) -> ByteArray:
    """Return a copy of a PDFium bitmap as grey or RGB, on white."""
    samples = bitmap.to_numpy()
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    if samples.ndim == 2:
        return np.array(samples, dtype=np.uint8)
    order = [0, 1, 2] if bitmap.rev_byteorder else [2, 1, 0]
    if samples.shape[2] == 4 and bitmap.mode in {"BGRA", "RGBA"}:
        return split_alpha(np.ascontiguousarray(samples[:, :, [*order, 3]]))
    return np.ascontiguousarray(samples[:, :, order])

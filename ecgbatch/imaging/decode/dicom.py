"""DICOM: captured pages, encapsulated PDFs, and 12-lead waveforms.

Needs the extra ``dicom``; without it such files are ``unsupported_format``. pydicom reads the data
set; what it would inflate or believe without limit is checked here first.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.decode import jpeg
from ecgbatch.imaging.decode.content import (
    Content,
    Document,
    Scale,
    check_not_blank,
    check_size,
    trusted_dpi,
)
from ecgbatch.imaging.decode.samples import split_alpha, to_eight_bits
from ecgbatch.types import ByteArray, FloatArray, Page

_DEFLATED = "1.2.840.10008.1.2.1.99"  # Deflated Explicit VR Little Endian (PS3.5, A.5)
_JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_META_AT = 132  # after preamble and "DICM"
_INFLATED_PER_PIXEL = 4  # a colour page, and as much again for everything else

# What pydicom and the plug-ins behind it raise on damaged data sets.
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def open_dicom(
    data: bytes, *, max_pixels: int, max_pages: int, render_dpi: float, assumed: Scale
) -> Document:
    """Open a DICOM file by what its data set holds.

    Args:
        data: The whole file.
        max_pixels: Largest frame.
        max_pages: Most frames.
        render_dpi: Of an encapsulated PDF's renderings.
        assumed: Speed and gain of drawn leads in it where the page says neither.

    Raises:
        PageError: ``not_dicom``, ``corrupt_dicom``, ``too_large``, ``too_many_pages`` or
            ``unsupported_format``.
    """
    try:
        import pydicom
    except ImportError as error:
        raise PageError(Reason.UNSUPPORTED_FORMAT) from error
    with _damage_is(Reason.NOT_DICOM):
        if _DEFLATED.encode() in data[_META_AT : _META_AT + 1024]:
            dataset = pydicom.dcmread(io.BytesIO(_inflated(data, max_pixels)), force=True)
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        else:
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            if "TransferSyntaxUID" not in dataset.file_meta:
                dataset.file_meta.TransferSyntaxUID = _read_as(dataset)
    with _damage_is(Reason.CORRUPT_DICOM):
        if "WaveformSequence" in dataset:
            from ecgbatch.imaging.decode.dicom_waveform import WaveformDocument

            return WaveformDocument(dataset)
        if "EncapsulatedDocument" in dataset:
            return _EncapsulatedPdf(
                bytes(dataset.EncapsulatedDocument),
                max_pixels=max_pixels,
                max_pages=max_pages,
                render_dpi=render_dpi,
                assumed=assumed,
            )
        if "PixelData" in dataset:
            return _Frames(dataset, max_pixels=max_pixels, max_pages=max_pages)
    known = "SOPClassUID" in dataset
    raise PageError(Reason.UNSUPPORTED_FORMAT if known else Reason.NOT_DICOM)


def _read_as(dataset: Any) -> str:
    """Return the transfer syntax in which pydicom could read a data set that names none."""
    from pydicom import uid

    implicit, little_endian = dataset.original_encoding
    if implicit:
        return str(uid.ImplicitVRLittleEndian)
    return str(uid.ExplicitVRLittleEndian if little_endian else uid.ExplicitVRBigEndian)


@contextmanager
def _damage_is(reason: Reason) -> Iterator[None]:
    """Turn what pydicom raises into a page error; its messages quote what it read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except _DAMAGE as error:
        raise PageError(reason) from error


def _inflated(data: bytes, max_pixels: int) -> bytes:
    """Inflate a deflated data set, to a limit: 300 kB of it can hold 300 MB."""
    group, element, kind, _, length = struct.unpack_from("<HH2sHI", data, _META_AT)
    if (group, element, kind) != (2, 0, b"UL"):
        raise PageError(Reason.NOT_DICOM)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    limit = _INFLATED_PER_PIXEL * max_pixels
    try:
        dataset = inflater.decompress(data[_META_AT + 12 + length :], limit)
    except zlib.error as error:
        raise PageError(Reason.CORRUPT_DICOM) from error
    if inflater.unconsumed_tail:
        raise PageError(Reason.TOO_LARGE, max_bytes=limit)
    return dataset


class _EncapsulatedPdf:
    """A PDF in a DICOM envelope."""

    format = "dicom"

    def __init__(self, data: bytes, **options: Any) -> None:
        from ecgbatch.imaging.decode.pdf import PdfDocument

        if b"%PDF-" not in data[:1024]:  # CDA and STL come in the same envelope
            raise PageError(Reason.UNSUPPORTED_FORMAT)
        self._pdf = PdfDocument(data, **options)
        self.page_count = self._pdf.page_count

    def read(self, page_no: int) -> Content:
        """Read one page of the PDF."""
        return self._pdf.read(page_no)


class _Frames:
    """Captured pages: one frame is one page."""

    format = "dicom"

    def __init__(self, dataset: Any, *, max_pixels: int, max_pages: int) -> None:
        self._dataset = dataset
        self.page_count = int(dataset.get("NumberOfFrames") or 1)
        if self.page_count > max_pages:
            raise PageError(Reason.TOO_MANY_PAGES, pages=self.page_count, max_pages=max_pages)
        if self.page_count < 1:
            raise PageError(Reason.CORRUPT_DICOM, pages=self.page_count)
        check_size(
            int(dataset.Columns),
            int(dataset.Rows),
            max_pixels=max_pixels,
            damaged=Reason.CORRUPT_DICOM,
        )

    def read(self, page_no: int) -> Content:
        """Decode one frame."""
        with _damage_is(Reason.CORRUPT_DICOM):
            pixels = self._pixels(page_no - 1)
            spacing = _spacing_mm(self._dataset)
        check_not_blank(pixels)
        dpi_x, dpi_y, flags = trusted_dpi(25.4 / spacing[1], 25.4 / spacing[0])
        return Content(kind="raster", page=Page(pixels, dpi_x=dpi_x, dpi_y=dpi_y), flags=flags)

    def _pixels(self, index: int) -> ByteArray:
        dataset = self._dataset
        photometric = str(dataset.PhotometricInterpretation)
        if dataset.file_meta.get("TransferSyntaxUID") == _JPEG_BASELINE:
            from pydicom.encaps import get_frame

            frame = get_frame(dataset.PixelData, index, number_of_frames=self.page_count)
            return _inverted(_from_jpeg(frame, dataset, photometric), photometric)
        from pydicom.pixels import apply_color_lut, get_decoder, pixel_array

        if not get_decoder(dataset.file_meta.TransferSyntaxUID).is_available:
            raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT)
        samples = pixel_array(dataset, index=index)  # colour comes as RGB
        if photometric == "PALETTE COLOR":
            samples = apply_color_lut(samples, dataset)
            bits = 16 if samples.dtype == np.uint16 else 8
        else:
            bits = int(dataset.BitsStored)
        return _inverted(split_alpha(_to_eight_bits(samples, dataset, bits)), photometric)


def _from_jpeg(frame: bytes, dataset: Any, photometric: str) -> ByteArray:
    header = jpeg.read_header(frame)
    if (header.height_px, header.width_px) != (dataset.Rows, dataset.Columns):
        raise PageError(Reason.CORRUPT_DICOM, width_px=header.width_px, height_px=header.height_px)
    stated = frame.rstrip(b"\x00")  # items have an even length
    if header.components == 3:
        stated = jpeg.state_colours(stated, ycbcr=photometric.startswith("YBR"))
    return jpeg.decode_pixels(stated, components=header.components)


def _to_eight_bits(samples: Any, dataset: Any, bits: int) -> ByteArray:
    """Return samples of any depth as 0 to 255, through the window that the file asks for."""
    if samples.dtype == np.uint8 and bits == 8:
        return np.array(samples, dtype=np.uint8)
    if samples.dtype == np.uint16 and bits == 16 and "WindowCenter" not in dataset:
        return to_eight_bits(samples)
    low, high = _window(dataset, bits, signed=np.issubdtype(samples.dtype, np.signedinteger))
    grey: FloatArray = (samples.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _window(dataset: Any, bits: int, *, signed: bool) -> tuple[float, float]:
    """Return which values are shown black and white (PS3.3, C.11.2.1.2)."""
    centers, widths = dataset.get("WindowCenter"), dataset.get("WindowWidth")
    if centers is None or widths is None:
        low = -(2.0 ** (bits - 1)) if signed else 0.0
        return low, low + 2.0**bits - 1
    center = float(centers[0] if hasattr(centers, "__getitem__") else centers)
    width = max(float(widths[0] if hasattr(widths, "__getitem__") else widths), 2.0)
    slope = float(dataset.get("RescaleSlope") or 1)
    intercept = float(dataset.get("RescaleIntercept") or 0)
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return (low - intercept) / slope, (high - intercept) / slope


def _inverted(pixels: ByteArray, photometric: str) -> ByteArray:
    return pixels ^ np.uint8(255) if photometric == "MONOCHROME1" else pixels


def _spacing_mm(dataset: Any) -> tuple[float, float]:
    """Return the distance of rows and of columns on the scanned paper; NaN where unknown."""
    spacing = dataset.get("NominalScannedPixelSpacing") or dataset.get("PixelSpacing")
    if not spacing or float(spacing[0]) <= 0 or float(spacing[1]) <= 0:
        return math.nan, math.nan
    return float(spacing[0]), float(spacing[1])

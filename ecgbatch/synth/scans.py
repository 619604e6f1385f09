"""Pages as the files that archives hold: scans of every format, sheets that are no ECG, damage."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import wfdb
from PIL import Image

from ecgbatch.synth import pen
from ecgbatch.synth.pdf import PdfPage, write_pdf
from ecgbatch.synth.style import Style
from ecgbatch.synth.text import set_type
from ecgbatch.synth.truth import PageTruth
from ecgbatch.synth.vector import vector_page
from ecgbatch.types import ByteArray, DoubleArray

SHEET_DPI = 200.0
"""Of sheets that are no ECG."""

MULTI_PAGE = ("tiff_g4", "tiff_lzw", "tiff_jpeg", "pdf_scan")
"""Kinds of files that may have several pages."""

SPOILS = ("truncated", "zeroed", "scrambled", "empty", "html")
"""How files of an archive go bad."""

_HTML = b"<!DOCTYPE html><html><head><title>401</title></head><body>Please log in.</body></html>\n"


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """One page on its way into a file.

    Attributes:
        pixels: ``(row, column, 3)`` RGB uint8.
        dpi: Dots per inch, written into the file.
        truth: Of a page that holds an ECG.
        style: It was drawn with; None for sheets that are no ECG.
    """

    pixels: ByteArray
    dpi: float
    truth: PageTruth | None = None
    style: Style | None = None


def cover_sheet(*, batch: int = 7, pages: int = 2, box: int = 14) -> Sheet:
    """Return the transmittal sheet of a batch, with a bar code."""
    pixels = _paper()
    top = 300
    for line in (
        "ARCHIVE TRANSMITTAL SHEET",
        f"Batch {batch:04d}    Pages {pages}    Box {box}",
        "Hospital of Nowhere, Department of Invented Cardiology",
        "Scanned for testing. No person is behind any of these pages.",
    ):
        [word] = set_type(((line, 28.0),), face="sans_bold")
        pen.apply(pixels, word.at(220, top), rgb=(0, 0, 0))
        top += 110
    bars = np.random.default_rng(batch).integers(2, 8, 60)
    edges = 220 + np.cumsum(bars * 3)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        pen.apply(pixels, pen.rectangle(left - 0.5, top, right - 0.5, top + 180), rgb=(0, 0, 0))
    return Sheet(pixels, SHEET_DPI)


def blank_sheet(*, seed: int = 8) -> Sheet:
    """Return the back of a sheet: white, with a little dust."""
    pixels = _paper()
    rng = np.random.default_rng(seed)
    pixels[rng.integers(0, pixels.shape[0], 25), rng.integers(0, pixels.shape[1], 25)] = 0
    return Sheet(pixels, SHEET_DPI)


def _paper() -> ByteArray:
    return np.full((1700, 2200, 3), 255, np.uint8)


def scan_file(
    kind: str, sheets: Sequence[Sheet], *, jpeg_quality: int, smallest: bool = False
) -> bytes:
    """Return pages as one file.

    Args:
        kind: ``jpeg``, ``png``, ``tiff_g4``, ``tiff_lzw``, ``tiff_jpeg``, ``pdf_scan`` or
            ``pdf_vector``.
        sheets: The pages; those of ``MULTI_PAGE`` take several.
        jpeg_quality: Wherever JPEG is used, 1 to 95.
        smallest: Whether a PNG may take seconds to become some per cent smaller.

    Raises:
        ConfigError: A page has no vector form; see ``vector_page``.
    """
    first, *rest = sheets
    if kind == "pdf_vector":
        assert first.truth is not None
        assert first.style is not None
        return write_pdf([vector_page(first.truth, first.style)])
    if kind == "pdf_scan":
        return write_pdf([_pdf_scan(sheet, jpeg_quality) for sheet in sheets])
    if kind == "jpeg":
        return _jpeg(first, jpeg_quality)
    buffer = io.BytesIO()
    dpi = (first.dpi, first.dpi)
    if kind == "png":
        Image.fromarray(first.pixels).save(buffer, "PNG", optimize=smallest, dpi=dpi)
        return buffer.getvalue()
    mode, compression = {
        "tiff_g4": ("1", "group4"),
        "tiff_lzw": ("L", "tiff_lzw"),
        "tiff_jpeg": ("RGB", "jpeg"),
    }[kind]
    _picture(first, mode).save(
        buffer,
        "TIFF",
        compression=compression,
        **({"quality": jpeg_quality} if compression == "jpeg" else {}),
        save_all=True,
        append_images=[_picture(sheet, mode) for sheet in rest],
        dpi=dpi,
    )
    return buffer.getvalue()


def _picture(sheet: Sheet, mode: str) -> Image.Image:
    picture = Image.fromarray(sheet.pixels)
    return picture.convert(mode, dither=Image.Dither.NONE) if mode != "RGB" else picture


def _jpeg(sheet: Sheet, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(sheet.pixels)
    picture.save(buffer, "JPEG", quality=quality, optimize=True, dpi=(sheet.dpi, sheet.dpi))
    return buffer.getvalue()


def _pdf_scan(sheet: Sheet, quality: int) -> PdfPage:
    height_px, width_px = sheet.pixels.shape[:2]
    width, height = (size * 72 / sheet.dpi for size in (width_px, height_px))
    content = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Scan Do Q\n".encode()
    return PdfPage(width, height, content, _jpeg(sheet, quality), (width_px, height_px))


def spoiled(data: bytes, how: str) -> bytes:
    """Return what is left of a file.

    Args:
        data: All of it.
        how: One of ``SPOILS``: cut at 60 %, zeros from there on, 40 wrong bytes in the middle,
            nothing, or a page of a web server in its place.
    """
    keep = 6 * len(data) // 10
    if how == "truncated":
        return data[:keep]
    if how == "zeroed":
        return data[:keep] + bytes(len(data) - keep)
    if how == "scrambled":
        middle = len(data) // 2
        return data[:middle] + bytes(range(200, 240)) + data[middle + 40 :]
    return {"empty": b"", "html": _HTML}[how]


def record_files(
    name: str, leads_uv: Mapping[str, DoubleArray], *, fs_hz: float
) -> dict[str, bytes]:
    """Return a WFDB record in format 16 as its two files, by name.

    Args:
        name: Of the record.
        leads_uv: ``(sample,)`` by lead, in their order; to half a microvolt. NaN is missing.
        fs_hz: Samples per second.
    """
    values = np.rint(2 * np.stack(list(leads_uv.values()), axis=1))
    # -32768 is the format's own value for a missing sample.
    digital = np.where(np.isnan(values), -32768, np.clip(values, -32767, 32767)).astype(np.int64)
    count = len(leads_uv)
    with tempfile.TemporaryDirectory(prefix="ecgbatch-wfdb-") as folder:
        wfdb.wrsamp(
            name,
            fs=fs_hz,
            units=["mV"] * count,
            sig_name=list(leads_uv),
            d_signal=digital,
            fmt=["16"] * count,
            adc_gain=[2000.0] * count,
            baseline=[0] * count,
            write_dir=folder,
        )
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}

"""PDF, page by page: the image it holds, the lines it draws, or a rendering of it.

Links, scripts, actions and attachments are never looked at: no form environment is made, and
PDFium has no network. PDFium is not thread-safe, which is one more reason for ``sandbox``.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as c

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode import pdf_image
from ecgbatch.imaging.decode.content import (
    Content,
    Scale,
    check_not_blank,
    check_size,
    trusted_dpi,
)
from ecgbatch.imaging.decode.pdf_page import (
    PageObject,
    TooManyObjectsError,
    displayed,
    objects,
)
from ecgbatch.imaging.decode.pdf_paths import read_drawing
from ecgbatch.imaging.decode.pdf_text import Word, printed_scale, read_words
from ecgbatch.imaging.decode.pdf_vector import read_leads
from ecgbatch.types import Page

_SUBSTITUTE_PT = (612.0, 792.0)  # what PDFium answers for a page box it cannot use
_MAX_RENDER_DPI = 600.0


class PdfDocument:
    """A PDF file.

    Args:
        data: The whole file.
        max_pixels: Largest image or rendering.
        max_pages: Most pages.
        render_dpi: Resolution of renderings.
        assumed: Speed and gain of drawn leads where the page says neither.

    Raises:
        PageError: ``encrypted``, ``corrupt_pdf`` or ``too_many_pages``.
    """

    format = "pdf"

    def __init__(
        self, data: bytes, *, max_pixels: int, max_pages: int, render_dpi: float, assumed: Scale
    ) -> None:
        self._data = data
        self._max_pixels = max_pixels
        self._render_dpi = render_dpi
        self._assumed = assumed
        try:
            self._document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            locked = getattr(error, "err_code", None) in {c.FPDF_ERR_PASSWORD, c.FPDF_ERR_SECURITY}
            raise PageError(Reason.ENCRYPTED if locked else Reason.CORRUPT_PDF) from error
        self.page_count = self._count(max_pages)
        self._plain = pdf_image.is_plain(data)

    def _count(self, max_pages: int) -> int:
        """Return how many pages there are; what the file claims may be far from it."""
        claimed = len(self._document)
        if claimed > max_pages:
            if self._exists(max_pages):
                raise PageError(Reason.TOO_MANY_PAGES, pages=claimed, max_pages=max_pages)
            claimed = max_pages
        if claimed < 1:
            raise PageError(Reason.CORRUPT_PDF, pages=claimed)
        last = claimed
        while last > 0 and not self._exists(last - 1):
            last -= 1
        # One missing page at the end may be a damaged one and is said to be; a row of them is a
        # wrong count.
        return min(last + 1, claimed) if claimed - last == 1 or last == 0 else last

    def _exists(self, index: int) -> bool:
        size = c.FS_SIZEF()
        return bool(c.FPDF_GetPageSizeByIndexF(self._document, index, size))

    def read(self, page_no: int) -> Content:
        """Read the page's leads from its lines, or its pixels."""
        with self._page(page_no - 1) as page:
            return self._read(page)

    @contextmanager
    def _page(self, index: int) -> Iterator[Any]:
        try:
            page = self._document[index]
        except pypdfium2.PdfiumError as error:
            raise PageError(Reason.CORRUPT_PDF) from error
        try:
            yield page
        finally:
            page.close()

    def _read(self, page: Any) -> Content:
        width, height = page.get_size()
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise PageError(Reason.CORRUPT_PDF)
        flags = (Flag.PAGE_BOX_INVALID,) if _box_is_invalid(page, width, height) else ()
        scale = self._render_dpi / 72
        check_size(
            math.ceil(width * scale),
            math.ceil(height * scale),
            max_pixels=self._max_pixels,
            damaged=Reason.CORRUPT_PDF,
        )
        try:
            drawn = list(objects(page))
        except TooManyObjectsError:
            return self._render(page, self._render_dpi).flagged(*flags, Flag.LINES_NOT_READ)
        return self._by_content(page, drawn, (width, height)).flagged(*flags)

    def _by_content(
        self, page: Any, drawn: list[PageObject], size_pt: tuple[float, float]
    ) -> Content:
        kinds = {item.kind for item in drawn}
        has_annotations = c.FPDFPage_GetAnnotCount(page) > 0
        if not kinds and not has_annotations:
            raise PageError(Reason.BLANK_PAGE)
        if kinds == {c.FPDF_PAGEOBJ_TEXT} and not has_annotations:
            raise PageError(Reason.NOT_ECG, text_objects=len(drawn))
        to_display = displayed(_visible_box(page, size_pt), page.get_rotation() // 90)
        words = read_words(page, to_display)
        image = pdf_image.only_image(drawn, to_display=to_display, size_pt=size_pt)
        if image is not None:
            return self._from_image(page, image, words)
        if c.FPDF_PAGEOBJ_PATH not in kinds:
            return self._render(page, self._render_dpi, words)
        lines = (item for item in drawn if item.kind == c.FPDF_PAGEOBJ_PATH)
        drawing = read_drawing(lines, to_display)
        content = read_leads(drawing, words, size_pt=size_pt, assumed=self._assumed)
        if content is not None:
            return content
        rendered = self._render(page, self._render_dpi, words)
        return rendered.flagged(Flag.LINES_NOT_READ) if drawing.strokes else rendered

    def _from_image(self, page: Any, image: pdf_image.PlacedImage, words: list[Word]) -> Content:
        dpi = (image.dpi_x, image.dpi_y)
        if self._plain and image.orientation:
            found = pdf_image.extract(image, page, max_pixels=self._max_pixels)
            if found is not None:
                check_not_blank(found.pixels)
                dpi_x, dpi_y, flags = trusted_dpi(found.dpi_x, found.dpi_y)
                return Content(
                    kind="raster",
                    page=Page(found.pixels, dpi_x=dpi_x, dpi_y=dpi_y),
                    scale=printed_scale(words),
                    flags=flags,
                )
        check_size(
            image.width_px,
            image.height_px,
            max_pixels=self._max_pixels,
            damaged=Reason.CORRUPT_PDF,
        )
        return self._render(page, min(max(dpi), _MAX_RENDER_DPI), words)

    def _render(self, page: Any, dpi: float, words: list[Word] | None = None) -> Content:
        width, height = page.get_size()
        check_size(
            math.ceil(width * dpi / 72),
            math.ceil(height * dpi / 72),
            max_pixels=self._max_pixels,
            damaged=Reason.CORRUPT_PDF,
        )
        bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
        try:
            pixels = pdf_image.from_bitmap(bitmap)
        finally:
            bitmap.close()
        check_not_blank(pixels)
        return Content(
            kind="raster",
            page=Page(pixels, dpi_x=dpi, dpi_y=dpi),
            scale=printed_scale(words or []),
        )


def _box(getter: Any, page: Any) -> tuple[float, float, float, float] | None:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not getter(page, left, bottom, right, top):
        return None
    return left.value, bottom.value, right.value, top.value


def _box_is_invalid(page: Any, width: float, height: float) -> bool:
    """Whether the page names a box that PDFium had to replace."""
    box = _box(c.FPDFPage_GetMediaBox, page)
    if box is None or sorted((width, height)) != sorted(_SUBSTITUTE_PT):
        return False
    spans = sorted((abs(box[2] - box[0]), abs(box[3] - box[1])))
    return any(abs(span - known) > 1 for span, known in zip(spans, _SUBSTITUTE_PT, strict=True))


def _visible_box(page: Any, size_pt: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return the part of the page that is shown, in its own points."""
    width, height = size_pt if page.get_rotation() % 180 == 0 else size_pt[::-1]
    left, bottom, right, top = page.get_bbox()
    if abs(right - left - width) > 1 or abs(top - bottom - height) > 1:
        return 0.0, 0.0, width, height
    return left, bottom, right, top

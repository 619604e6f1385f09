"""The pixels of a page of the archive, for pictures."""

from __future__ import annotations

from contextlib import closing

from ecgbatch.config import ReadSettings
from ecgbatch.errors import PageError, Reason
from ecgbatch.imaging.sandbox import Limits, Sandbox
from ecgbatch.types import ByteArray


def source_pixels(data: bytes, page_no: int, *, settings: ReadSettings) -> ByteArray | None:
    """Decode one page as a conversion would; None for pages that hold samples or drawn lines.

    Raises:
        PageError: The file, or this page of it, cannot be read.
    """
    sandbox = Sandbox(
        formats=settings.formats,
        max_pixels=settings.max_pixels,
        max_pages=settings.max_pages,
        pdf_dpi=settings.pdf_dpi,
        limits=Limits(
            page_seconds=settings.page_seconds, memory_bytes=settings.decoder_memory_bytes
        ),
    )
    with closing(sandbox):
        for decoded in sandbox.pages(data):
            if decoded.page_no not in {0, page_no}:
                continue
            if isinstance(decoded.content, PageError):
                raise decoded.content
            page = decoded.content.page
            return None if page is None else page.pixels
    raise PageError(Reason.SOURCE_CHANGED, page_no=page_no)

"""From the bytes of a file to the content of its pages.

``open_document`` is the door; ``imaging.sandbox`` is the same door with a process behind it, for
bytes that nobody vouches for. Formats are told by their bytes, sizes are checked before memory is
taken, and a page that cannot be read leaves the others readable.
"""

from __future__ import annotations

from collections.abc import Collection

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode.content import Content, Document, Room, Scale, fresh
from ecgbatch.imaging.decode.sniff import EXTENSIONS, sniff

__all__ = ["EXTENSIONS", "Content", "Document", "Scale", "open_document"]


def open_document(
    data: bytes,
    *,
    formats: Collection[str],
    max_pixels: int,
    max_pages: int,
    pdf_dpi: float,
    assumed_speed_mm_per_s: float = 25.0,
    assumed_gain_mm_per_mv: float = 10.0,
    room: Room = fresh,
) -> tuple[Document, tuple[Flag, ...]]:
    """Open a file by what its bytes are.

    Args:
        data: The whole file.
        formats: Which of ``jpeg``, ``png``, ``tiff``, ``pdf`` and ``dicom`` may be opened.
        max_pixels: Largest page, in pixels.
        max_pages: Most pages in one file.
        pdf_dpi: Resolution at which PDF pages are rendered that hold neither one image nor
            readable lines.
        assumed_speed_mm_per_s: Of drawn leads where the page does not say it.
        assumed_gain_mm_per_mv: The same.
        room: Where decoders that can choose put a page; what one page left there, the next one
            overwrites.

    Returns:
        The document, and flags that hold for each of its pages.

    Raises:
        PageError: The file as a whole cannot be read.
    """
    form, flags = sniff(data)
    if form not in formats:
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    # Each format brings libraries that the others do not need.
    if form == "jpeg":
        from ecgbatch.imaging.decode.jpeg import JpegDocument

        return JpegDocument(data, max_pixels=max_pixels, room=room), flags
    if form == "png":
        from ecgbatch.imaging.decode.png import PngDocument

        return PngDocument(data, max_pixels=max_pixels), flags
    if form == "tiff":
        from ecgbatch.imaging.decode.tiff import TiffDocument

        return TiffDocument(data, max_pixels=max_pixels, max_pages=max_pages), flags
    assumed = Scale(assumed_speed_mm_per_s, "assumed", assumed_gain_mm_per_mv, "assumed")
    if form == "pdf":
        from ecgbatch.imaging.decode.pdf import PdfDocument

        return (
            PdfDocument(
                data,
                max_pixels=max_pixels,
                max_pages=max_pages,
                render_dpi=pdf_dpi,
                assumed=assumed,
            ),
            flags,
        )
    from ecgbatch.imaging.decode.dicom import open_dicom

    document = open_dicom(
        data,
        max_pixels=max_pixels,
        max_pages=max_pages,
        render_dpi=pdf_dpi,
        assumed=assumed,
    )
    return document, flags

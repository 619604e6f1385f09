"""A small PDF writer: pages of drawing operators, the standard fonts, and JPEG pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

FACES = {
    "sans": ("Helvetica", 0.718),
    "sans_bold": ("Helvetica-Bold", 0.718),
    "serif": ("Times-Roman", 0.662),
    "serif_bold": ("Times-Bold", 0.676),
    "mono": ("Courier", 0.562),
    "sans_oblique": ("Helvetica-Oblique", 0.718),
    "sans_bold_oblique": ("Helvetica-BoldOblique", 0.718),
    "serif_italic": ("Times-Italic", 0.653),
    "serif_bold_italic": ("Times-BoldItalic", 0.669),
    "mono_bold": ("Courier-Bold", 0.562),
    "mono_oblique": ("Courier-Oblique", 0.562),
}
"""Lettering to one of the fonts that every PDF reader has, and the height of its capitals over
its size (Adobe's font metrics). They are also what carts and their archives print with."""

DOCUMENT_FACES = ("sans", "sans_bold", "serif", "serif_bold", "mono")
"""Those that every file declares."""

POINTS_PER_MM = 72 / 25.4


@dataclass(frozen=True, slots=True)
class Shape:
    """How a typeface is bent to a cart's taste, whatever the face.

    Attributes:
        width: Factor on the width of letters.
        slant_deg: Lean to the right.
        weight: Added to the strokes, as a share of the height of a capital.
        spacing: Added between letters, as a share of the height of a capital.
    """

    width: float = 1.0
    slant_deg: float = 0.0
    weight: float = 0.0
    spacing: float = 0.0


PLAIN = Shape()
"""The face as its designer made it."""


@dataclass(frozen=True, slots=True)
class PdfPage:
    """One page.

    Attributes:
        width_pt: Its width; a point is 1/72 inch.
        height_pt: Its height.
        content: Drawing operators; the origin is the lower left corner.
        jpeg: A picture that the content may draw as ``/Scan``.
        jpeg_size_px: Columns and rows of the picture.
    """

    width_pt: float
    height_pt: float
    content: bytes
    jpeg: bytes | None = None
    jpeg_size_px: tuple[int, int] = (0, 0)


def text_operators(
    text: str,
    *,
    x_pt: float,
    y_pt: float,
    capital_pt: float,
    face: str,
    shape: Shape = PLAIN,
) -> bytes:
    """Return the operators that write one line.

    Args:
        text: Characters of Latin-1; others become question marks.
        x_pt: Left end.
        y_pt: Line on which the letters stand, upwards.
        capital_pt: Height of a capital.
        face: A key of ``FACES``.
        shape: How the face is bent.
    """
    size = capital_pt / FACES[face][1]
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    place = f"{x_pt:.3f} {y_pt:.3f} Td"
    if shape != PLAIN:
        lean = math.tan(math.radians(shape.slant_deg))
        place = (
            f"{100 * shape.width:.2f} Tz {shape.spacing * capital_pt:.3f} Tc "
            f"1 0 {lean:.4f} 1 {x_pt:.3f} {y_pt:.3f} Tm"
        )
    if shape.weight > 0:  # letters are filled, and their outline is drawn as well
        place = f"2 Tr {shape.weight * capital_pt:.3f} w {place}"
    line = f"BT /{face} {size:.3f} Tf {place} ({escaped}) Tj ET\n"
    return line.encode("latin-1", errors="replace")


def write_pdf(pages: Sequence[PdfPage], *, faces: Sequence[str] = DOCUMENT_FACES) -> bytes:
    """Return a PDF file; the same pages give the same bytes.

    Args:
        pages: What is on them.
        faces: Keys of ``FACES`` that their content names.
    """
    # 1 is the catalog, 2 the page tree, 3 ... the fonts.
    fonts = " ".join(f"/{face} {number} 0 R" for number, face in enumerate(faces, start=3))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{FACES[face][0]} "
        "/Encoding /WinAnsiEncoding >>".encode()
        for face in faces
    ]
    kids = []
    for page in pages:
        resources = f"/Font << {fonts} >>"
        if page.jpeg is not None:
            width, height = page.jpeg_size_px
            objects.append(
                _stream(
                    f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
                    "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode",
                    page.jpeg,
                )
            )
            resources += f" /XObject << /Scan {len(objects)} 0 R >>"
        objects.append(_stream("", page.content))
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page.width_pt:.3f} "
            f"{page.height_pt:.3f}] /Contents {len(objects)} 0 R "
            f"/Resources << {resources} >> >>".encode()
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _assembled(objects)


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _assembled(objects: Sequence[bytes]) -> bytes:
    file = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    file += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(file)

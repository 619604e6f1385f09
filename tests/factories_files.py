"""Files as archives hold them, whole and broken, made in memory."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import imagecodecs
import numpy as np
import simplejpeg
import tifffile
from PIL import Image

NAME = "MUSTERMANN"  # stands in names, texts and tags of every file; must come out nowhere


def page(seed: int = 0, *, height: int = 240, width: int = 320) -> np.ndarray:
    """Return a small colour page: pink lines, a dark trace, a word."""
    pixels = np.full((height, width, 3), (255, 250, 250), np.uint8)
    pixels[::10] = (250, 180, 190)
    pixels[:, ::10] = (250, 180, 190)
    x = np.arange(10, width - 10)
    y = height / 2 + 30 * np.sin(x / 9 + seed) * np.exp(-(((x % 60) - 30) ** 2) / 90)
    trace = np.stack([x, y.round()], axis=1).astype(np.int32)
    cv2.polylines(pixels, [trace], isClosed=False, color=(20, 20, 20), thickness=2)
    cv2.putText(pixels, NAME, (12, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 60), 1)
    return pixels


def grey(seed: int = 0) -> np.ndarray:
    return cv2.cvtColor(page(seed), cv2.COLOR_RGB2GRAY)


def bilevel(seed: int = 0) -> np.ndarray:
    return (grey(seed) > 128).astype(np.uint8)


# ----------------------------------------------------------------------------------------- images


def jpeg(pixels: np.ndarray | None = None, *, exif: bytes = b"", quality: int = 90) -> bytes:
    """Return a baseline JPEG, with an EXIF block behind the JFIF header if one is given."""
    pixels = page() if pixels is None else pixels
    if pixels.ndim == 2:
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(pixels[:, :, None]), quality, "GRAY", "Gray"
        )
    else:
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality, "RGB", "444")
    if exif:
        body = b"Exif\x00\x00" + exif
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data


def exif(orientation: int, *, order: str = "<") -> bytes:
    """Return an EXIF block that holds one tag."""
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(order + "I", 8)
    tag = struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0)
    return head + struct.pack(order + "H", 1) + tag + bytes(4)


def pillow(pixels: np.ndarray, form: str, mode: str | None = None, **options: object) -> bytes:
    image = Image.fromarray(pixels)
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, form, **options)
    return out.getvalue()


def png(pixels: np.ndarray | None = None, **options: object) -> bytes:
    return pillow(page() if pixels is None else pixels, "PNG", **options)


def chunk(kind: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def png_of(width: int, height: int, stream: bytes, *, depth: int = 8, colour: int = 0) -> bytes:
    """Return a PNG of given size around any compressed stream."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", stream) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def adam7(pixels: np.ndarray) -> bytes:
    """Return an interlaced grey PNG (PNG specification, section 8.2)."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    rows = b""
    for top, left, down, across in (*passes, (1, 0, 2, 1)):
        for row in pixels[top::down, left::across]:
            rows += b"\x00" + row.tobytes()
    height, width = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff(pages: list[np.ndarray], *, big: bool = False, order: str = "<", **options) -> bytes:
    """Return a TIFF of any number of pages as tifffile writes it."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out, bigtiff=big, byteorder=order) as writer:
        for pixels in pages:
            writer.write(pixels, contiguous=False, description=NAME, **options)
    return out.getvalue()


def fax_tiff(pages: list[np.ndarray], **options: object) -> bytes:
    """Return a Group 4 TIFF; 1 in ``pages`` is white."""
    images = [Image.fromarray(pixels.astype(bool)) for pixels in pages]
    out = io.BytesIO()
    images[0].save(
        out, "TIFF", compression="group4", save_all=True, append_images=images[1:], **options
    )
    return out.getvalue()


def raw_tiff(tags: list[tuple[int, int, int, int]], body: bytes = b"", *, link: int = 0) -> bytes:
    """Return a little-endian TIFF of hand-written tags ``(tag, type, count, value)``.

    The first byte of ``body`` stands at offset 8, the directory behind it.
    """
    body += bytes(len(body) % 2)
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    at = 8 + len(body)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", link)
    return b"II*\x00" + struct.pack("<I", at) + body + directory


def grey_tags(width: int, height: int, length: int, *, compression: int = 1, photometric: int = 1):
    """Return the tags of an 8-bit grey page whose samples begin at offset 8."""
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression),
        (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height),
        (279, 4, 1, length),
    ]  # fmt: skip


def strips(data: bytes, page_index: int) -> list[tuple[int, int]]:
    """Return where a page's compressed samples stand, as offset and length."""
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        found = file.pages[page_index]
        return list(zip(found.dataoffsets, found.databytecounts, strict=True))


def damaged(data: bytes, start: int, length: int, *, seed: int = 0) -> bytes:
    """Return a copy with random bytes in one place."""
    noise = np.random.default_rng(seed).integers(0, 256, length, dtype=np.uint8).tobytes()
    return data[:start] + noise + data[start + length :]


def jpeg2000(pixels: np.ndarray) -> bytes:
    return imagecodecs.jpeg2k_encode(pixels)


# -------------------------------------------------------------------------------------------- PDF


def pdf(objects: list[bytes], *, trailer: bytes = b"") -> bytes:
    """Return a PDF of hand-written objects; the first is the catalogue."""
    out = b"%PDF-1.5\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\n" % (len(objects) + 1, trailer)
    return out + b"startxref\n%d\n%%%%EOF\n" % at


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), entries, content)


CATALOGUE = b"<</Type/Catalog/Pages 2 0 R>>"


def image_pdf(
    images: list[bytes], *, size_pt: tuple[float, float] = (115.2, 86.4), page_entries: bytes = b""
) -> bytes:
    """Return a PDF with one page per image object (see ``image_object``); 200 dpi by default."""
    kids, objects = [], []
    for index, image in enumerate(images):
        first = 3 + 3 * index
        kids.append(b"%d 0 R" % first)
        box = b"[0 0 %f %f]" % size_pt
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox%b/Contents %d 0 R%b"
            b"/Resources<</XObject<</I %d 0 R>>>>>>" % (box, first + 1, page_entries, first + 2),
            stream(b"q %f 0 0 %f 0 0 cm /I Do Q" % size_pt),
            image,
        ]
    pages = b"<</Type/Pages/Kids[%b]/Count %d>>" % (b" ".join(kids), len(images))
    return pdf([CATALOGUE, pages, *objects])


def image_object(
    data: bytes, width: int, height: int, coding: bytes, space: bytes = b"DeviceRGB"
) -> bytes:
    return stream(
        data,
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8"
        b"/ColorSpace/%b/Filter/%b" % (width, height, space, coding),
    )


def jpeg_object(pixels: np.ndarray) -> bytes:
    return image_object(jpeg(pixels), pixels.shape[1], pixels.shape[0], b"DCTDecode")


def deflate_object(pixels: np.ndarray) -> bytes:
    data = zlib.compress(np.ascontiguousarray(pixels).tobytes())
    return image_object(data, pixels.shape[1], pixels.shape[0], b"FlateDecode")


FONT = b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"


def content_pdf(
    contents: list[bytes], *, box: bytes = b"[0 0 612 792]", entries: bytes = b""
) -> bytes:
    """Return a PDF with one page per content stream; text uses the font /F."""
    kids, objects = [], []
    for index, content in enumerate(contents):
        first = 3 + 2 * index
        kids.append(b"%d 0 R" % first)
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox%b/Contents %d 0 R%b%b>>"
            % (box, first + 1, FONT, entries),
            stream(content),
        ]
    pages = b"<</Type/Pages/Kids[%b]/Count %d>>" % (b" ".join(kids), len(contents))
    return pdf([CATALOGUE, pages, *objects])


LETTER = b"BT /F 12 Tf 72 700 Td (Dear colleague, thank you for sending MUSTERMANN to us.) Tj ET"
"""A page of text and nothing else."""

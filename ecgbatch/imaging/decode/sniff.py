"""Which format some bytes are, by the bytes alone; a name can lie."""

from __future__ import annotations

import contextlib
import re
import struct
from xml.parsers import expat

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag

EXTENSIONS = {
    "jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "jfif": "jpeg",
    "png": "png", "tif": "tiff", "tiff": "tiff",
    "pdf": "pdf", "dcm": "dicom", "dicom": "dicom",
}  # fmt: skip
"""Which format a file's extension promises."""

_PDF_HEADER_BYTES = 1024  # where readers look for %PDF- (ISO 32000-1, annex H.3.4.1)
_DICOM_PREAMBLE_BYTES = 128  # PS3.10, section 7.1

_CONTAINERS = (
    b"\x1f\x8b",  # gzip
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",  # zstd
    b"!<arch>\n",
)
# Images and documents that somebody may well keep pages in, and that are not opened here: their
# decoders are slow, or have a record of holes (EPS, FITS, GD, PSD, ICNS, McIdas in Pillow).
_OTHER_FORMATS = (
    b"\xff\x4f\xff\x51",  # JPEG 2000 codestream
    b"\x00\x00\x00\x0cjP  ",
    b"\x00\x00\x00\x0cJXL ",
    b"\xff\x0a",  # JPEG XL codestream
    b"\x97JB2\r\n\x1a\n",
    b"GIF8",
    b"BM",
    b"8BPS",
    b"%!PS",
    b"\xc5\xd0\xd3\xc6",  # EPS with a DOS header
    b"SIMPLE  =",  # FITS
    b"icns",
    b"\x00\x00\x00\x00\x00\x00\x00\x04",  # McIdas area
    b"\x00\x00\x01\x00",  # ICO
    b"\x59\xa6\x6a\x95",  # Sun raster
    b"\x01\xda",  # SGI
    b"v/1\x01",  # OpenEXR
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # old Office documents
    b"{\\rtf",
    b"AT&TFORM",  # DjVu
)
_NETPBM = re.compile(rb"P[1-7][ \t\r\n]")
_GD = re.compile(rb"gd2\x00|\xff[\xff\xfe][\x00-\xff]{4}[\x00\x01]")

# The root elements of ECG files in XML: HL7 aECG, GE MUSE and CardioSoft, Philips Sierra,
# Mortara, Schiller.
_ECG_ROOTS = {
    "annotatedecg", "restingecg", "cardiologyxml", "restingecgdata", "ecg", "sapphire",
    "examdescript",
}  # fmt: skip
_XML_DEPTH = 256  # no ECG export nests deeper than about twenty


def sniff(data: bytes) -> tuple[str, tuple[Flag, ...]]:
    """Return the format of a file and what is odd about its beginning.

    Args:
        data: The whole file.

    Returns:
        ``jpeg``, ``png``, ``tiff``, ``pdf`` or ``dicom``; and flags.

    Raises:
        PageError: ``empty``, ``unsupported_container``, ``unsupported_format``, ``xml_forbidden``,
            ``too_large`` (XML nested without end) or ``not_an_image``.
    """
    if not data:
        raise PageError(Reason.EMPTY)
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg", _polyglot(data)
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "png", _polyglot(data)
    tiff = data[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}
    if data[_DICOM_PREAMBLE_BYTES : _DICOM_PREAMBLE_BYTES + 4] == b"DICM":
        # The preamble may hold a TIFF header, so that both kinds of reader open one file (PS3.10,
        # section 7.1); the data set is what its writer meant.
        return "dicom", (Flag.POLYGLOT,) if tiff else ()
    if tiff:
        return "tiff", _polyglot(data)
    if b"%PDF-" in data[:_PDF_HEADER_BYTES]:
        return "pdf", ()
    _refuse_known(data)
    if _begins_with_dicom_element(data):
        return "dicom", ()
    raise PageError(Reason.NOT_AN_IMAGE)


def _polyglot(data: bytes) -> tuple[Flag, ...]:
    """Flag an image that PDF readers would open as well. The first byte decides what it is."""
    return (Flag.POLYGLOT,) if b"%PDF-" in data[:_PDF_HEADER_BYTES] else ()


def _refuse_known(data: bytes) -> None:
    if data.startswith(_CONTAINERS) or data[257:262] == b"ustar":
        raise PageError(Reason.UNSUPPORTED_CONTAINER)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    if data[4:8] == b"ftyp":  # HEIC, AVIF, and films
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    if data.startswith(_OTHER_FORMATS) or _NETPBM.match(data):
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    if data[:6] == b"SCPECG" or data[16:22] == b"SCPECG":  # section 0 of SCP-ECG, EN 1064
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    if _GD.match(data):
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    if (
        data.startswith((b"\xff\xfe", b"\xfe\xff"))
        or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
    ):
        _refuse_xml(data)


def _refuse_xml(data: bytes) -> None:
    """Say why a text in angle brackets is refused. Nothing it names is ever opened or expanded."""
    depth = 0
    root = ""

    def enter(name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth, root
        root = root or name.rpartition(":")[2].lower()
        depth += 1
        if depth > _XML_DEPTH:
            raise PageError(Reason.TOO_LARGE, depth=depth)

    def leave(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def forbid(*_declaration: object) -> int:
        raise PageError(Reason.XML_FORBIDDEN)

    def doctype(_name: str, system: str | None, _public: str | None, subset: int) -> None:
        if (system or subset) and not data[:64].lstrip().lower().startswith(b"<!doctype html"):
            forbid()

    parser = expat.ParserCreate()
    parser.StartElementHandler = enter
    parser.EndElementHandler = leave
    parser.EntityDeclHandler = forbid
    parser.ExternalEntityRefHandler = forbid
    parser.StartDoctypeDeclHandler = doctype
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    with contextlib.suppress(expat.ExpatError):  # HTML, or broken: what was seen of it decides
        parser.Parse(data, True)
    if root in _ECG_ROOTS:
        raise PageError(Reason.UNSUPPORTED_FORMAT)
    raise PageError(Reason.NOT_AN_IMAGE)


_GROUPS = {0x0002, 0x0008}  # the first group of a data set without preamble
_VALUE_KINDS = {b"UL", b"OB", b"UI", b"CS", b"SH", b"AE", b"DA", b"TM", b"LO"}


def _begins_with_dicom_element(data: bytes) -> bool:
    """Whether the bytes begin as a DICOM data set that was written without preamble."""
    if len(data) < 16:
        return False
    for order in "<>":
        group, element, length = struct.unpack(order + "HHI", data[:8])
        if group not in _GROUPS or element > 0x1000:
            continue
        if data[4:6] in _VALUE_KINDS:
            return True
        if order == "<" and length <= 64 and length % 2 == 0:  # implicit VR, little endian only
            return True
    return False

"""A DICOM 12-lead ECG waveform file: PS3.3 A.34.3, explicit little endian, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np

from ecgbatch.types import LEADS, DoubleArray

_TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
_EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_ROOT = "2.25.20"  # a root from a UUID needs no registration; these numbers are not of any device
_LONG = {"OB", "OW", "SQ"}  # value representations whose length takes four bytes
# SCP-ECG numbers of the leads, as DICOM's context group 3001 has them.
_NUMBERS = {
    "I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64,
    "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8,
}  # fmt: skip
_UV_PER_UNIT = 0.5  # the augmented leads of whole microvolts are halves


def waveform_file(
    leads_uv: Mapping[str, DoubleArray], *, fs_hz: float, number: int, patient: str
) -> bytes:
    """Return a record as a DICOM file.

    Args:
        leads_uv: ``(sample,)`` by name; the twelve standard leads.
        fs_hz: Samples per second.
        number: Makes its identifiers differ from other files'.
        patient: An invented name.
    """
    samples = np.stack([leads_uv[lead] for lead in LEADS], axis=1) / _UV_PER_UNIT
    data = np.rint(samples).astype("<i2")
    group = b"".join(
        [
            _element(0x003A, 0x0004, "CS", "ORIGINAL"),
            _element(0x003A, 0x0005, "US", struct.pack("<H", data.shape[1])),
            _element(0x003A, 0x0010, "UL", struct.pack("<I", data.shape[0])),
            _element(0x003A, 0x001A, "DS", f"{fs_hz:g}"),
            _element(0x003A, 0x0020, "SH", "RHYTHM"),
            _sequence(0x003A, 0x0200, [_channel(lead) for lead in LEADS]),
            _element(0x5400, 0x1004, "US", struct.pack("<H", 16)),
            _element(0x5400, 0x1006, "CS", "SS"),
            _element(0x5400, 0x1010, "OW", data.tobytes()),
        ]
    )
    instance = f"{_ROOT}.{number}.3"
    body = b"".join(
        [
            _element(0x0008, 0x0016, "UI", _TWELVE_LEAD),
            _element(0x0008, 0x0018, "UI", instance),
            _element(0x0008, 0x0020, "DA", "20200101"),
            _element(0x0008, 0x0060, "CS", "ECG"),
            _element(0x0008, 0x0070, "LO", "INVENTED"),
            _element(0x0010, 0x0010, "PN", patient),
            _element(0x0010, 0x0020, "LO", f"TEST-{number:06d}"),
            _element(0x0020, 0x000D, "UI", f"{_ROOT}.{number}.1"),
            _element(0x0020, 0x000E, "UI", f"{_ROOT}.{number}.2"),
            _sequence(0x5400, 0x0100, [group]),
        ]
    )
    meta = b"".join(
        [
            _element(0x0002, 0x0001, "OB", b"\x00\x01"),
            _element(0x0002, 0x0002, "UI", _TWELVE_LEAD),
            _element(0x0002, 0x0003, "UI", instance),
            _element(0x0002, 0x0010, "UI", _EXPLICIT_LITTLE_ENDIAN),
            _element(0x0002, 0x0012, "UI", f"{_ROOT}.9"),
        ]
    )
    length = _element(0x0002, 0x0000, "UL", struct.pack("<I", len(meta)))
    return bytes(128) + b"DICM" + length + meta + body


def _channel(lead: str) -> bytes:
    source = b"".join(
        [
            _element(0x0008, 0x0100, "SH", f"5.6.3-9-{_NUMBERS[lead]}"),
            _element(0x0008, 0x0102, "SH", "SCPECG"),
            _element(0x0008, 0x0103, "SH", "1.3"),
            _element(0x0008, 0x0104, "LO", f"Lead {lead}"),
        ]
    )
    unit = b"".join(
        [
            _element(0x0008, 0x0100, "SH", "uV"),
            _element(0x0008, 0x0102, "SH", "UCUM"),
            _element(0x0008, 0x0103, "SH", "1.4"),
            _element(0x0008, 0x0104, "LO", "microvolt"),
        ]
    )
    return b"".join(
        [
            _sequence(0x003A, 0x0208, [source]),
            _element(0x003A, 0x0210, "DS", f"{_UV_PER_UNIT:g}"),
            _sequence(0x003A, 0x0211, [unit]),
            _element(0x003A, 0x0212, "DS", "1"),
            _element(0x003A, 0x0213, "DS", "0"),
            _element(0x003A, 0x0215, "DS", "0"),
            _element(0x003A, 0x021A, "US", struct.pack("<H", 16)),
        ]
    )


def _element(group: int, element: int, kind: str, value: str | bytes) -> bytes:
    """Return one data element; lengths are even."""
    data = value.encode("ascii") if isinstance(value, str) else value
    if len(data) % 2:
        data += b"\0" if kind in {"UI", "OB"} else b" "
    head = struct.pack("<HH2s", group, element, kind.encode())
    if kind in _LONG:
        return head + struct.pack("<HI", 0, len(data)) + data
    return head + struct.pack("<H", len(data)) + data


def _sequence(group: int, element: int, items: list[bytes]) -> bytes:
    framed = (struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
    return _element(group, element, "SQ", b"".join(framed))

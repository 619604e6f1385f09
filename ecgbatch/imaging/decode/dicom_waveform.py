"""12-lead waveforms of DICOM: samples that were never on paper (PS3.3, C.10.9)."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.decode.content import Content
from ecgbatch.types import EXTRA_LEADS, LEADS, DoubleArray, FloatArray, Lead

# Bits allocated and interpretation of a sample (C.10.9.1.5); mu-law and A-law are for sound.
_DTYPES = {
    (8, "SB"): "<i1",
    (8, "UB"): "<u1",
    (16, "SS"): "<i2",
    (16, "US"): "<u2",
    (32, "SL"): "<i4",
    (32, "UL"): "<u4",
}
_UV_PER_UNIT = {"uV": 1.0, "mV": 1e3, "V": 1e6, "nV": 1e-3}  # UCUM

# SCP-ECG lead numbers (EN 1064, table of lead identification), which DICOM took over twice: as
# "5.6.3-9-n" (scheme SCPECG) and as "2:n" (scheme MDC, ISO 11073-10101).
_BY_NUMBER = {
    1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF",
    3: "V1", 4: "V2", 5: "V3", 6: "V4", 7: "V5", 8: "V6",
    9: "V7", 66: "V8", 67: "V9", 11: "V3R", 12: "V4R", 13: "V5R", 14: "V6R",
}  # fmt: skip
_NUMBERED = re.compile(r"(?:5\.6\.3-9-|2:)(\d{1,3})")
_BY_NAME = {name.lower(): name for name in (*LEADS, *EXTRA_LEADS)}
_NAMED = re.compile(r"(?:mdc_ecg_lead_|lead |ecg lead )?([a-z0-9]+)(?: \(.*\))?", re.IGNORECASE)

_MAX_HZ = 100_000.0


class WaveformDocument:
    """A DICOM waveform file: one record, one page."""

    format = "dicom"
    page_count = 1

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def read(self, page_no: int) -> Content:
        """Return the leads of all groups that were recorded."""
        assert page_no == 1
        try:
            return _read(self._dataset)
        except (
            AttributeError,
            LookupError,
            TypeError,
            ValueError,
            ArithmeticError,
            struct.error,
        ) as error:
            raise PageError(Reason.CORRUPT_DICOM) from error


def _read(dataset: Any) -> Content:
    groups = list(dataset.WaveformSequence)
    recorded = [group for group in groups if not _is_derived(group)]
    flags = [Flag.DERIVED_LEFT_OUT] if recorded and len(recorded) < len(groups) else []
    leads: list[Lead] = []
    for group in recorded or groups:
        known = list(_leads(group))
        leads += known
        if len(known) < len(group.ChannelDefinitionSequence):
            flags.append(Flag.CHANNEL_LEFT_OUT)
    if not leads:
        raise PageError(Reason.NOT_ECG, groups=len(groups))
    content = Content(kind="digital", leads=tuple(leads), layout=f"{len(leads)}x1")
    return content.flagged(*flags)


def _is_derived(group: Any) -> bool:
    """Whether a group was computed, such as the median beat beside the rhythm."""
    label = str(group.get("MultiplexGroupLabel") or "").upper()
    originality = str(group.get("WaveformOriginality") or "").upper()
    return originality == "DERIVED" or "MEDIAN" in label or "AVERAGE" in label


def _leads(group: Any) -> Iterator[Lead]:
    """Yield the known leads of one multiplex group."""
    fs_hz = float(group.SamplingFrequency)
    if not 0 < fs_hz <= _MAX_HZ:
        raise PageError(Reason.CORRUPT_DICOM, fs_hz=fs_hz)
    offset_ms = float(group.get("MultiplexGroupTimeOffset") or 0)
    samples = _samples(group)
    for raw, channel in zip(samples.T, group.ChannelDefinitionSequence, strict=True):
        name = _lead_name(channel)
        if name is None:
            continue
        skew_ms = 1000 * (
            float(channel.get("ChannelTimeSkew") or 0)
            + float(channel.get("ChannelSampleSkew") or 0) / fs_hz
        )
        yield Lead(
            lead=name,
            role="strip",
            name_source="digital",
            t0_ms=offset_ms + skew_ms,
            fs_hz=fs_hz,
            native_fs_hz=fs_hz,
            signal_uv=_microvolts(raw, channel),
            overlap=0.0,
            quality=1.0,
        )


def _samples(group: Any) -> DoubleArray:
    """Return ``(sample, channel)`` as encoded, NaN where the file says that there is none."""
    channels = int(group.NumberOfWaveformChannels)
    count = int(group.NumberOfWaveformSamples)
    form = (int(group.WaveformBitsAllocated), str(group.WaveformSampleInterpretation))
    if form not in _DTYPES:
        raise PageError(Reason.UNSUPPORTED_PIXEL_FORMAT, bits=form[0])
    dtype = np.dtype(_DTYPES[form])
    if group.get_item("WaveformData") is None or channels < 1 or count < 1:
        raise PageError(Reason.CORRUPT_DICOM, channels=channels, samples=count)
    data = _encoded(group, dtype)
    if channels * count * dtype.itemsize > len(data):
        raise PageError(Reason.CORRUPT_DICOM, channels=channels, samples=count, bytes=len(data))
    raw = np.frombuffer(data, dtype=dtype, count=channels * count).reshape(count, channels)
    samples = raw.astype(np.float64)
    padding = group.get("WaveformPaddingValue")
    if isinstance(padding, bytes) and len(padding) >= dtype.itemsize:
        padding = np.frombuffer(padding, dtype=dtype, count=1)[0]
    if padding is not None and not isinstance(padding, bytes):
        samples[raw == int(padding)] = np.nan
    return samples


def _encoded(group: Any, dtype: np.dtype[Any]) -> bytes:
    """Return the waveform bytes in little-endian order; words of big-endian files are swapped."""
    data = group.WaveformData
    if not isinstance(data, bytes):
        raise PageError(Reason.CORRUPT_DICOM)
    if dtype.itemsize > 1 and getattr(group, "is_little_endian", True) is False:
        return np.frombuffer(data, dtype=dtype.newbyteorder(">")).astype(dtype).tobytes()
    return data


def _microvolts(raw: DoubleArray, channel: Any) -> FloatArray:
    """Return one channel in microvolts: encoded x sensitivity x correction + baseline.

    Raises:
        PageError: ``corrupt_dicom``; the channel has no sensitivity, or not one in volts.
    """
    units = _code(channel.get("ChannelSensitivityUnitsSequence"))
    sensitivity = channel.get("ChannelSensitivity")
    if sensitivity is None or units not in _UV_PER_UNIT:
        raise PageError(Reason.CORRUPT_DICOM)
    correction = channel.get("ChannelSensitivityCorrectionFactor")
    factor = float(sensitivity) * (1.0 if correction is None else float(correction))
    baseline = float(channel.get("ChannelBaseline") or 0)
    if not math.isfinite(factor) or factor == 0 or not math.isfinite(baseline):
        raise PageError(Reason.CORRUPT_DICOM)
    return ((raw * factor + baseline) * _UV_PER_UNIT[units]).astype(np.float32)


def _code(sequence: Sequence[Any] | None) -> str:
    return str(sequence[0].get("CodeValue") or "") if sequence else ""


def _lead_name(channel: Any) -> str | None:
    """Return which lead a channel is: by its code, by the code's meaning, or by its label."""
    source = channel.get("ChannelSourceSequence")
    numbered = _NUMBERED.fullmatch(_code(source))
    if numbered is not None:
        return _BY_NUMBER.get(int(numbered[1]))
    texts = [str(source[0].get("CodeMeaning") or "")] if source else []
    for text in (*texts, _code(source), str(channel.get("ChannelLabel") or "")):
        named = _NAMED.fullmatch(text.strip())
        if named is not None and named[1].lower() in _BY_NAME:
            return _BY_NAME[named[1].lower()]
    return None

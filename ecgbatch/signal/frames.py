"""The standard leads of a page on one clock of 100 Hz, in frames of ten seconds.

What a network sees is a frame: millivolts where something was printed and read, NaN elsewhere, each
sample at its true time, so that columns that were printed one after the other stay so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgbatch.signal.resample import resample
from ecgbatch.types import LEADS, FloatArray, Lead

FRAME_HZ = 100.0
FRAME_S = 10.0
FRAME_SAMPLES = int(FRAME_HZ * FRAME_S)
MOST_FRAMES = 6
"""Of one page; a longer one is seen at so many places, evenly apart."""


def frames_of(leads: Sequence[Lead]) -> FloatArray:
    """Lay the standard leads of a page out in frames.

    Where a lead was printed more than once at a time, its longest printing counts.

    Args:
        leads: Of one page, in µV, of any number, rate, start and length; NaN where nothing was
            printed or read.

    Returns:
        ``(frame, 12, FRAME_SAMPLES)`` float32 in millivolts, each lead around its median in the
        frame; NaN where nothing is known. No frame where nothing is known at all.
    """
    known = [lead for lead in leads if lead.lead in LEADS and _is_readable(lead)]
    if not known:
        return np.zeros((0, len(LEADS), FRAME_SAMPLES), np.float32)
    starts_s = [lead.t0_ms / 1000 for lead in known]
    begin_s = min(starts_s)
    stop_s = max(
        start + lead.signal_uv.size / lead.fs_hz
        for start, lead in zip(starts_s, known, strict=True)
    )
    frames = [_frame(known, start_s) for start_s in _starts_s(begin_s, stop_s)]
    return np.stack([frame for frame in frames if np.isfinite(frame).any()])


def _is_readable(lead: Lead) -> bool:
    times = np.isfinite([lead.t0_ms, lead.fs_hz]).all() and lead.fs_hz > 0
    return bool(times and np.isfinite(lead.signal_uv).any())


def _starts_s(begin_s: float, stop_s: float) -> list[float]:
    """Where frames begin: one after the other, or spread over what is too long for that."""
    count = max(1, int(np.floor((stop_s - begin_s) / FRAME_S + 0.5)))
    if count <= MOST_FRAMES:
        return [begin_s + number * FRAME_S for number in range(count)]
    return list(np.linspace(begin_s, stop_s - FRAME_S, MOST_FRAMES))


def _frame(leads: Sequence[Lead], start_s: float) -> FloatArray:
    frame = np.full((len(LEADS), FRAME_SAMPLES), np.nan, np.float32)
    # A frame of 10 s of a lead of an hour must not read the hour.
    for lead in sorted(leads, key=lambda each: -each.signal_uv.size):
        first_s = start_s - lead.t0_ms / 1000
        begin = max(0, int(np.floor((first_s - 1) * lead.fs_hz)))
        stop = int(np.ceil((first_s + FRAME_S + 1) * lead.fs_hz))
        part = lead.signal_uv[begin:stop]
        if not np.isfinite(part).any():
            continue
        values = resample(
            np.where(np.isfinite(part), part, np.nan).astype(np.float32),
            from_hz=lead.fs_hz,
            to_hz=FRAME_HZ,
            first_s=first_s - begin / lead.fs_hz,
            count=FRAME_SAMPLES,
        )
        row = frame[LEADS.index(lead.lead)]
        row[:] = np.where(np.isfinite(row), row, values / 1000)
    return centred(frame)


def centred(frame: FloatArray) -> FloatArray:
    """Return leads around their medians; NaN stay.

    Args:
        frame: ``(lead, sample)`` in any unit.
    """
    seen = np.isfinite(frame).any(axis=1)
    level = np.zeros((len(frame), 1), np.float32)
    level[seen, 0] = np.nanmedian(frame[seen], axis=1)
    return np.asarray(frame - level, np.float32)

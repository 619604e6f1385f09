"""What a page shows of a record: layouts as masks, and what printing and reading leave behind."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ecgbatch.signal.frames import FRAME_HZ
from ecgbatch.synth.layouts import Layout, layout, layout_names, lead_of
from ecgbatch.types import LEADS, FloatArray, Lead

REPORTED_LAYOUTS = ("3x4", "3x4+1R", "3x4+2R", "3x4+3R", "6x2", "6x2+1R", "12x1")
"""Over which stability is reported; ``12x1`` shows all there is of ten seconds."""

BoolArray = npt.NDArray[np.bool_]


def shown(layout: Layout, *, fs_hz: float, samples: int) -> BoolArray:
    """Return ``(12, sample)`` where a layout prints each standard lead.

    Args:
        layout: Columns of which go on after each other or show the same moment, as it says.
        fs_hz: Samples per second.
        samples: Of the record.
    """
    mask = np.zeros((len(LEADS), samples), np.bool_)
    for row in layout.rows:
        for column, printed in enumerate(row):
            if lead_of(printed) in LEADS:
                start = layout.starts_s(column)
                first, stop = (round(t * fs_hz) for t in (start, start + layout.column_s))
                mask[LEADS.index(lead_of(printed)), first:stop] = True
    for printed in layout.rhythm:
        if printed in LEADS:
            stop = round(layout.duration_s * fs_hz)
            mask[LEADS.index(printed), :stop] = True
    return mask


def leads_of(signal_mv: FloatArray, mask: BoolArray, *, fs_hz: float) -> list[Lead]:
    """Return what a mask shows of a record as leads: one for each stretch.

    Args:
        signal_mv: ``(12, sample)`` in millivolts.
        mask: The same shape.
        fs_hz: Samples per second.
    """
    leads = []
    for name, row, there in zip(LEADS, signal_mv, mask, strict=True):
        ends = np.flatnonzero(np.diff(there, prepend=False, append=False))
        for first, stop in zip(ends[::2], ends[1::2], strict=True):
            part = (1000 * row[first:stop]).astype(np.float32)
            leads.append(
                Lead(name, "strip", "digital", 1000 * first / fs_hz, fs_hz, fs_hz, part, 0.0, 1.0)
            )
    return leads


def read_back(
    signal_mv: FloatArray, rng: np.random.Generator, *, fs_hz: float, strength: float = 1.0
) -> FloatArray:
    """Return a record as a page gives it back: gains off by some per cent, pen and paper noise.

    Args:
        signal_mv: ``(12, sample)`` in millivolts.
        rng: All that it depends on.
        fs_hz: Samples per second.
        strength: 1 leaves about 8 uV of noise and 2 % of gain.
    """
    rows, samples = signal_mv.shape
    gain = np.exp(strength * (rng.normal(0, 0.015) + rng.normal(0, 0.01, (rows, 1))))
    noise = rng.normal(0, 0.008 * strength * rng.uniform(0.3, 1.5), (rows, samples))
    # Paper bends and lines of zero are read a little off: slow, and a lead of its own.
    knots = max(2, int(samples / fs_hz / 2.5))
    slow = rng.normal(0, 0.02 * strength, (rows, knots))
    place = np.linspace(0, knots - 1, samples)
    drift = np.stack([np.interp(place, np.arange(knots), row) for row in slow])
    return np.asarray(signal_mv * gain + noise + drift, np.float32)


def drawn_mask(rng: np.random.Generator, samples: int) -> BoolArray:
    """Draw what a page might show of ``(12, sample)``: half of them layouts that carts print."""
    kind = rng.random()
    if kind < 0.15:
        mask = np.ones((12, samples), np.bool_)
    elif kind < 0.75:
        mask = _usual_masks(samples)[int(rng.integers(len(REPORTED_LAYOUTS) - 1))].copy()
    elif kind < 0.85:
        name = str(rng.choice(layout_names()))
        mask = shown(layout(name), fs_hz=FRAME_HZ, samples=samples)
    else:
        mask = np.zeros((12, samples), np.bool_)
        for lead in mask:
            length = int(rng.uniform(0.2, 1.0) * samples)
            first = int(rng.integers(samples - length + 1))
            lead[first : first + length] = rng.random() < 0.7
    for _ in range(int(rng.integers(0, 4))):  # stains, creases, text on a trace
        first = int(rng.integers(samples))
        mask[int(rng.integers(12)), first : first + int(rng.integers(5, 80))] = False
    if not mask.any():
        mask[int(rng.integers(12))] = True
    return mask


@cache
def _usual_masks(samples: int) -> BoolArray:
    """Masks of all reported layouts but the one that shows everything."""
    names = REPORTED_LAYOUTS[:-1]
    return np.stack([shown(layout(name), fs_hz=FRAME_HZ, samples=samples) for name in names])

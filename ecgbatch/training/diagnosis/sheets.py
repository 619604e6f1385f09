"""Pages of labelled records, for members that see pages: traces alone, or printed and damaged.

Both give the same: a small upright page, and where its leads stand as a locator would say. Drawing
traces alone costs milliseconds, so that they are drawn anew for every step. Printing, damaging and
laying a page upright costs a second: such pages are made once, and kept in files that may be thrown
away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.synth.damage import drawn_profile, named_profile
from ecgbatch.synth.looks import Look
from ecgbatch.synth.paper import render
from ecgbatch.synth.traces import draw_traces
from ecgbatch.synth.truth import RegionTruth
from ecgbatch.training.looks import drawn_look
from ecgbatch.training.pages import rectified, tracked
from ecgbatch.types import LEADS, ByteArray, FloatArray, Region

SHEET_PX_PER_MM = 4.0
_DPI = (100.0, 130.0)
_DAMAGED_SHARE = 0.5
_JITTER = 0.3  # of the errors of measured grids that ``rectified`` makes for the locator
_TRIES = 50
_USUAL_SHARE = 0.5
_USUAL = ("3x4+1R", "3x4", "3x4+3R", "6x2", "6x2+1R", "12x1", "3x4+2R")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A small page with its leads.

    Attributes:
        pixels: ``(row, column)`` uint8 at ``SHEET_PX_PER_MM``, upright.
        regions: Where leads are printed, in its pixels.
        speed_mm_per_s: Of the paper.
        gain_mm_per_mv: Of the leads.
        record_id: Whose leads they are.
        layout: Its name.
        profile: What happened to the page; ``traces`` where only traces are drawn.
    """

    pixels: ByteArray
    regions: tuple[Region, ...]
    speed_mm_per_s: float
    gain_mm_per_mv: float
    record_id: int
    layout: str
    profile: str


def trace_sheet(
    signal_mv: FloatArray, rng: np.random.Generator, *, fs_hz: float, record_id: int
) -> Sheet:
    """Draw a record's traces alone, dark on white, in a layout as carts have them.

    Args:
        signal_mv: ``(12, sample)`` in millivolts.
        rng: Source of every choice.
        fs_hz: Samples per second.
        record_id: Of the record.
    """
    look = _look(rng, seconds=signal_mv.shape[1] / fs_hz)
    speed, gain = look.style.speed_mm_per_s, look.style.gain_mm_per_mv
    pixels, drawn = draw_traces(
        dict(zip(LEADS, signal_mv, strict=True)),
        fs_hz=fs_hz,
        layout=look.layout,
        style=look.style,
        px_per_mm=SHEET_PX_PER_MM,
        rng=rng,
    )
    half = 5 * SHEET_PX_PER_MM
    regions = [
        Region(
            slot.lead, slot.role, "read", left, slot.baseline_px - half, right + 1,
            slot.baseline_px + half, slot.baseline_px, 1000 * slot.page_time_s,
            slot.printed_name.startswith("-"),
        )
        for slot, left, right in drawn
    ]  # fmt: skip
    return Sheet(pixels, tuple(regions), speed, gain, record_id, look.layout.name, "traces")


def draw_sheet(
    signal_uv: npt.NDArray[np.int16] | FloatArray,
    rng: np.random.Generator,
    *,
    fs_hz: float,
    record_id: int,
    layouts: Sequence[str] | None = None,
    profile: str | None = None,
) -> Sheet:
    """Print a record, damage the page, and lay it upright.

    Args:
        signal_uv: ``(12, sample)`` in microvolts.
        rng: Source of every choice.
        fs_hz: Samples per second.
        record_id: Of the record.
        layouts: To choose from; None draws usual ones and, as often, any.
        profile: Of damage; None leaves half of the pages clean and draws one for the rest.
    """
    signals = dict(zip(LEADS, signal_uv.astype(np.float64), strict=True))
    for _ in range(_TRIES):
        look = _look(rng, seconds=signal_uv.shape[1] / fs_hz, layouts=layouts)
        name = profile or ("clean" if rng.random() >= _DAMAGED_SHARE else None)
        damage = drawn_profile(rng) if name is None else named_profile(name)
        seed = int(rng.integers(2**31))
        try:
            page = render(
                signals,
                fs_hz=fs_hz,
                layout=look.layout,
                style=look.style,
                dpi=float(rng.uniform(*_DPI)),
                seed=seed,
            )
        except ConfigError:  # an invented layout that the drawn paper does not hold
            continue
        drawn = tracked(page, profile=damage, seed=seed)
        upright = rectified(drawn, rng, px_per_mm=SHEET_PX_PER_MM, jitter=_JITTER)
        regions = [_region(each, fs_hz) for each in upright.truth.regions]
        return Sheet(
            upright.pixels,
            tuple(region for region in regions if region is not None),
            look.style.speed_mm_per_s,
            look.style.gain_mm_per_mv,
            record_id,
            look.layout.name,
            drawn.profile,
        )
    raise ConfigError(f"layouts: none of {layouts} fits on any paper")


def _look(
    rng: np.random.Generator, *, seconds: float, layouts: Sequence[str] | None = None
) -> Look:
    if layouts is None and rng.random() < _USUAL_SHARE:
        layouts = _USUAL
    while True:
        look = drawn_look(rng, layouts=layouts)
        gaps_s = look.style.column_gap_mm * look.layout.columns / look.style.speed_mm_per_s
        if set(look.layout.leads) <= set(LEADS) and look.layout.duration_s + gaps_s <= seconds:
            return look


def _region(truth: RegionTruth, fs_hz: float) -> Region | None:
    """Return a printed lead as a locator would have it; None where nothing of it is left."""
    there = np.flatnonzero(np.isfinite(truth.polyline_px).all(axis=1))
    if there.size < 2:
        return None
    first, last = truth.polyline_px[there[[0, -1]], 0]
    zero = float(np.interp((first + last) / 2, *truth.baseline_px.T))
    # Where the left part of a lead is torn off, what is left begins later.
    t0_ms = truth.t0_ms + 1000 * there[0] / fs_hz
    return Region(
        truth.lead, truth.role, "read", float(first), truth.box_px[1], float(last) + 1,
        truth.box_px[3], zero, t0_ms, truth.gain_mm_per_mv < 0,
    )  # fmt: skip

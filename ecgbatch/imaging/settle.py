"""What the geometry of ink and a network say of the same leads, settled stretch by stretch.

Geometry measures the edges of a line to a tenth of a pixel and does not know whose line it is; a
network knows that, also under stains and where traces cross, and is a little less exact. So every
lead is traced three times: from the page's ink, from that ink with the network's word on whose it
is, and from the ink that is the lead's own by the network alone. Where the three agree, nothing is
to be decided. Each stretch in which they do not goes to the one that is nearest to the network's
own heights, if it is nearer by far: on pages unlike those it was trained on a network errs more
often than ink does. What is hidden between ink and ink is taken from the network where it is sure;
at the ends of a lead nothing is, for it sees traces begin too early. ``benchmarks/reading.py``
measures what that gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.crossing import stretches
from ecgbatch.imaging.trace import Belief, trace_leads
from ecgbatch.types import ByteArray, DoubleArray, FloatArray, Region, Trace

BoolArray: TypeAlias = npt.NDArray[np.bool_]

_SURE = 0.5
_OWN_LEVEL = 90  # of 255; a pixel beside it belongs to the line, too
_ALIKE_MM = 0.1
_JOIN_MM = 0.2  # agreement that is shorter is chance
_GAP_MM = 1.5  # shorter gaps in certainty are doubt and not a lifted pen
_FREE_MM, _FREE_SPREADS = 0.15, 2.0  # what a candidate may be off without being wrong
_MOST_SPREAD_MM = 0.4
_MOST_MM = 2.0  # of disagreement: one wild step must not decide a stretch
_MISSING_MM = 1.0  # what a gap counts where the network sees a trace
_UNWANTED_MM = 0.125  # what ink counts where it sees none: alone it never takes ink away
_FIRST_MM = 0.25
"""By so much another candidate must be better than the page's ink. Leads that cross lose more than
half of their squared error from 1 mm to here (``benchmarks/overlap.py``); pages of other renderers,
on which a less trained network was wrong more often than ink, are alike within 0.2 dB."""
_MEAN_WITHIN_MM = 0.3
_MEAN_SPREAD_MM = 0.1  # heights are averaged where the network is exact, and not at peaks


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What a network says of one lead.

    Attributes:
        own: Which ink is the lead's.
        x0_px: Column of the page of its first height.
        step_px: Distance of its heights.
        y_px: ``(step,)`` rows of the page; NaN where the network gave no number.
        spread_px: ``(step,)`` how far they may be off.
        certainty: ``(step,)`` 0 to 1, that the lead has a trace there.
    """

    own: Belief
    x0_px: float
    step_px: float
    y_px: FloatArray
    spread_px: FloatArray
    certainty: FloatArray


def settle_leads(
    plain: Sequence[Trace],
    ink: ByteArray,
    told: Sequence[Told | None],
    *,
    px_per_mm: float,
) -> list[Trace]:
    """Settle traces of ink with what a network says.

    Args:
        plain: What ``trace_leads`` makes of the ink of traces alone.
        ink: ``(row, column)`` uint8, 0 paper to 255 ink, of traces alone: letters, and pulses above
            all, must never become signal.
        told: Of each lead; None where nothing was asked.
        px_per_mm: Scale of the page.

    Returns:
        One trace per lead, in their order.
    """
    regions = [trace.region for trace in plain]
    beliefs = [None if each is None else each.own for each in told]
    believed = trace_leads(ink, regions, px_per_mm=px_per_mm, beliefs=beliefs)
    return [
        first
        if each is None
        else _settled(first, second, _alone(ink, region, each, px_per_mm), each, px_per_mm)
        for region, first, second, each in zip(regions, plain, believed, told, strict=True)
    ]


def _alone(ink: ByteArray, region: Region, told: Told, px_per_mm: float) -> FloatArray:
    """Trace the ink that the network calls the lead's own; all other ink is taken away."""
    own = told.own
    mask = cv2.dilate((own.own > _OWN_LEVEL).view(np.uint8), np.ones((3, 3), np.uint8))
    rows = _inside(own.top_px, mask.shape[0], ink.shape[0])
    columns = _inside(own.left_px, mask.shape[1], ink.shape[1])
    part = (
        ink[rows, columns]
        * mask[
            rows.start - own.top_px : rows.stop - own.top_px,
            columns.start - own.left_px : columns.stop - own.left_px,
        ]
    )
    moved = replace(
        region,
        left_px=region.left_px - columns.start,
        right_px=region.right_px - columns.start,
        top_px=region.top_px - rows.start,
        bottom_px=region.bottom_px - rows.start,
        baseline_px=region.baseline_px - rows.start,
    )
    (trace,) = trace_leads(part, [moved], px_per_mm=px_per_mm)
    return np.asarray(trace.y_px + np.float32(rows.start))


def _inside(first: int, size: int, of: int) -> slice:
    start = min(max(first, 0), of)
    return slice(start, min(max(first + size, start), of))


def _settled(
    plain: Trace, believed: Trace, alone: FloatArray, told: Told, px_per_mm: float
) -> Trace:
    x_px = plain.x0_px + np.arange(plain.y_px.size) * plain.step_px
    places = told.x0_px + np.arange(told.y_px.size) * told.step_px
    expected = np.interp(x_px, places, told.y_px)
    spread = np.interp(x_px, places, told.spread_px) / px_per_mm
    certain = np.interp(x_px, places, np.nan_to_num(told.certainty)) > _SURE
    certain &= np.isfinite(expected)
    candidates = np.stack([plain.y_px, believed.y_px, alone]).astype(np.float64)
    y_px = choose(
        candidates / px_per_mm,
        expected / px_per_mm,
        spread,
        certain,
        steps_per_mm=px_per_mm / plain.step_px,
        window_mm=(told.own.top_px / px_per_mm, told.own.bottom_px / px_per_mm),
    )
    off = np.minimum(spread + np.abs(y_px - expected / px_per_mm), _MOST_MM)
    return replace(
        plain,
        y_px=np.asarray(y_px * px_per_mm, np.float32),
        doubt_mm=np.where(certain & np.isfinite(off), off, plain.doubt_mm).astype(np.float32),
    )


def choose(
    candidates_mm: DoubleArray,
    expected_mm: DoubleArray,
    spread_mm: DoubleArray,
    certain: BoolArray,
    *,
    steps_per_mm: float,
    window_mm: tuple[float, float] = (-np.inf, np.inf),
) -> DoubleArray:
    """Choose between readings of one lead, stretch by stretch.

    Args:
        candidates_mm: ``(candidate, step)`` heights; NaN where one has none. The first is taken
            where there is no reason against it.
        expected_mm: ``(step,)`` heights by the network.
        spread_mm: ``(step,)`` how far they may be off.
        certain: ``(step,)`` where the network sees a trace.
        steps_per_mm: How close steps stand.
        window_mm: Highest and lowest place that the network saw: where it sees no trace there may
            be one beyond.

    Returns:
        ``(step,)`` heights; NaN where neither a candidate nor the network has one.
    """
    known = np.isfinite(candidates_mm)
    high = np.where(known, candidates_mm, -np.inf).max(axis=0)
    low = np.where(known, candidates_mm, np.inf).min(axis=0)
    alike: BoolArray = np.asarray(known.all(axis=0))
    alike[alike] = (high - low)[alike] < _ALIKE_MM
    open_: BoolArray = ~alike
    for start, stop in stretches(alike):
        open_[start:stop] |= stop - start < _JOIN_MM * steps_per_mm
    inked = np.flatnonzero(known[0])
    if inked.size == 0:
        inked = np.flatnonzero(known.any(axis=0))
    if inked.size == 0:
        return np.full(certain.size, np.nan)
    inner = slice(int(inked[0]), int(inked[-1]) + 1)
    wrong = _disagreement(candidates_mm, expected_mm, spread_mm, certain, steps_per_mm)
    unseen = (candidates_mm < window_mm[0]) | (candidates_mm > window_mm[1])
    wrong[unseen & ~certain] = 0
    chosen = candidates_mm[0].copy()
    for start, stop in stretches(open_):
        costs = wrong[:, start:stop].mean(axis=1)
        costs[1:] += _FIRST_MM
        chosen[start:stop] = candidates_mm[int(np.argmin(costs)), start:stop]
    missing = certain & ~np.isfinite(chosen)
    chosen[missing] = expected_mm[missing]
    beyond = np.ones(certain.size, np.bool_)
    beyond[inner] = False
    chosen[beyond] = np.nan
    for candidate in candidates_mm[1:]:  # beyond the page's ink, ink that the network expects there
        found = beyond & certain & (np.abs(candidate - expected_mm) < _MEAN_WITHIN_MM)
        chosen[found] = candidate[found]
    exact = certain & (spread_mm < _MEAN_SPREAD_MM)
    exact[exact] = np.abs(chosen - expected_mm)[exact] < _MEAN_WITHIN_MM
    chosen[exact] = (chosen[exact] + expected_mm[exact]) / 2
    return np.asarray(chosen)


def _disagreement(
    candidates_mm: DoubleArray,
    expected_mm: DoubleArray,
    spread_mm: DoubleArray,
    certain: BoolArray,
    steps_per_mm: float,
) -> DoubleArray:
    """How far each candidate is from what the network says, step by step, in millimetres."""
    there = certain.copy()
    for start, stop in stretches(~certain):
        if start > 0 and stop < there.size:
            there[start:stop] = stop - start <= _GAP_MM * steps_per_mm
    known = np.isfinite(candidates_mm)
    free = _FREE_MM + _FREE_SPREADS * np.minimum(spread_mm, _MOST_SPREAD_MM)
    off = np.abs(np.where(known, candidates_mm, 0) - np.nan_to_num(expected_mm))
    off = np.clip(np.minimum(off, _MOST_MM) - free, 0, None)
    off = np.where(known, off, _MISSING_MM)
    return np.asarray(np.where(there, off, np.where(known, _UNWANTED_MM, 0.0)))

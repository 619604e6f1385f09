"""Traces of a page by geometry and network together, at the scale that the network knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from ecgbatch.imaging.settle import Told, settle_leads
from ecgbatch.imaging.trace import Belief, trace_leads
from ecgbatch.imaging.windows import Window, at_scale, cut_window, page_planes
from ecgbatch.types import ByteArray, FloatArray, Region, Trace

_BEYOND_MM = 4.0  # of the farthest peak: what stands there tells whose the peak is


class Reading(Protocol):
    """What a network says of one window, in the window's rows."""

    @property
    def ink(self) -> ByteArray:
        """``(row, column)``, 255 where the lead's own ink is certain."""
        ...

    @property
    def y_px(self) -> FloatArray:
        """``(step,)`` heights; steps stand evenly in the columns, the first half a step in."""
        ...

    @property
    def spread_px(self) -> FloatArray:
        """``(step,)`` how far they may be off."""
        ...

    @property
    def certainty(self) -> FloatArray:
        """``(step,)`` 0 to 1, that there is a trace."""
        ...


class TraceNetwork(Protocol):
    """What follows traces; see ``models.segmenter.TraceReader``."""

    px_per_mm: float
    height_px: int
    least_height_px: int
    align_px: int

    def read(
        self, planes: Sequence[ByteArray], baselines_px: Sequence[Sequence[float]]
    ) -> Sequence[Reading]:
        """Read windows."""
        ...


def trace_with(
    network: TraceNetwork,
    page: ByteArray,
    whole_ink: ByteArray,
    ink: ByteArray,
    regions: Sequence[Region],
    *,
    px_per_mm: float,
) -> list[Trace]:
    """Trace every lead; see ``settle.settle_leads``.

    Args:
        network: That follows traces.
        page: ``(row, column)`` uint8, upright and rectified.
        whole_ink: Its ink, 0 paper to 255.
        ink: Its ink of traces alone.
        regions: Where each lead is printed.
        px_per_mm: Scale of the page.

    Returns:
        One trace per region, in their order, in pixels of the page.

    Raises:
        PageError: The network's device gave out.
    """
    factor = network.px_per_mm / px_per_mm
    if factor != 1:
        page, whole_ink, ink = (at_scale(plane, factor) for plane in (page, whole_ink, ink))
    there = [_scaled(region, factor) for region in regions]
    planes = page_planes(page, whole_ink, px_per_mm=network.px_per_mm)
    plain = trace_leads(ink, there, px_per_mm=network.px_per_mm)
    windows = [
        cut_window(
            planes,
            number,
            there,
            px_per_mm=network.px_per_mm,
            height_px=_height_px(plain[number], network),
            align_px=network.align_px,
        )
        for number in range(len(there))
    ]
    readings = network.read(
        [window.planes for window in windows], [window.baselines_px for window in windows]
    )
    told = [_told(window, reading) for window, reading in zip(windows, readings, strict=True)]
    traces = settle_leads(plain, ink, told, px_per_mm=network.px_per_mm)
    return [
        replace(
            trace,
            region=region,
            x0_px=trace.x0_px / factor,
            step_px=trace.step_px / factor,
            y_px=trace.y_px / np.float32(factor),
        )
        for trace, region in zip(traces, regions, strict=True)
    ]


def _height_px(plain: Trace, network: TraceNetwork) -> int:
    """Return the height of a window that the ink of a lead fits into; less is quicker."""
    off = np.abs(plain.y_px - np.float32(plain.region.baseline_px))
    off = off[np.isfinite(off)]
    if not off.size:
        return network.height_px
    wanted = 2 * (float(off.max()) + _BEYOND_MM * network.px_per_mm)
    whole = math.ceil(wanted / network.align_px) * network.align_px
    return int(min(max(whole, network.least_height_px), network.height_px))


def _scaled(region: Region, factor: float) -> Region:
    sides = ("left_px", "top_px", "right_px", "bottom_px", "baseline_px")
    return replace(region, **{name: getattr(region, name) * factor for name in sides})


def _told(window: Window, reading: Reading) -> Told:
    step_px = window.planes.shape[2] / reading.y_px.size
    return Told(
        own=Belief(reading.ink, window.top_px, window.left_px),
        x0_px=window.left_px + (step_px - 1) / 2,
        step_px=step_px,
        y_px=reading.y_px + np.float32(window.top_px),
        spread_px=reading.spread_px,
        certainty=reading.certainty,
    )

"""Traces of a page by geometry and network together, at the scale that the network knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ecgbatch.imaging.doubt import pieces
from ecgbatch.imaging.settle import Told, settle_leads
from ecgbatch.imaging.trace import Belief, trace_leads
from ecgbatch.imaging.unclaimed import with_unclaimed
from ecgbatch.imaging.windows import Window, at_scale, cut_window, page_planes
from ecgbatch.types import ByteArray, FloatArray, Region, Trace

_BEYOND_MM = 4.0  # of the farthest peak: what stands there tells whose the peak is
_BESIDE_MM = 3.0  # of a doubt, or of a whole lead: what a trace does there tells what it does here
_APART_MM = 13.0  # pieces that stand closer are one; two windows of one lead must not overlap
_MOST_SHARE = 0.7  # of a lead that is asked about in pieces


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

    @property
    def finite(self) -> bool:
        """Whether all that it says are numbers."""
        ...


class TraceNetwork(Protocol):
    """What follows traces; see ``models.trace_reader.TraceReader``."""

    px_per_mm: float
    height_px: int
    least_height_px: int
    align_px: int

    def read(
        self, planes: Sequence[ByteArray], baselines_px: Sequence[Sequence[float]]
    ) -> Sequence[Reading]:
        """Read windows."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a network is to be asked about a page, everything at the scale that it knows.

    Attributes:
        plain: What the ink of traces alone tells of each lead.
        ink: ``(row, column)`` uint8 of traces alone.
        windows: Of each lead; none where ink leaves no question.
    """

    plain: tuple[Trace, ...]
    ink: ByteArray
    windows: tuple[tuple[Window, ...], ...]

    @property
    def planes(self) -> list[ByteArray]:
        """What ``TraceNetwork.read`` is given: of every window, lead by lead."""
        return [window.planes for windows in self.windows for window in windows]

    @property
    def baselines_px(self) -> list[tuple[float, ...]]:
        """The same."""
        return [window.baselines_px for windows in self.windows for window in windows]


def ask(
    network: TraceNetwork,
    page: ByteArray,
    whole_ink: ByteArray,
    ink: ByteArray,
    regions: Sequence[Region],
    *,
    px_per_mm: float,
) -> Question:
    """Trace every lead by its ink and cut windows where that leaves a question.

    Args:
        network: That is to be asked.
        page: ``(row, column)`` uint8, upright and rectified.
        whole_ink: Its ink, 0 paper to 255.
        ink: Its ink of traces alone.
        regions: Where each lead is printed.
        px_per_mm: Scale of the page.
    """
    factor = network.px_per_mm / px_per_mm
    if factor != 1:
        page, whole_ink, ink = (at_scale(plane, factor) for plane in (page, whole_ink, ink))
    there = [_scaled(region, factor) for region in regions]
    plain = trace_leads(ink, there, px_per_mm=network.px_per_mm)
    asked = [_asked(trace, network) for trace in plain]
    if not any(asked):
        return Question(tuple(plain), ink, tuple(() for _ in plain))
    planes = page_planes(page, whole_ink, px_per_mm=network.px_per_mm)
    windows = tuple(
        tuple(
            cut_window(
                planes,
                number,
                there,
                columns=columns,
                px_per_mm=network.px_per_mm,
                height_px=_height_px(plain[number], network),
                align_px=network.align_px,
            )
            for columns in parts
        )
        for number, parts in enumerate(asked)
    )
    return Question(tuple(plain), ink, windows)


def answer(
    question: Question,
    readings: Sequence[Reading],
    regions: Sequence[Region],
    network: TraceNetwork,
    *,
    px_per_mm: float,
) -> list[Trace]:
    """Settle the traces of a page with what a network says, and doubt what they leave aside.

    See ``settle.settle_leads`` and ``unclaimed.with_unclaimed``.

    Args:
        question: That it was asked.
        readings: Of its windows, in their order.
        regions: Where each lead is printed.
        network: That was asked.
        px_per_mm: Scale of the page.

    Returns:
        One trace per region, in their order, in pixels of the page.
    """
    left = iter(readings)
    told = [
        _told([(window, next(left)) for window in windows], _whole(trace.region, network))
        if windows
        else None
        for trace, windows in zip(question.plain, question.windows, strict=True)
    ]
    traces = list(question.plain)
    if readings:
        traces = settle_leads(traces, question.ink, told, px_per_mm=network.px_per_mm)
    traces = with_unclaimed(traces, question.ink, px_per_mm=network.px_per_mm)
    factor = network.px_per_mm / px_per_mm
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


def trace_with(
    network: TraceNetwork,
    page: ByteArray,
    whole_ink: ByteArray,
    ink: ByteArray,
    regions: Sequence[Region],
    *,
    px_per_mm: float,
) -> list[Trace]:
    """Trace every lead of one page; see ``ask`` and ``answer``.

    Raises:
        PageError: The network's device gave out.
    """
    question = ask(network, page, whole_ink, ink, regions, px_per_mm=px_per_mm)
    readings = network.read(question.planes, question.baselines_px)
    return answer(question, readings, regions, network, px_per_mm=px_per_mm)


def _asked(plain: Trace, network: TraceNetwork) -> list[tuple[int, int]]:
    """Return the columns of the page in which the network is asked about a lead."""
    beside = _BESIDE_MM * network.px_per_mm
    found = [
        (int(plain.x0_px) + start, int(plain.x0_px) + stop)
        for start, stop in pieces(
            plain.doubt_mm,
            per_px=1 / plain.step_px,
            beside_px=round(beside),
            apart_px=round(_APART_MM * network.px_per_mm),
        )
    ]
    whole = _whole(plain.region, network)
    if sum(stop - start for start, stop in found) > _MOST_SHARE * (whole[1] - whole[0]):
        return [whole]
    return found


def _whole(region: Region, network: TraceNetwork) -> tuple[int, int]:
    beside = _BESIDE_MM * network.px_per_mm
    return math.floor(region.left_px - beside), math.ceil(region.right_px + beside)


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


def _told(parts: Sequence[tuple[Window, Reading]], whole: tuple[int, int]) -> Told:
    """Put what was said of pieces of a lead together; between them nothing was said."""
    last = parts[-1][0]
    left = min(whole[0], parts[0][0].left_px)
    columns = max(whole[1], last.left_px + last.planes.shape[2]) - left
    per_px = parts[0][1].y_px.size // parts[0][0].planes.shape[2]
    own = np.full((last.planes.shape[1], columns), 255, np.uint8)
    y_px = np.full(columns * per_px, np.nan, np.float32)
    spread_px, certainty = np.zeros((2, y_px.size), np.float32)
    for window, reading in parts:
        start = window.left_px - left
        own[:, start : start + window.planes.shape[2]] = reading.ink
        steps = slice(start * per_px, start * per_px + reading.y_px.size)
        y_px[steps] = reading.y_px + np.float32(window.top_px)
        spread_px[steps], certainty[steps] = reading.spread_px, reading.certainty
    return Told(
        own=Belief(own, last.top_px, left),
        x0_px=left + (1 / per_px - 1) / 2,
        step_px=1 / per_px,
        y_px=y_px,
        spread_px=spread_px,
        certainty=certainty,
    )

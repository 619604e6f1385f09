"""From ink to the centre line of every lead on a page.

Runs of ink per column (``runs``), one of them per column for each lead (``path``), shared ink
parted (``crossing``), and the pen undone (``pen``). The pen's width is measured on the page itself:
a flat line is as thick as the pen, every other stretch is thicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ecgbatch.imaging.crossing import BoolArray, Edges, part_ink, without_bars
from ecgbatch.imaging.doubt import beside_ink, doubtful_columns
from ecgbatch.imaging.path import find_path
from ecgbatch.imaging.pen import centre_line
from ecgbatch.imaging.runs import IndexArray, Links, Runs, find_runs, ink_level, link_runs
from ecgbatch.types import ByteArray, FloatArray, Region, Trace

_Kind = TypeVar("_Kind", bound=np.generic)

PER_COLUMN = 4
"""Samples per column: coarser steps lose 0.5 to 2 dB of ``benchmarks/trace.py``."""

_FLAT_PERCENT = 5.0  # thinnest share of the ink that counts as flat; at 25 peaks lose 1 % more
_HOLE_MM = 0.3  # about the width of a line
_DOUBT_MM = np.float32(1.0)
_APART = 5  # columns; no look at one reaches so far
_SLACK_PX = 0.5  # edges of runs this far apart still touch: a line one pixel wide may skip a corner


def trace_leads(
    ink: ByteArray,
    regions: Sequence[Region],
    *,
    px_per_mm: float,
    beliefs: Sequence[Belief | None] | None = None,
) -> list[Trace]:
    """Follow the ink of every lead.

    Args:
        ink: ``(row, column)`` uint8, 0 paper to 255 ink, edges left grey; without grid and text.
        regions: Where each lead is printed.
        px_per_mm: Scale of the page.
        beliefs: Of each lead, which ink is its own; None where nobody was asked, about all of
            them or about one.

    Returns:
        One trace per region, in their order; one without ink is all NaN.
    """
    if not regions:
        return []
    level = ink_level(ink)
    runs = find_runs(ink, level=level, join_px=_HOLE_MM * px_per_mm)
    links = link_runs(runs, slack_px=_SLACK_PX)
    width = ink.shape[1]
    spans = [_span(region, width) for region in regions]
    held = [
        None if each is None else _held(runs, each) for each in beliefs or [None] * len(regions)
    ]
    paths = _find_paths(runs, links, regions, spans, px_per_mm=px_per_mm, held=held)
    radius_px = _pen_radius(runs, [path for path, _ in paths])
    edges = part_ink(
        runs, paths, [left for left, _ in spans], radius_px=radius_px, px_per_mm=px_per_mm
    )
    edges = [without_bars(part, radius_px=radius_px, px_per_mm=px_per_mm) for part in edges]
    joined = _joined(edges)
    path = _behind_another([path for path, _ in paths], -1)
    heights = centre_line(
        joined.top_px, joined.bottom_px, radius_px=radius_px, per_column=PER_COLUMN
    )
    near = joined.shared | beside_ink(runs, path, close_px=2 * radius_px)
    doubt = doubtful_columns(runs, path, joined, radius_px=radius_px, px_per_mm=px_per_mm)
    near = np.repeat(near, PER_COLUMN)
    doubt_mm = np.repeat(_DOUBT_MM * doubt.astype(np.float32), PER_COLUMN)
    traces, first = [], 0
    for region, part in zip(regions, edges, strict=True):
        samples = slice(first * PER_COLUMN, (first + part.top_px.size - 1) * PER_COLUMN + 1)
        traces.append(
            Trace(
                region=region,
                x0_px=float(part.left),
                step_px=1 / PER_COLUMN,
                y_px=heights[samples],
                overlap=near[samples],
                doubt_mm=doubt_mm[samples],
            )
        )
        first += part.top_px.size + _APART
    return traces


def _joined(edges: Sequence[Edges]) -> Edges:
    """Put all leads behind one another: a page asks about them together, for half the time."""
    return Edges(
        left=0,
        top_px=_behind_another([part.top_px for part in edges], np.nan),
        bottom_px=_behind_another([part.bottom_px for part in edges], np.nan),
        shared=_behind_another([part.shared for part in edges], False),
    )


def _behind_another(parts: Sequence[npt.NDArray[_Kind]], nothing: float) -> npt.NDArray[_Kind]:
    """Join what leads have, column by column, with columns of ``nothing`` behind each."""
    gap = np.full(_APART, nothing, parts[0].dtype)
    return np.concatenate([piece for part in parts for piece in (part, gap)])


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """How likely the pixels of a window are a lead's own ink.

    Attributes:
        own: ``(row, column)`` uint8, 255 is certain.
        top_px: Row of the page at the top of the window.
        left_px: Column of the page at its left border.
    """

    own: ByteArray
    top_px: int
    left_px: int

    @property
    def bottom_px(self) -> int:
        """Row of the page below the window."""
        return self.top_px + int(self.own.shape[0])


def _held(runs: Runs, belief: Belief) -> FloatArray:
    """Say of every run how likely it holds ink of the lead; what the window does not show, may."""
    rows, columns = belief.own.shape
    held = np.ones(runs.column.size, np.float32)
    first = runs.first[np.clip(belief.left_px, 0, runs.first.size - 1)]
    stop = runs.first[np.clip(belief.left_px + columns, 0, runs.first.size - 1)]
    top = np.rint(runs.top_px[first:stop]).astype(np.intp) - belief.top_px
    bottom = np.rint(runs.bottom_px[first:stop]).astype(np.intp) - belief.top_px
    seen = np.flatnonzero((bottom >= 0) & (top < rows))
    top, bottom = np.clip(top[seen], 0, rows - 1), np.clip(bottom[seen], 0, rows - 1)
    column = runs.column[first:stop][seen] - belief.left_px
    # The highest belief between two rows, for all runs at once: one long row of columns.
    down = np.append(belief.own.T.ravel(), np.uint8(0))
    begin, end = column * rows + top, column * rows + bottom + 1
    highest = np.maximum.reduceat(down, np.column_stack([begin, end]).ravel())[::2]
    held[first + seen] = highest / np.float32(255)
    return held


def _find_paths(
    runs: Runs,
    links: Links,
    regions: Sequence[Region],
    spans: Sequence[tuple[int, int]],
    *,
    px_per_mm: float,
    held: Sequence[FloatArray | None],
) -> list[tuple[IndexArray, BoolArray]]:
    """A path per lead; where two want the same ink, the other one looks for ink of its own."""

    def find(number: int, taken: IndexArray | None) -> tuple[IndexArray, BoolArray]:
        region, (left, right) = regions[number], spans[number]
        return find_path(
            runs,
            links,
            left=left,
            right=right,
            top_px=region.top_px,
            bottom_px=region.bottom_px,
            baseline_px=region.baseline_px,
            px_per_mm=px_per_mm,
            taken=taken,
            belief=held[number],
        )

    paths = [find(number, None) for number in range(len(regions))]
    nearest = np.full(runs.column.size, np.inf)  # lead whose zero line is nearest, run by run
    uses = np.zeros(runs.column.size, np.intp)
    distances = []
    for region, (path, crossed) in zip(regions, paths, strict=True):
        own = path[(path >= 0) & ~crossed]
        distance = np.abs(runs.centre_px[own] - region.baseline_px)
        nearest[own] = np.fmin(nearest[own], distance)
        uses[own] += 1
        distances.append((own, distance))
    for number, (own, distance) in enumerate(distances):
        lost = own[(uses[own] > 1) & (distance > nearest[own])]
        if lost.size:
            paths[number] = find(number, np.unique(links.chain[lost]))
    return paths


def _span(region: Region, width: int) -> tuple[int, int]:
    """First column and one past the last, inside the page and at least one column wide."""
    left = min(max(round(region.left_px), 0), width - 1)
    return left, min(max(round(region.right_px), left + 1), width)


def _pen_radius(runs: Runs, paths: Sequence[IndexArray]) -> float:
    chosen = np.concatenate(paths)
    chosen = chosen[chosen >= 0]
    if chosen.size == 0:
        return 0.5
    thickness = runs.bottom_px[chosen] - runs.top_px[chosen]
    return max(float(np.percentile(thickness, _FLAT_PERCENT)) / 2, 0.25)

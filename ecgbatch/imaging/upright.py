"""One page from the scanner to upright paper at one scale: grid, colour, sides, warp, verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.colour import ink_weights
from ecgbatch.imaging.grid import PaperGrid, find_grid
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.marks import find_marks, find_uprights
from ecgbatch.imaging.orient import Orientation, find_orientation
from ecgbatch.imaging.pulse import find_pulses
from ecgbatch.imaging.ranks import levels_at, thinned
from ecgbatch.imaging.rectify import FlatPaper, PaperMap, plan_warp, rectify
from ecgbatch.imaging.reduced import ReducedPage, reduce_page
from ecgbatch.imaging.scale import has_usual_size, paper_px_per_mm
from ecgbatch.imaging.skew import find_skew
from ecgbatch.types import ByteArray, DoubleArray, Grid, Page, Warp

_SMALL_PX_PER_MM = 4.0
"""Scale at which sides are told: a line of a trace is one pixel wide, a letter ten pixels high."""
_SMALLEST_MM = 155.0
"""Longer side below which a page is rather a larger one misread: letter paper by half is 140 mm."""
_OTHER_LINES = 1.8
"""How far grid and tags may differ: prints are shrunk to fit a page, but not to half."""
_STRIP_MM = 15.0  # of traces: a strip of a second has more
_STILL_MM = 60.0
"""Of straight lines with calibration pulses on them: a lead of two seconds and a half."""
_ASSUMED_LONG_MM = 280.0
"""Longer side of A4 and letter without their borders."""


@dataclass(frozen=True, slots=True, eq=False)
class UprightPage:
    """A page as it lies on the table of whoever reads it.

    Attributes:
        pixels: ``(row, column)`` uint8 at the scale that was asked for.
        warp: Where each of its places lies on the source.
        grid: The printed grid, on the axes of the upright page.
        flags: What is to be known.
    """

    pixels: ByteArray
    warp: Warp
    grid: Grid
    flags: tuple[Flag, ...]


def stand_upright(page: Page, *, px_per_mm: float) -> UprightPage:
    """Rectify one page.

    Args:
        page: Decoded pixels and what the file says of their scale.
        px_per_mm: Scale of the page that is made.

    Raises:
        PageError: ``BLANK_PAGE`` where there is nothing; ``NOT_ECG`` where there is no trace, or
            none that beats and no grid below it;
            ``NO_GRID`` where neither grid nor file tell the scale and no usual one fits.
    """
    pixels = page.pixels
    shape_px = (pixels.shape[0], pixels.shape[1])
    reduced = reduce_page(pixels)
    _require_contrast(reduced.pixels)
    flags: list[Flag] = []
    found = find_grid(reduced, dpi_x=page.dpi_x, dpi_y=page.dpi_y)
    paper, source = _paper(found, page, reduced)
    if found is None:
        flags.append(Flag.GRID_ABSENT)
    if source == "assumed":
        flags.append(Flag.SCALE_ASSUMED)
    if not paper.is_flat:
        flags.append(Flag.CURVED)
    weights = _weights(reduced.pixels, found)
    small = _small_ink(paper, reduced=reduced, weights=weights, shape_px=shape_px)
    sides = find_orientation(small, px_per_mm=_SMALL_PX_PER_MM)
    if found is not None and len(found.units) > 1 and not _usual_pulses(small, sides):
        ink_of = partial(_small_ink, reduced=reduced, weights=weights, shape_px=shape_px)
        told = _by_pulses(found, ink_of)
        if told is not None:
            paper, sides = told
            flags.append(Flag.SCALE_DOUBTFUL)
    flags += _doubts(sides, grid_seen=found is not None)
    turns = sides.quarter_turns
    warp = plan_warp(paper, shape_px=shape_px, px_per_mm=px_per_mm, quarter_turns=turns)
    upright = rectify(pixels, warp, weights=weights)
    if isinstance(paper, FlatPaper) and source == "assumed":
        measured = _px_per_mm_of_pulses(upright, assumed_px_per_mm=px_per_mm)
        if measured is not None:
            paper, source = paper.scaled(measured / px_per_mm), "pulse"
            warp = plan_warp(paper, shape_px=shape_px, px_per_mm=px_per_mm, quarter_turns=turns)
            upright = rectify(pixels, warp, weights=weights)
    pitch = _pitch(paper, shape_px, turns)
    if source == "grid" and _is_doubtful(pitch, page) and Flag.SCALE_DOUBTFUL not in flags:
        flags.append(Flag.SCALE_DOUBTFUL)
    grid = Grid(
        px_per_mm_x=pitch[0],
        px_per_mm_y=pitch[1],
        source=source,
        confidence=0.0 if found is None else found.confidence,
    )
    return UprightPage(upright, warp, grid, tuple(flags))


def _small_ink(
    paper: PaperMap,
    *,
    reduced: ReducedPage,
    weights: DoubleArray | None,
    shape_px: tuple[int, int],
) -> ByteArray:
    """Return the ink of the page at the scale at which sides are told, not yet turned."""
    warp = plan_warp(paper, shape_px=shape_px, px_per_mm=_SMALL_PX_PER_MM)
    small = rectify(reduced.pixels, warp, weights=weights, reduced=reduced.factor)
    return find_ink(small, px_per_mm=_SMALL_PX_PER_MM)


def _by_pulses(
    found: PaperGrid, ink_of: Callable[[PaperMap], ByteArray]
) -> tuple[PaperMap, Orientation] | None:
    """Return the paper, and how it lies, in the unit in which most pulses have the usual size."""
    most, told = 0, None
    for unit in found.units[1:]:
        paper = found.lattice.counted(unit, np.zeros(2))
        ink = ink_of(paper)
        sides = find_orientation(ink, px_per_mm=_SMALL_PX_PER_MM)
        if (pulses := _usual_pulses(ink, sides)) > most:
            most, told = pulses, (paper, sides)
    return told


def _usual_pulses(ink: ByteArray, sides: Orientation) -> int:
    """Count the calibration pulses of the usual size on a small page.

    Lines whose distance is not certain are told by them: at half or a fifth of its scale no pulse
    is 10 mm high and 5 mm wide.
    """
    upright = np.ascontiguousarray(np.rot90(ink, sides.quarter_turns))
    marks = find_marks(upright, px_per_mm=_SMALL_PX_PER_MM)
    pulses = find_pulses(upright, marks, find_uprights(marks), px_per_mm=_SMALL_PX_PER_MM)
    return sum(map(has_usual_size, pulses))


def _require_contrast(pixels: ByteArray) -> None:
    low, high = levels_at(thinned(pixels, 4), (0.2, 90))
    if high - low < 20:  # less than the faintest pencil
        raise PageError(Reason.BLANK_PAGE, contrast=float(high - low))


def _doubts(sides: Orientation, *, grid_seen: bool) -> list[Flag]:
    """Return what is to be known of rows and of how they lie; raises as ``_beats`` does."""
    doubts = {
        Flag.FEW_BEATS: not _beats(sides, grid_seen=grid_seen),
        Flag.ORIENTATION_DOUBTFUL: sides.margin < 1.0,
        Flag.MIRRORED: sides.mirrored,
    }
    return [flag for flag, holds in doubts.items() if holds]


def _beats(sides: Orientation, *, grid_seen: bool) -> bool:
    """Say whether rows beat like a heart.

    Straight lines on a grid are the traces of a heart that stands still where calibration pulses
    stand on them; otherwise they may be those of a form. A trace on a grid may be a strip too
    short to tell, which looking at it tells (see ``stages.locate``).

    Raises:
        PageError: ``NOT_ECG``: nothing does, and no grid speaks for it.
    """
    if sides.beating or (grid_seen and sides.still_mm >= _STILL_MM):
        return True
    if grid_seen and sides.trace_mm >= _STRIP_MM:
        return False
    raise PageError(
        Reason.NOT_ECG, trace_mm=sides.trace_mm, beats=sides.beats, grid=float(grid_seen)
    )


def _px_per_mm_of_pulses(upright: ByteArray, *, assumed_px_per_mm: float) -> float | None:
    """Return the scale of an upright page by the pulses beside its traces, None without any."""
    ink = find_ink(upright, px_per_mm=assumed_px_per_mm)
    try:
        layout = find_regions(ink, px_per_mm=assumed_px_per_mm)
    except PageError:  # whoever locates the leads says why
        return None
    return paper_px_per_mm(layout.pulses, assumed_px_per_mm=assumed_px_per_mm)


def _paper(found: PaperGrid | None, page: Page, reduced: ReducedPage) -> tuple[PaperMap, str]:
    if found is not None:
        return found.lattice, "grid"
    if page.dpi_x > 0 and page.dpi_y > 0:
        scale, source = (page.dpi_x / 25.4, page.dpi_y / 25.4), "dpi"
    else:
        scale, source = (max(page.pixels.shape[:2]) / _ASSUMED_LONG_MM,) * 2, "assumed"
    x, y = (side / reduced.factor for side in scale)
    return FlatPaper(*scale, find_skew(reduced.pixels, px_per_mm=(x, y))), source


def _weights(pixels: ByteArray, found: PaperGrid | None) -> DoubleArray | None:
    if pixels.ndim == 2:
        return None
    return ink_weights(
        pixels,
        grid_rgb=None if found is None else found.colour_rgb,
        grid_contrast=0.0 if found is None else found.contrast,
    )


def _is_doubtful(pitch: tuple[float, float], page: Page) -> bool:
    """Say whether lines may have been taken for lines of another distance.

    Dots of a few pixels repeat at parts of their distance, too, and a page that is read with one
    of those is half as large as it was, or less.
    """
    px_per_mm = float(np.mean(pitch))
    if page.dpi_x > 0 and page.dpi_y > 0:
        ratio = px_per_mm * 25.4 / ((page.dpi_x + page.dpi_y) / 2)
        return not 1 / _OTHER_LINES < ratio < _OTHER_LINES
    return bool(max(page.pixels.shape[:2]) / px_per_mm < _SMALLEST_MM)


def _pitch(paper: PaperMap, shape_px: tuple[int, int], quarter_turns: int) -> tuple[float, float]:
    """Return pixels per millimetre along the upright page's axes, in its middle."""
    middle: DoubleArray = np.array([[shape_px[1] / 2, shape_px[0] / 2]])
    at_mm = paper.to_mm(middle)
    lengths = [
        float(np.hypot(*(paper.to_px(at_mm + step) - paper.to_px(at_mm - step))[0])) / 2
        for step in np.eye(2)
    ]
    return (lengths[1], lengths[0]) if quarter_turns % 2 else (lengths[0], lengths[1])

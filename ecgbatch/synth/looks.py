"""Pages whose look is drawn at random, as if each came from another cart.

Named styles show known looks; networks need every look between and around them. What is drawn here
spans what photographs and scans of real paper show: colours, widths, pitches, places and letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.faces import face_names
from ecgbatch.synth.layouts import Layout, layout
from ecgbatch.synth.plan import plan_page
from ecgbatch.synth.style import PAPERS_MM, Colour, Style
from ecgbatch.types import LEADS

_LAYOUTS = {
    "3x4+1R": 22, "3x4": 12, "3x4+3R": 7, "3x4+2R": 4, "3x4-simultaneous": 3,
    "6x2": 8, "6x2+1R": 8, "6x2-simultaneous": 3, "12x1": 9, "6x1": 3, "6x1-chest": 3,
    "3x1": 3, "3x1-monitor": 2, "4x3": 3, "4x3+1R": 3, "1x1": 2, "3x4-cabrera+1R": 3,
    "6x2-cabrera": 3, "6x2-cabrera+1R": 2, "12x1-cabrera": 2, "3x5": 1, "6x2-right": 1,
}  # fmt: skip
"""How often each layout is drawn: carts' defaults often, everything sometimes."""

_INKS: tuple[Colour, ...] = (
    (200, 40, 60), (225, 60, 90), (235, 110, 60), (205, 90, 40), (230, 80, 150), (150, 90, 70),
    (60, 150, 80), (60, 105, 190), (120, 80, 160), (90, 90, 90), (20, 20, 20),
)  # fmt: skip
"""Printing inks of grids at full strength: reds, oranges and pinks, then what is rarer."""
_INK_WEIGHTS = (18, 14, 10, 8, 12, 6, 7, 7, 3, 10, 5)

_DARK = 330
_LONGEST_S = 10.0
_TRIALS = 200
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Look:
    """What ``paper.render`` needs beside a record.

    Attributes:
        layout: Which lead stands where; no lead needs more than 10 s of record.
        style: How the page looks.
        dpi: Dots per inch.
    """

    layout: Layout
    style: Style
    dpi: float


def drawn_look(
    rng: np.random.Generator,
    *,
    layouts: Sequence[str] | None = None,
    fonts: Sequence[str] = (),
) -> Look:
    """Draw the look of a page that can be printed.

    Args:
        rng: Source of every choice.
        layouts: Names to choose from evenly; None takes every layout, the usual ones more often.
        fonts: Font files beside the faces that are always there; see ``faces.font_files``.

    Raises:
        ConfigError: An unknown layout, or none that fits any paper.
    """
    for _ in range(_TRIALS):
        name = _weighted(rng, _LAYOUTS) if layouts is None else _one(rng, tuple(layouts))
        speed = _weighted(rng, {25.0: 86, 50.0: 8, 12.5: 6})
        arranged = _arrangement(rng, name, speed)
        paper_mm = _paper(rng, arranged, speed)
        drawn = _style(rng, arranged, speed, paper_mm, (*face_names(), *fonts))
        try:
            plan_page(arranged, drawn, dpi=100.0, rng=np.random.default_rng(0))
        except ConfigError:  # the drawn paper is too small for the rest of what was drawn
            continue
        return Look(arranged, drawn, dpi=_dpi(rng))
    raise ConfigError(f"layouts: nothing of {layouts} fits any paper")


def _one(rng: np.random.Generator, options: Sequence[_T]) -> _T:
    return options[int(rng.integers(len(options)))]


def _weighted(rng: np.random.Generator, weights: dict[_T, int]) -> _T:
    share = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(share, rng.uniform(0, share[-1]), side="right"))]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)


def _dpi(rng: np.random.Generator) -> float:
    if rng.random() < 0.5:
        return float(_one(rng, (100, 150, 150, 200, 200, 200, 240, 300, 300, 400)))
    return round(float(np.exp(rng.uniform(np.log(100), np.log(320)))), 1)


def _arrangement(rng: np.random.Generator, name: str, speed_mm_per_s: float) -> Layout:
    """Return a layout with other rhythm leads and other times, as carts allow."""
    usual = layout(name)
    rhythm = usual.rhythm
    if rhythm and rng.random() < 0.35:
        rhythm = tuple(LEADS[i] for i in rng.permutation(len(LEADS))[: len(rhythm)])
    column_s = usual.column_s
    if speed_mm_per_s > 25:
        column_s = usual.column_s * _one(rng, (0.5, 0.5, 0.6, 1.0))
    elif rng.random() < 0.25:  # paper that is a little shorter or carts that print less
        column_s = usual.column_s * _between(rng, 0.7, 1.0)
    column_s = min(column_s, _LONGEST_S / usual.columns)
    times = usual.column_times
    if usual.columns > 1 and rng.random() < 0.1:
        times = "simultaneous"
    return layout(name, rhythm=rhythm, column_s=round(column_s, 3), column_times=times)


def _paper(
    rng: np.random.Generator, arranged: Layout, speed_mm_per_s: float
) -> tuple[float, float]:
    """Return a sheet, or a piece of a roll just long enough."""
    traces_mm = arranged.columns * arranged.column_s * speed_mm_per_s
    fitting = [
        size for size in PAPERS_MM.values() if traces_mm + 12 <= size[0] <= 1.7 * traces_mm + 40
    ]
    if fitting and rng.random() < 0.6:
        return _one(rng, fitting)
    roll_mm = _one(rng, (80.0, 112.0, 130.0, 145.0, 183.0, 210.0, 215.0, 280.0))
    return round(traces_mm + float(rng.uniform(14, 70)), 1), roll_mm


def _style(
    rng: np.random.Generator,
    arranged: Layout,
    speed_mm_per_s: float,
    paper_mm: tuple[float, float],
    fonts: Sequence[str],
) -> Style:
    width_mm, height_mm = paper_mm
    grid = _grid(rng)
    narrow = height_mm < 150
    header_mm = _between(rng, 5, 14) if narrow else _between(rng, 8, 52)
    header = "none" if rng.random() < 0.08 else "drawn"
    margin_mm = _between(rng, 1.5, 10.0)
    footer_mm = _between(rng, 3.5, 10.0)
    room_mm = height_mm - 2 * margin_mm - header_mm - footer_mm
    # Rows share the sheet out, or stand closer, down to where neighbours overlap.
    pitch_mm = None
    if rng.random() < 0.4:
        pitch_mm = min(_between(rng, 7.5, 42.0), room_mm / arranged.row_count - 0.01)
    gain = _weighted(rng, {10.0: 88, 5.0: 8, 20.0: 4})
    chest = gain / 2 if gain == 10.0 and rng.random() < 0.06 else None
    ink = _trace_ink(rng)
    return Style(
        name="drawn",
        paper=f"{width_mm:g}x{height_mm:g}",
        margin_mm=margin_mm,
        header_mm=header_mm,
        footer_mm=footer_mm,
        row_pitch_mm=pitch_mm,
        framed=bool(rng.random() < 0.5),
        grid_aligned=bool(rng.random() < 0.65),
        speed_mm_per_s=speed_mm_per_s,
        gain_mm_per_mv=gain,
        chest_gain_mm_per_mv=chest,
        header=header,
        footer="none" if rng.random() < 0.12 else "drawn",
        ink_rgb=ink,
        text_rgb=ink if rng.random() < 0.6 else _one(rng, ((10, 10, 12), (40, 40, 44))),
        line_width_mm=_between(rng, 0.1, 0.28) if rng.random() < 0.6 else _between(rng, 0.2, 0.55),
        ink_density=_between(rng, 0.55, 1.0) if rng.random() < 0.3 else 1.0,
        ink_grain=_between(rng, 0.1, 0.6) if rng.random() < 0.35 else 0.0,
        **grid,
        **_marks(rng, arranged),
        **_letters(rng, fonts),
    )


def _trace_ink(rng: np.random.Generator) -> Colour:
    if rng.random() < 0.65:
        dark = int(rng.integers(0, 60))
        return (dark, dark, min(255, dark + int(rng.integers(0, 8))))
    base = np.array(
        _one(rng, ((28, 34, 92), (52, 48, 60), (70, 70, 76), (60, 36, 50), (30, 50, 50)))
    )
    red, green, blue = np.clip(base + rng.integers(-15, 30, 3), 0, 255).tolist()
    return (red, green, blue)


def _mixed(paper: Colour, ink: Colour, share: float) -> Colour:
    red, green, blue = (round(p + share * (i - p)) for p, i in zip(paper, ink, strict=True))
    return (red, green, blue)


def _grid(rng: np.random.Generator) -> dict[str, Any]:
    """Return paper and grid: mostly lines of one ink, strong every 5 mm; dots, faint or bare."""
    ink = _weighted(rng, dict(zip(_INKS, _INK_WEIGHTS, strict=True)))
    jitter = rng.integers(-25, 26, 3)
    red, green, blue = np.clip(np.array(ink) + jitter, 0, 255).tolist()
    ink = (red, green, blue)
    white = 255 - int(rng.integers(0, 8))
    paper: Colour = (white, white, white - int(rng.integers(0, 8)))
    field = paper if rng.random() < 0.45 else _mixed(paper, ink, _between(rng, 0.02, 0.09))
    strong = _between(rng, 0.3, 0.95)
    fine = strong * _between(rng, 0.25, 0.95)
    if rng.random() < 0.12:  # faint
        strong, fine = _between(rng, 0.08, 0.2), _between(rng, 0.04, 0.1)
    kinds = _weighted(
        rng,
        {
            ("line", "line"): 66, ("dot", "line"): 10, ("dot", "dot"): 4, ("none", "line"): 7,
            ("none", "dot"): 5, ("none", "none"): 8,
        },
    )  # fmt: skip
    if sum(ink) < _DARK and kinds[1] == "line":  # lines as dark as a trace would hide it
        strong, fine = min(strong, 0.55), min(fine, 0.4)
    if "dot" in kinds:
        strong, fine = max(strong, 0.6), max(fine, 0.6)
    fine_mm = _between(rng, 0.06, 0.16)
    return {
        "paper_rgb": paper if rng.random() < 0.6 else field,
        "field_rgb": field,
        "minor_grid": kinds[0],
        "major_grid": kinds[1],
        "minor_rgb": _mixed(field, ink, fine),
        "major_rgb": _mixed(field, ink, strong),
        "minor_width_mm": _between(rng, 0.12, 0.24) if kinds[0] == "dot" else fine_mm,
        "major_width_mm": fine_mm * _between(rng, 1.0, 3.0),
    }


def _marks(rng: np.random.Generator, arranged: Layout) -> dict[str, Any]:
    """Return pulses, and what stands between columns."""
    separators = {
        "none": 34,
        "tick": 10,
        "bars": 12,
        "bar": 16,
        "line": 12,
        "dashed": 8,
        "dotted": 8,
    }
    return {
        "pulse": _weighted(rng, {"left": 62, "right": 16, "none": 22}),
        "pulse_width_mm": _weighted(rng, {5.0: 75, 2.5: 18, 10.0: 7}),
        "pulse_rows": _weighted(rng, {"all": 75, "first": 10, "last": 15}),
        "separator": _weighted(rng, separators),
        "separator_width_mm": _between(rng, 0.15, 0.9) if rng.random() < 0.7 else None,
        "joined": bool(rng.random() < 0.35),
        "column_gap_mm": (
            _between(rng, 0.3, 5.0) if arranged.columns > 1 and rng.random() < 0.2 else 0.0
        ),
    }


def _letters(rng: np.random.Generator, fonts: Sequence[str]) -> dict[str, Any]:
    """Return the lettering, and where the names of leads stand."""
    place = _weighted(rng, {"above": 52, "below": 32, "left": 11, "none": 5})
    # Dots of thermal heads, and of the matrix printers before them.
    dots = _one(rng, (6.0, 8.0, 8.0, 8.0, 12.0)) if rng.random() < 0.3 else None
    return {
        "name_place": place,
        "name_distance_mm": _between(rng, 0.8, 9.0),
        "name_shift_mm": _between(rng, -4.0, 5.0)
        if rng.random() < 0.5
        else _between(rng, 0.3, 2.0),
        "names": _weighted(rng, {"standard": 92, "capitals": 4, "C": 2, "D": 2}),
        "face": _one(rng, fonts),
        "text_mm": _between(rng, 1.5, 3.6),
        "text_width": _between(rng, 0.72, 1.3),
        "text_slant_deg": _between(rng, -3, 14) if rng.random() < 0.15 else 0.0,
        "text_weight": _between(rng, 0.0, 0.08) if rng.random() < 0.5 else 0.0,
        "text_spacing": _between(rng, 0.0, 0.3) if rng.random() < 0.4 else 0.0,
        "text_dots_per_mm": dots,
    }

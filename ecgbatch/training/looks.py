"""What pages for training look like: layouts, listed and invented, styles, scales and damage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecgbatch.synth.layouts import Layout, layout, layout_names
from ecgbatch.synth.style import PAPERS_MM, Colour, Style, drawn_style
from ecgbatch.types import EXTRA_LEADS, LEADS

UNSEEN_LAYOUTS = ("4x3", "4x3+1R", "3x5")
"""Never drawn for training, nor is any invented layout of 4 x 3 or 3 x 5: what networks make of
layouts that they have never seen is measured on these."""
_UNSEEN_SHAPES = {(4, 3), (3, 5)}

_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
_INVENTED_SHARE = 0.4
_USUAL_SPEED_MM_PER_S = 25.0

_CAPTURES = {
    "": 5.0,
    "colour_scan": 3.0,
    "grey_scan": 2.0,
    "bitonal_scan": 1.5,
    "photocopy": 1.5,
    "fax": 0.8,
    "copied_and_faxed": 0.7,
    "jpeg_chain": 1.0,
    "phone_photo": 2.0,
    "phone_close": 1.2,
    "phone_screen": 1.0,
    "glare": 0.5,
}
_WEAR = {
    "": 12.0,
    "stained": 1.0,
    "soaked": 0.7,
    "mouldy": 0.8,
    "faded": 1.0,
    "folded": 1.0,
    "crumpled": 0.8,
    "torn": 0.7,
    "punched": 0.6,
    "stamped": 0.8,
    "handwritten": 1.5,
    "redacted": 0.6,
}


def drawn_profile(rng: np.random.Generator) -> str:
    """Draw what happened to a page: a name of ``synth.damage``; one page in six is clean."""
    parts = [_weighted(rng, _WEAR), _weighted(rng, _CAPTURES)]
    return "+".join(part for part in parts if part) or "clean"


def drawn_look(rng: np.random.Generator) -> Style:
    """Draw a style with other papers, colours, scales, forms and distances than its own."""
    look = drawn_style(rng)
    gain = float(rng.choice([10, 5, 20, 2.5, 40], p=[0.7, 0.12, 0.12, 0.03, 0.03]))
    pitch = None
    if rng.random() < 0.2:  # rows so near that traces cross
        pitch = float(rng.uniform(9, 22)) * min(2.0, max(0.5, gain / 10))
    return replace(
        look,
        paper=str(rng.choice(list(PAPERS_MM))) if rng.random() < 0.25 else look.paper,
        minor_rgb=_tinted(rng, look.minor_rgb),
        major_rgb=_tinted(rng, look.major_rgb),
        ink_rgb=_tinted(rng, look.ink_rgb),
        margin_mm=float(rng.uniform(3, 12)),
        header_mm=look.header_mm if rng.random() < 0.6 else float(rng.uniform(4, 50)),
        row_pitch_mm=pitch,
        speed_mm_per_s=float(rng.choice([25, 50, 12.5, 6.25], p=[0.76, 0.12, 0.09, 0.03])),
        gain_mm_per_mv=gain,
        chest_gain_mm_per_mv=gain / 2 if gain in {10, 20} and rng.random() < 0.08 else None,
        column_gap_mm=float(rng.uniform(0, 6)) if rng.random() < 0.2 else look.column_gap_mm,
        name_place=_name_place(rng, look.name_place),
        name_distance_mm=float(rng.uniform(1, 10)),
        text_mm=float(rng.uniform(1.6, 3.6)),
        header=str(rng.choice(["none", "hospital", "report", "strip"])),
        footer=str(rng.choice(["none", "scales", "full"], p=[0.2, 0.4, 0.4])),
    )


def _name_place(rng: np.random.Generator, usual: str) -> str:
    place = rng.random()
    return "left" if place < 0.15 else "none" if place < 0.18 else usual


def _tinted(rng: np.random.Generator, rgb: Colour) -> Colour:
    red, green, blue = (int(np.clip(part + rng.normal(0, 9), 0, 255)) for part in rgb)
    return (red, green, blue)


def drawn_layout(
    rng: np.random.Generator, look: Style, *, among: Sequence[str] | None = None
) -> Layout:
    """Draw a layout and fit its seconds to the paper speed.

    Args:
        rng: Source of the choice.
        look: Whose paper speed it is printed at.
        among: Names of listed layouts; None also invents some, and leaves the unseen ones out.
    """
    if among is None and rng.random() < _INVENTED_SHARE:
        return _invented(rng, look)
    listed = among or [name for name in layout_names() if name not in UNSEEN_LAYOUTS]
    chosen = layout(str(rng.choice(list(listed))))
    if chosen.rhythm and rng.random() < 0.4:
        rhythm = tuple(str(lead) for lead in rng.permutation(chosen.leads)[: len(chosen.rhythm)])
        chosen = replace(chosen, rhythm=rhythm)
    # As wide on paper as at the usual speed, or half as wide where the pen runs slowly.
    seconds = chosen.column_s * _USUAL_SPEED_MM_PER_S / look.speed_mm_per_s
    if seconds > chosen.column_s and rng.random() < 0.5:
        seconds = chosen.column_s
    return replace(chosen, column_s=seconds * float(rng.choice([1.0, 1.0, 0.8])))


def _invented(rng: np.random.Generator, look: Style) -> Layout:
    """Return an arrangement that no list has: any rows and columns, any order of leads."""
    while True:
        rows, columns = int(rng.integers(1, 13)), int(rng.integers(1, 7))
        if rows * columns <= 18 and (rows, columns) not in _UNSEEN_SHAPES:
            break
    names = _ordered(rng, rows, columns)
    rhythm = tuple(str(lead) for lead in rng.permutation(LEADS)[: _rhythm_rows(rng, columns)])
    width_mm = look.paper_mm[0] - 2 * look.margin_mm - 14
    column_mm = float(rng.uniform(0.6, 1.0)) * width_mm / columns - look.column_gap_mm
    suffix = f"+{len(rhythm)}R" if rhythm else ""
    return Layout(
        name=f"{rows}x{columns}{suffix}",
        rows=names,
        rhythm=rhythm,
        column_s=max(column_mm, 10.0) / look.speed_mm_per_s,
        column_times=str(rng.choice(["consecutive", "consecutive", "simultaneous"])),
    )


def _ordered(rng: np.random.Generator, rows: int, columns: int) -> tuple[tuple[str, ...], ...]:
    """Fill a matrix column by column or row by row, in a usual order or in none."""
    kind = rng.random()
    order = [*LEADS, *EXTRA_LEADS]
    if kind < 0.25:
        order = [*_CABRERA, *LEADS[6:], *EXTRA_LEADS]
    elif kind < 0.6:
        order = [str(lead) for lead in rng.permutation(order)]
    elif kind < 0.75:  # a later page of several
        order = order[int(rng.integers(len(order) - rows * columns + 1)) :]
    cells = np.array(order[: rows * columns])
    matrix = cells.reshape(columns, rows).T if rng.random() < 0.7 else cells.reshape(rows, columns)
    return tuple(tuple(str(name) for name in row) for row in matrix)


def _weighted(rng: np.random.Generator, weights: dict[str, float]) -> str:
    shares = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=shares / shares.sum()))


def _rhythm_rows(rng: np.random.Generator, columns: int) -> int:
    """Draw how many long rows there are; below a single column there is nothing longer."""
    return int(rng.choice([0, 0, 1, 1, 2, 3])) if columns > 1 else 0

"""What pages for training look like: layouts, listed and invented, styles and scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ecgbatch.synth.layouts import Layout
from ecgbatch.synth.looks import Look
from ecgbatch.synth.looks import drawn_look as usual_look
from ecgbatch.synth.style import Style
from ecgbatch.types import EXTRA_LEADS, LEADS

UNSEEN_LAYOUTS = ("4x3", "4x3+1R", "3x5")
"""Never drawn for training, nor is any invented layout of 4 x 3 or 3 x 5: what networks make of
layouts that they have never seen is measured on these."""
_UNSEEN_SHAPES = {(4, 3), (3, 5)}

_CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")
_INVENTED_SHARE = 0.55
_RARE_SHARE = 0.12
_SHORT_SHARE = 0.15  # strips of a second or two


def drawn_look(
    rng: np.random.Generator,
    *,
    layouts: Sequence[str] | None = None,
    fonts: Sequence[str] = (),
) -> Look:
    """Draw the look of a page; other scales and arrangements than carts' defaults among them.

    Args:
        rng: Source of every choice.
        layouts: Names of listed layouts; None invents some as well, and leaves the unseen ones out.
        fonts: See ``synth.looks.drawn_look``.
    """
    look = usual_look(rng, layouts=layouts, fonts=fonts)
    while layouts is None and look.layout.name in UNSEEN_LAYOUTS:
        look = usual_look(rng, fonts=fonts)
    style = look.style
    if rng.random() < _RARE_SHARE:
        style = replace(style, gain_mm_per_mv=float(rng.choice([2.5, 5.0, 20.0, 40.0])))
    if layouts is not None or rng.random() >= _INVENTED_SHARE:
        return replace(look, style=style)
    if rng.random() < _RARE_SHARE:
        style = replace(style, speed_mm_per_s=float(rng.choice([6.25, 12.5, 50.0])))
    return replace(look, layout=_invented(rng, style), style=replace(style, row_pitch_mm=None))


def _invented(rng: np.random.Generator, look: Style) -> Layout:
    """Return an arrangement that no list has: any rows and columns, any order of leads."""
    while True:
        rows, columns = int(rng.integers(1, 13)), int(rng.integers(1, 7))
        if rows * columns <= 18 and (rows, columns) not in _UNSEEN_SHAPES:
            break
    names = _ordered(rng, rows, columns)
    rhythm = tuple(str(lead) for lead in rng.permutation(LEADS)[: _rhythm_rows(rng, columns)])
    width_mm = look.paper_mm[0] - 2 * look.margin_mm - 14
    share = rng.uniform(0.08, 0.6) if rng.random() < _SHORT_SHARE else rng.uniform(0.6, 1.0)
    column_mm = float(share) * width_mm / columns - look.column_gap_mm
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


def _rhythm_rows(rng: np.random.Generator, columns: int) -> int:
    """Draw how many long rows there are; below a single column there is nothing longer."""
    return int(rng.choice([0, 0, 1, 1, 2, 3])) if columns > 1 else 0

"""From rows and columns to an arrangement of leads with guessed names."""

from __future__ import annotations

from dataclasses import dataclass

from ecgbatch.errors import PageError, Reason
from ecgbatch.flags import Flag
from ecgbatch.imaging.columns import Division
from ecgbatch.imaging.naming import MATRIX_ROWS, matrix_names, rhythm_names
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.types import LEADS

_AGREES = 0.5  # share of the inner borders that a row of the matrix hints at
_NAMED = 0.5  # share of rows with a word at their left end, where one column is no guess
_UNMARKED = {3: 4, 4: 4, 5: 4, 6: 2, 7: 2}
"""Columns of usual pages by their rows, where nothing on the page marks columns: 3x4 with up to
two rhythm rows, and 6x2 with none or one."""
_TEXTURE = 0.4  # clean pages stay below 0.2, photographs of a dark grid reach 0.3
_MOST_RHYTHM_ROWS = 3


@dataclass(frozen=True, slots=True)
class Place:
    """One lead in an arrangement.

    Attributes:
        lead: Its guessed name.
        role: ``strip`` or ``rhythm``.
        row: Row of the page, from 0.
        left_px: Border of its column on the reduced page.
        right_px: The other border.
    """

    lead: str
    role: str
    row: int
    left_px: float
    right_px: float


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which lead stands where.

    Attributes:
        name: Rows x columns and rhythm rows, such as ``3x4+1R``.
        places: Every printed lead, row by row.
        flags: ``names_guessed``, and ``layout_guessed`` where rows and columns are a guess too.
    """

    name: str
    places: tuple[Place, ...]
    flags: tuple[Flag, ...]


def arrange(
    division: Division, *, named: float, unrest: float, stated: StatedLayout | None = None
) -> Arrangement:
    """Choose the arrangement that rows and columns speak for.

    Args:
        division: How the page's rows are divided.
        named: Share of rows with a word at their left end.
        unrest: Share of the page on which something speaks for a border.
        stated: What somebody said it is; the division is one of so many rows and columns.

    Raises:
        PageError: ``LAYOUT_UNKNOWN``: no usual order has these rows and columns.
    """
    rows = len(division.agreement)
    borders = division.borders_px
    guessed = unrest > _TEXTURE
    if stated is not None:
        matrix, guessed = stated.rows, False
    elif division.columns == 1 and named < _NAMED and rows in _UNMARKED:
        columns = _UNMARKED[rows]
        width = (borders[-1] - borders[0]) / columns
        borders = (*(borders[0] + k * width for k in range(columns)), borders[-1])
        matrix, guessed = MATRIX_ROWS[columns], True
    elif division.columns == 1:
        matrix = min(rows, MATRIX_ROWS[1])
    else:
        agreed = [k for k, share in enumerate(division.agreement) if share > _AGREES]
        matrix = min(rows, MATRIX_ROWS.get(division.columns, 1 + max(agreed, default=0)))
        guessed |= agreed != list(range(matrix))
    names = matrix_names(rows=matrix, columns=len(borders) - 1)
    if names is None and stated is not None:  # an order of its own, which its own names tell
        names = ((LEADS[0],) * stated.columns,) * matrix
    rhythm = rows - matrix
    if names is None or (rhythm > _MOST_RHYTHM_ROWS and stated is None):
        raise PageError(Reason.LAYOUT_UNKNOWN, rows=rows, columns=len(borders) - 1)
    places = [
        Place(lead, "strip", row, borders[column], borders[column + 1])
        for row, leads in enumerate(names)
        for column, lead in enumerate(leads)
    ]
    places += [
        Place(lead, "rhythm", matrix + k, borders[0], borders[-1])
        for k, lead in enumerate(rhythm_names(rhythm))
    ]
    name = f"{matrix}x{len(borders) - 1}" + (f"+{rhythm}R" if rhythm else "")
    flags = (Flag.NAMES_GUESSED, Flag.LAYOUT_GUESSED) if guessed else (Flag.NAMES_GUESSED,)
    return Arrangement(name, tuple(places), flags)

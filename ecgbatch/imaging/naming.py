"""Names of leads from their place alone: the orders in which carts print them."""

from __future__ import annotations

from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.types import LEADS

_LIMB, _CHEST = LEADS[:6], LEADS[6:]
_POSTERIOR = ("V4R", "V8", "V9")  # the usual three of a 15-lead recording

MATRIX_ROWS = {1: 12, 2: 6, 3: 4, 4: 3, 5: 3}
"""Rows of the matrix that usual layouts have for so many columns."""

RHYTHM = ("II", "V1", "V5")
"""Leads of long rows below the matrix, in the order in which carts choose them."""


def matrix_names(*, rows: int, columns: int) -> tuple[tuple[str, ...], ...] | None:
    """Guess the leads of a matrix, row by row.

    Columns are filled one after the other in the standard order, as carts do that record groups
    of leads one after the other.

    Returns:
        ``rows`` tuples of ``columns`` names, or None where no usual order fits.
    """
    if columns == 1:
        single = {12: LEADS, 6: _LIMB, 3: LEADS[:3], 1: ("II",)}.get(rows)
        return None if single is None else tuple((name,) for name in single)
    order = (*LEADS, *_POSTERIOR) if (rows, columns) == (3, 5) else LEADS
    if rows > MATRIX_ROWS.get(columns, 0) or MATRIX_ROWS[columns] * columns > len(order):
        return None
    full = MATRIX_ROWS[columns]
    return tuple(
        tuple(order[column * full + row] for column in range(columns)) for row in range(rows)
    )


def usual_names(layout: StatedLayout) -> tuple[str, ...] | None:
    """Return the leads of a layout, row by row; None where no order is usual."""
    named = matrix_names(rows=layout.rows, columns=layout.columns)
    if named is None:
        return None
    return (*(name for row in named for name in row), *rhythm_names(layout.rhythm))


def rhythm_names(rows: int) -> tuple[str, ...]:
    """Guess the leads of ``rows`` long rows."""
    return (*RHYTHM, *(name for name in LEADS if name not in RHYTHM))[:rows]

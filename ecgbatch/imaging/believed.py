"""Rows of ink that the locator does not take for traces: writing, frames, edges of paper.

Geometry takes for a row what is long and level. Joined handwriting, underlined words and the border
of a sheet on a table are, too, and letters that were read as a trace would tell what they spell.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgbatch.imaging.baselines import Baseline, with_distances
from ecgbatch.types import Findings

_UNSEEN = 0.05
"""Mean likelihood of a zero line below which nothing was seen. On drawn pages that geometry read
right rows had 0.1 and more, all but one more than 0.4; on writing and borders less than 0.02."""
_SURE = 0.4
"""Likelihood of a page's best row from which on the locator knows what its rows look like."""
_WRITING, _NOT_WRITING = 0.5, 0.1
"""Share of a row's length on which text is seen, and likelihood of a line that outweighs it."""


def believed(
    rows: Sequence[Baseline], findings: Findings, *, factor: int, px_per_mm: float
) -> tuple[Baseline, ...]:
    """Return the rows without those that the locator takes for something else.

    Args:
        rows: On the reduced page, from the top down.
        findings: Of the locator.
        factor: Pixels of the full page per pixel of the reduced one.
        px_per_mm: Scale of the reduced page.
    """
    if not rows:
        return ()
    seen = np.array([_seen(row, findings, factor=factor) for row in rows])
    line, text = seen.T
    unseen = (line < _UNSEEN) & (line.max() >= _SURE)
    writing = (text >= _WRITING) & (line < _NOT_WRITING)
    kept = [row for row, other in zip(rows, unseen | writing, strict=True) if not other]
    return with_distances(kept, px_per_mm=px_per_mm) if len(kept) < len(rows) else tuple(rows)


def _seen(row: Baseline, findings: Findings, *, factor: int) -> tuple[float, float]:
    """Return how likely there is a zero line along a row, and on which share of it is text."""
    cell = findings.cell_px / factor
    y = int((row.y_px + 0.5) / cell)
    first = int(row.left_px / cell)
    columns = slice(first, max(int(row.right_px / cell), first + 1))
    around = slice(max(y - 1, 0), y + 2)  # paper bends, and rows wander
    line, text = findings.row[around, columns], findings.text[around, columns]
    if not line.size:
        return 0.0, 0.0
    return float(line.max(axis=0).mean()), float((text.max(axis=0) >= 0.5).mean())

"""What a reviewer gave: layout, scale and names that hold whatever a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecgbatch.flags import Flag
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.types import Region

REVIEWED = "reviewed"
"""How speed, gain and names are known that a reviewer gave."""

_NEAR_MM = 6.0  # rows of one page stand further apart, and so do starts in one row

_SETTLED = frozenset(
    {
        Flag.NAMES_GUESSED,
        Flag.NAMES_CONFIRMED,
        Flag.LAYOUT_GUESSED,
        Flag.SEVERAL_ECGS,
        Flag.RHYTHM_UNMATCHED,
        Flag.SPEED_CONFLICT,
        Flag.SPEED_AMBIGUOUS,
        Flag.GAIN_AMBIGUOUS,
        Flag.GAIN_CONFLICT,
        Flag.GAIN_SPLIT,
        Flag.GAIN_UNUSUAL,
        Flag.ORIENTATION_DOUBTFUL,
        Flag.SCALE_DOUBTFUL,
    }
)
"""Doubts that a person has settled who saw the page."""


def stated_layout(given: Mapping[str, Any] | None) -> StatedLayout | None:
    """Return the layout in which a reviewer wants the page to be read again, if one does.

    Names without places belong to such a layout: they stand row by row, because the traces that
    they name were not found before.
    """
    if given is None or not given["names"] or given["names"][0]["x_mm"] is not None:
        return None
    return StatedLayout.parse(given["layout"])


def named_row_by_row(
    regions: Sequence[Region], names: Sequence[Mapping[str, Any]]
) -> tuple[Region, ...]:
    """Name regions in their order; there are as many names."""
    return tuple(
        replace(region, lead=name["lead"], name_source=REVIEWED)
        for region, name in zip(regions, names, strict=True)
    )


def named_regions(
    regions: Sequence[Region], names: Sequence[Mapping[str, Any]], *, px_per_mm: float
) -> tuple[Region, ...]:
    """Name regions by the places of their starts; those that no name is near keep their own.

    Args:
        regions: In pixels of the upright page.
        names: As in ``schema.GIVEN``.
        px_per_mm: Scale of the page.
    """
    named = list(regions)
    starts = np.array([(region.left_px, region.baseline_px) for region in regions]).reshape(-1, 2)
    for name in names:
        away_mm = np.abs(starts / px_per_mm - (name["x_mm"], name["y_mm"])).max(axis=1)
        if away_mm.size and away_mm.min() <= _NEAR_MM:
            nearest = int(away_mm.argmin())
            named[nearest] = replace(regions[nearest], lead=name["lead"], name_source=REVIEWED)
    return tuple(named)


def without_doubts(flags: Sequence[str]) -> list[str]:
    """Return the flags of a page that a person has seen."""
    return [*(flag for flag in flags if flag not in _SETTLED), Flag.REVIEWED]

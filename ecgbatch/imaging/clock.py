"""One clock for all leads of a page: what stands below each other was printed at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ecgbatch.types import Region


def on_one_clock(
    regions: Sequence[Region], *, begin_px: float, px_per_mm: float, speed_mm_per_s: float
) -> tuple[Region, ...]:
    """Tell when each region starts, by where it starts and by nothing else.

    Ink of a row may seem to begin a millimetre before or after that of the next, because a pulse
    ends there or a separator hides it. If all of them started at 0, leads of one beat would stand
    some 50 ms apart, and the limb leads would contradict each other.

    Args:
        regions: Of one page, upright.
        begin_px: Where rows begin by all that is known of the page.
        px_per_mm: Scale of the page.
        speed_mm_per_s: Paper speed.

    Returns:
        The same with their ``t0_ms``, 0 where rows begin, or before that where ink does.
    """
    begin_px = min([begin_px, *(region.left_px for region in regions)])
    ms_per_px = 1000 / (px_per_mm * speed_mm_per_s)
    return tuple(
        replace(region, t0_ms=(region.left_px - begin_px) * ms_per_px) for region in regions
    )

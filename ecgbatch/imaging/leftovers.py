"""What was clearly seen on a page and has no place in its layout: leads missed, or another ECG."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ecgbatch.flags import Flag
from ecgbatch.imaging.layout import Layout
from ecgbatch.imaging.seeing import SeenPage
from ecgbatch.types import Region, Strip

_CLEAR_PLACE, _CLEAR_NAME, _CLEAR_TRACE = 0.5, 0.9, 0.5
"""Likelihoods from which on a layout must account for a name, by place and letters, and a trace."""
_SAME_MM = 3.0  # of zero lines
_REPEATED = 3
"""Leads that are named once too often: one may be a word that looks like a name."""


def with_leftovers(layout: Layout, seen: SeenPage, *, px_per_mm: float) -> Layout:
    """Flag a layout that leaves something out.

    Args:
        layout: Of the page.
        seen: What networks saw on it.
        px_per_mm: Scale of the page.

    Returns:
        The layout, flagged ``layout_guessed`` where a lead was named that it lacks, or a trace was
        seen that it has nowhere; and ``several_ecgs`` where three leads and more are named more
        often than it has rows for them, as where two printouts lie on one scan.
    """
    named = _clearly_named(seen)
    shown = Counter(region.lead for region in layout.regions if region.role == "rhythm")
    repeated = sum(count > 1 + shown[lead] for lead, count in named.items())
    leads = {region.lead for region in layout.regions}
    flags = []
    if not leads.issuperset(named) or repeated or _misses_trace(layout, seen, px_per_mm=px_per_mm):
        flags.append(Flag.LAYOUT_GUESSED)
    if repeated >= _REPEATED:
        flags.append(Flag.SEVERAL_ECGS)
    return replace(layout, flags=tuple(dict.fromkeys((*layout.flags, *flags))))


def _clearly_named(seen: SeenPage) -> Counter[str]:
    """Count how often each lead is named on a page."""
    named = Counter[str]()
    for box, names in zip(seen.names, seen.read, strict=True):
        name = max(names, key=lambda each: names[each])
        if name and box[4] >= _CLEAR_PLACE and names[name] >= _CLEAR_NAME:
            named[name.removeprefix("-")] += 1
    return named


def _misses_trace(layout: Layout, seen: SeenPage, *, px_per_mm: float) -> bool:
    if seen.layout is None:
        return False
    near = _SAME_MM * px_per_mm
    clear = [place.strip for place in seen.layout.places if place.strip.likelihood >= _CLEAR_TRACE]
    return not all(
        any(_covers(region, strip, near=near) for region in layout.regions) for strip in clear
    )


def _covers(region: Region, strip: Strip, *, near: float) -> bool:
    """Whether a region has most of a trace that was seen."""
    zero = (strip.left_zero_px + strip.right_zero_px) / 2
    shared = min(region.right_px, strip.right_px) - max(region.left_px, strip.left_px)
    most = shared > 0.5 * (strip.right_px - strip.left_px)
    return most and abs(region.baseline_px - zero) <= near

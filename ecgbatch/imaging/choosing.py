"""Whether a page is read as the networks saw it, or as geometry found it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ecgbatch.flags import Flag
from ecgbatch.imaging.layout import Layout
from ecgbatch.imaging.seeing import SeenPage, with_read_names
from ecgbatch.imaging.seen import SeenLayout

_LEAST, _LEAST_NAMED = 0.25, 0.15
"""Likelihood of a page's least sure traces from which on they count at all, and where every name
was read: letters in a usual order at one place beside traces are not found where none are."""
_SAME_MM = 3.0  # of ends and zero lines that both found
_SEEN = 0.4  # the same, from which on none of them is in doubt
_MISSED, _IRREGULAR, _AHEAD, _CLEAR = 4.0, 4.0, 1.0, 6.0
"""Logarithms: how much speaks for each trace that was clearly seen and geometry lacks, what a trace
without a name costs; how much rows and columns that show not what they are speak against a layout;
how much likelier what was seen must be to stand, whose ends are less exact than those of ink; and
how much likelier one must be for the other to be forgotten."""


def is_clear(seen: SeenPage) -> bool:
    """Say whether what networks saw of a page's traces can be taken for its layout."""
    if seen.layout is None:
        return False
    return seen.likelihood >= (_LEAST if seen.layout.flags else _LEAST_NAMED)


def chosen(
    by_geometry: Layout, seen: SeenPage, by_sight: Callable[[], Layout], *, px_per_mm: float
) -> Layout:
    """Choose the layout that names and usual orders fit better.

    Both ways fail on other pages: geometry on dirt, overlapping rows and layouts that it does not
    know, networks on what they were not shown. A name that stands beside no trace, a trace without
    a name, and names in no order tell which of both is right. Where they agree, ends and zero lines
    are geometry's, which are those of the ink, and a name counts as read that either read.

    Args:
        by_geometry: As geometry found it, its names guessed.
        seen: What networks saw.
        by_sight: Returns the layout that they saw.
        px_per_mm: Scale of the page.

    Returns:
        One of both, flagged ``layout_guessed`` where the other is nearly as likely.
    """
    named, fit = with_read_names(by_geometry, seen, px_per_mm=px_per_mm)
    if seen.layout is None or not is_clear(seen):
        return named
    agreed = _agreed(named, seen.layout, near=_SAME_MM * px_per_mm)
    if agreed is not None:
        return agreed
    missed = max(len(seen.layout.places) - len(named.regions), 0)
    ahead = seen.fit - fit + _MISSED * min(seen.likelihood / _SEEN, 1.0) * missed
    ahead -= _IRREGULAR * (Flag.LAYOUT_GUESSED in seen.layout.flags)
    ahead += _IRREGULAR * (Flag.LAYOUT_GUESSED in named.flags)
    better = by_sight() if ahead > _AHEAD else named
    disputed = seen.layout.name != named.name and abs(ahead) < _CLEAR
    if disputed and Flag.LAYOUT_GUESSED not in better.flags:
        return replace(better, flags=(*better.flags, Flag.LAYOUT_GUESSED))
    return better


def _agreed(named: Layout, seen: SeenLayout, *, near: float) -> Layout | None:
    """Return what geometry found where the same leads were seen in the same places, else None."""
    if len(named.regions) != len(seen.places):
        return None
    regions = []
    for found in named.regions:
        region = found
        for place in seen.places:
            strip = place.strip
            zero = (strip.left_zero_px + strip.right_zero_px) / 2
            off = (
                region.left_px - strip.left_px,
                region.right_px - strip.right_px,
                region.baseline_px - zero,
            )
            same = place.lead == region.lead or place.role == region.role == "rhythm"
            if same and max(map(abs, off)) <= near:
                break
        else:
            return None
        if place.read and region.name_source != "read":
            region = replace(region, lead=place.lead)  # of a rhythm row that ink did not tell
        source = "read" if place.read and place.lead == region.lead else region.name_source
        regions.append(replace(region, name_source=source, inverted=place.inverted))
    guessed = any(region.name_source != "read" for region in regions)
    flags = tuple(flag for flag in named.flags if guessed or flag is not Flag.NAMES_GUESSED)
    return replace(named, regions=tuple(regions), flags=flags)

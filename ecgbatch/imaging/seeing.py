"""Looking at a page with networks: layout, printed scale, and whether it is an ECG at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ecgbatch.flags import Flag
from ecgbatch.imaging.labels import pairings
from ecgbatch.imaging.layout import Layout
from ecgbatch.imaging.named_table import rows_by_names
from ecgbatch.imaging.printed import PrintedScale, agreed, printed_scale
from ecgbatch.imaging.seen import SeenLayout, SeenLead, arrange_seen
from ecgbatch.imaging.snug import whole_line
from ecgbatch.imaging.stated import StatedLayout
from ecgbatch.imaging.table import find_rows
from ecgbatch.types import ByteArray, DoubleArray, Findings, Region, Strip

_NAME_SEEN = 0.3
_LINE_SEEN = 0.3
_MOST_LINES = 6
_NO_NAME = 0.5
_HOPELESS = 25.0
"""Logarithm of how much less likely by their places names are not even tried."""
_TABLE_AHEAD = 6.0
"""Logarithm of how much better names must fit the rows that they form than those that were seen."""
_PER_LOST = 4.0  # the same, of each trace that was seen and has no place beside names
_BY_NAME = 0.4
"""Likelihood of a trace, however faintly it was seen, where its name was read in its place."""
_OF_NAMES = {Flag.NAMES_GUESSED, Flag.RHYTHM_UNMATCHED}

Box = tuple[float, float, float, float]


class TextLine(Protocol):
    """A line as it was read; see ``models.reader.ReadLine``."""

    @property
    def text(self) -> str:
        """What it says."""
        ...

    @property
    def likelihood(self) -> tuple[float, ...]:
        """Of each symbol."""
        ...


class Networks(Protocol):
    """What looks at pages; see ``models.networks.PageNetworks``."""

    def find(self, page: ByteArray, *, px_per_mm: float) -> Findings:
        """Return what is printed where."""
        ...

    def upright_each_way(
        self, page: ByteArray, ways: Sequence[Callable[[ByteArray], ByteArray]], *, px_per_mm: float
    ) -> list[float]:
        """Return how likely a page is right, laid in several ways."""
        ...

    def read_names(self, page: ByteArray, boxes_px: Sequence[Box]) -> list[dict[str, float]]:
        """Return how likely each name is in each box."""
        ...

    def read_lines(self, page: ByteArray, boxes_px: Sequence[Box]) -> Sequence[TextLine]:
        """Return what lines say."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SeenPage:
    """What networks saw on a page.

    Attributes:
        findings: Of the locator.
        names: ``(name, 5)`` boxes and likelihoods of what is a lead's name.
        read: How likely each name is, for each of them.
        layout: Which lead stands where; None where no trace was seen.
        likelihood: Of its least sure trace but one in ten, by ink or name; 0 without a layout.
        fit: Logarithm of how likely its names are, by place, letters and order together.
        scale: Speed and gain as they are printed in words.
    """

    findings: Findings
    names: DoubleArray
    read: tuple[Mapping[str, float], ...]
    layout: SeenLayout | None
    likelihood: float
    fit: float
    scale: PrintedScale


def look_at(
    page: ByteArray,
    ink: ByteArray,
    findings: Findings,
    networks: Networks,
    *,
    px_per_mm: float,
    stated: StatedLayout | None = None,
) -> SeenPage:
    """Read names and lines of a page, and tell its layout.

    Args:
        page: ``(row, column)`` uint8 at ``px_per_mm``.
        ink: Its darkness, see ``find_ink``.
        findings: Of ``networks.find``.
        networks: That read.
        px_per_mm: Scale of the page.
        stated: What somebody said it is; a layout that is not that one is not told.
    """
    rows = find_rows(findings, px_per_mm=px_per_mm, stated=stated)
    lines = [
        whole_line(ink, _box(line), px_per_mm=px_per_mm)
        for line in findings.lines[:_MOST_LINES]
        if line[4] >= _LINE_SEEN
    ]
    said = networks.read_lines(page, lines)
    scale = agreed([printed_scale(line.text, line.likelihood) for line in said])
    boxes = findings.names[findings.names[:, 4] >= _NAME_SEEN]
    every = networks.read_names(page, [_box(box) for box in boxes])
    real = [index for index, names in enumerate(every) if names.get("", 0.0) < _NO_NAME]
    names, read = boxes[real], tuple(every[index] for index in real)
    by_names = rows_by_names(findings, names, read, px_per_mm=px_per_mm)
    if stated is not None:
        rows, by_names = (
            found if stated.fits([strip.left_px for row in found for strip in row]) else []
            for found in (rows, by_names)
        )
    layout, fit = _layout_of(rows, by_names, names, read, px_per_mm=px_per_mm)
    if layout is None:
        return SeenPage(findings, names, read, None, 0.0, fit, scale)
    sure = [max(place.strip.likelihood, _BY_NAME if place.read else 0.0) for place in layout.places]
    return SeenPage(findings, names, read, layout, float(np.percentile(sure, 10)), fit, scale)


def _layout_of(
    rows: Sequence[Sequence[Strip]],
    by_names: Sequence[Sequence[Strip]],
    names: DoubleArray,
    read: Sequence[Mapping[str, float]],
    *,
    px_per_mm: float,
) -> tuple[SeenLayout | None, float]:
    """Return the layout of the rows that were seen, or of those that names form, and its fit."""
    layout: SeenLayout | None = None
    fit = -math.inf
    if rows:
        layout, fit = _arranged(rows, names, read, px_per_mm=px_per_mm)
    if by_names:
        table, fit_of_table = _arranged(by_names, names, read, px_per_mm=px_per_mm)
        lost = sum(map(len, rows)) - sum(map(len, by_names))
        if fit_of_table > fit + _TABLE_AHEAD + _PER_LOST * max(lost, 0):
            return table, fit_of_table
    return layout, fit


def with_read_names(layout: Layout, seen: SeenPage, *, px_per_mm: float) -> tuple[Layout, float]:
    """Name the regions that geometry found by what was read beside them.

    Args:
        layout: Found by geometry, its names guessed.
        seen: What networks saw on the page.
        px_per_mm: Scale of the page.

    Returns:
        The same regions, and how well the names fit them, see ``SeenPage``. A rhythm row that was
        matched with a strip has the lead of that strip, and a strip without a name takes what the
        names that were read leave it.
    """
    strips = [_strip(region) for region in layout.regions]
    rows = _rows(strips)
    named, fit = _arranged(rows, seen.names, seen.read, px_per_mm=px_per_mm)
    if not seen.read:
        return layout, fit
    strip_of = {
        region.lead: place
        for region, place in zip(layout.regions, named.places, strict=True)
        if region.role == "strip"
    }
    matched = Flag.RHYTHM_UNMATCHED not in layout.flags
    renamed = []
    for region, place in zip(layout.regions, named.places, strict=True):
        known = place
        if region.role == "rhythm" and matched:
            # Ink that repeats a strip's tells more surely than letters whose lead it is.
            known = strip_of.get(region.lead, place)
        renamed.append(
            replace(
                region,
                lead=known.lead,
                inverted=known.inverted and known is place,
                name_source="read" if place.read and place.lead == known.lead else "guessed",
            )
        )
    read = all(region.name_source == "read" for region in renamed)
    flags = [flag for flag in layout.flags if not (read and flag in _OF_NAMES)]
    strips_of = [region.lead for region in renamed if region.role == "strip"]
    if len(set(strips_of)) < len(strips_of) and Flag.LAYOUT_GUESSED not in flags:
        flags.append(Flag.LAYOUT_GUESSED)  # two ECGs on one page, or a name misread
    return replace(layout, regions=tuple(renamed), flags=tuple(flags)), fit


def _rows(strips: Sequence[Strip]) -> list[list[Strip]]:
    """Cut traces that stand row by row, from left to right, where a row begins."""
    rows: list[list[Strip]] = []
    for strip in strips:
        if rows and strip.left_px > rows[-1][-1].left_px:
            rows[-1].append(strip)
        else:
            rows.append([strip])
    return rows


def _strip(region: Region) -> Strip:
    zero = region.baseline_px
    return Strip(
        left_px=region.left_px,
        left_zero_px=zero,
        right_px=region.right_px,
        right_zero_px=zero,
        above_px=zero - region.top_px,
        below_px=region.bottom_px - zero,
        likelihood=1.0,
    )


def _arranged(
    rows: Sequence[Sequence[Strip]],
    names: DoubleArray,
    read: Sequence[Mapping[str, float]],
    *,
    px_per_mm: float,
) -> tuple[SeenLayout, float]:
    """Name traces as place, letters and usual orders together make it likeliest."""
    strips = [strip for row in rows for strip in row]
    sure = [box[4] * (1 - each.get("", 0.0)) for box, each in zip(names, read, strict=True)]
    choices = pairings(strips, names, sure, px_per_mm=px_per_mm)
    best: tuple[float, SeenLayout] | None = None
    for pairing in choices:
        if pairing.score < choices[0].score - _HOPELESS:
            break
        given = iter(pairing.names)
        leads = [
            [SeenLead(strip, {} if (at := next(given)) is None else read[at]) for strip in row]
            for row in rows
        ]
        layout = arrange_seen(leads, px_per_mm=px_per_mm)
        if best is None or pairing.score + layout.score > best[0]:
            best = (pairing.score + layout.score, layout)
    assert best is not None
    return best[1], best[0]


def _box(values: DoubleArray) -> Box:
    left, top, right, bottom = values[:4].tolist()
    return (left, top, right, bottom)

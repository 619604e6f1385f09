"""Looking at a page with networks: layout, printed scale, and whether it is an ECG at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ecgbatch.imaging.labels import names_of_strips
from ecgbatch.imaging.printed import PrintedScale, agreed, printed_scale
from ecgbatch.imaging.seen import SeenLayout, SeenLead, arrange_seen
from ecgbatch.imaging.strips import find_strips, rows_of_strips
from ecgbatch.types import ByteArray, DoubleArray, Findings, Strip

_NAME_SEEN = 0.3
_LINE_SEEN = 0.3
_MOST_LINES = 6
_NO_NAME = 0.5

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

    def read_names(self, page: ByteArray, boxes_px: Sequence[Box]) -> list[dict[str, float]]:
        """Return how likely each name is in each box."""
        ...

    def read_line(self, page: ByteArray, box_px: Box) -> TextLine:
        """Return what a line says."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class SeenPage:
    """What networks saw on a page.

    Attributes:
        findings: Of the locator.
        layout: Which lead stands where; None where no trace was seen.
        likelihood: Of its least sure trace but one in ten; 0 without a layout.
        scale: Speed and gain as they are printed in words.
    """

    findings: Findings
    layout: SeenLayout | None
    likelihood: float
    scale: PrintedScale


def look_at(page: ByteArray, networks: Networks, *, px_per_mm: float) -> SeenPage:
    """Look at a page.

    Args:
        page: ``(row, column)`` uint8 at ``px_per_mm``.
        networks: That look.
        px_per_mm: Scale of the page.
    """
    findings = networks.find(page, px_per_mm=px_per_mm)
    rows = rows_of_strips(find_strips(findings, px_per_mm=px_per_mm), px_per_mm=px_per_mm)
    lines = [
        networks.read_line(page, _box(line))
        for line in findings.lines[:_MOST_LINES]
        if line[4] >= _LINE_SEEN
    ]
    scale = agreed([printed_scale(line.text, line.likelihood) for line in lines])
    if not rows:
        return SeenPage(findings, None, 0.0, scale)
    layout = arrange_seen(
        _named(page, rows, findings, networks, px_per_mm=px_per_mm), px_per_mm=px_per_mm
    )
    likelihood = np.percentile([strip.likelihood for row in rows for strip in row], 10)
    return SeenPage(findings, layout, float(likelihood), scale)


def _named(
    page: ByteArray,
    rows: Sequence[Sequence[Strip]],
    findings: Findings,
    networks: Networks,
    *,
    px_per_mm: float,
) -> list[list[SeenLead]]:
    strips = [strip for row in rows for strip in row]
    boxes = findings.names[findings.names[:, 4] >= _NAME_SEEN]
    read = networks.read_names(page, [_box(box) for box in boxes])
    real = [index for index, names in enumerate(read) if names.get("", 0.0) < _NO_NAME]
    given = names_of_strips(strips, boxes[real], px_per_mm=px_per_mm)
    leads = iter(
        SeenLead(strip, {} if index is None else read[real[index]])
        for strip, index in zip(strips, given, strict=True)
    )
    return [[next(leads) for _ in row] for row in rows]


def _box(values: DoubleArray) -> Box:
    left, top, right, bottom = values[:4].tolist()
    return (left, top, right, bottom)

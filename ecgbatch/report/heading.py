"""What stands above a page: what it is, how good it is, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecgbatch.report import canvas
from ecgbatch.types import ByteArray

_MARGIN_PX = 28
_LINE_PX = 36
_TITLE_PX, _FACT_PX, _FLAG_PX = 22, 18, 15
_CLASS_COLOURS = {"good": canvas.GOOD, "review": canvas.REVIEW, "poor": canvas.POOR}
_FLAG_FILL: canvas.Colour = (254, 243, 199)
_FLAG_COLOUR: canvas.Colour = (146, 64, 14)


def of_published(page: Mapping[str, Any], *, width_px: int) -> ByteArray:
    """Draw the heading of a row of ``pages``; as many lines as its facts and flags need."""
    facts = list(_lines(_facts(page), size_px=_FACT_PX, apart_px=20, width_px=width_px))
    words = [flag.replace("_", " ") for flag in page["flags"]]
    flags = list(_lines(words, size_px=_FLAG_PX, apart_px=24, width_px=width_px))
    height_px = 66 + _LINE_PX * (len(facts) + len(flags))
    head = canvas.blank(width_px=width_px, height_px=height_px)
    quality = page["quality_class"]
    score = page["quality_score"]
    badge = quality if score is None else f"{quality}  {score:.2f}"
    _title(head, badge, page, colour=_CLASS_COLOURS.get(quality, canvas.QUIET))
    y = 46
    for line in facts:
        y += _LINE_PX
        canvas.write(head, "   ".join(line), x=_MARGIN_PX, y=y, size_px=_FACT_PX)
    for line in flags:
        x = _MARGIN_PX
        y += _LINE_PX
        for flag in line:
            x = canvas.chip(
                head, flag, x=x, y=y, size_px=_FLAG_PX, fill=_FLAG_FILL, colour=_FLAG_COLOUR
            )
    return head


def of_quarantined(row: Mapping[str, Any], *, width_px: int) -> ByteArray:
    """Draw the heading of a row of ``quarantine``."""
    head = canvas.blank(width_px=width_px, height_px=66)
    _title(head, "quarantined", row, colour=canvas.POOR)
    return head


def _title(head: ByteArray, badge: str, row: Mapping[str, Any], *, colour: canvas.Colour) -> None:
    x = canvas.chip(head, badge, x=_MARGIN_PX, y=44, size_px=20, fill=colour, colour=canvas.WHITE)
    place = f"page {row['page_no']} of {row['page_count']}" if row["page_no"] else "the whole file"
    words = f"{row['scan_id']}  ·  {place}"
    canvas.write(head, words, x=x + 8, y=44, size_px=_TITLE_PX, weight=canvas.BOLD)


def _lines(
    words: Sequence[str], *, size_px: int, apart_px: int, width_px: int
) -> Iterator[list[str]]:
    """Break ``words`` into lines that fit between the margins."""
    line: list[str] = []
    x = _MARGIN_PX
    for word in words:
        width = canvas.text_width(word, size_px=size_px, weight=canvas.BOLD) + apart_px
        if line and x + width > width_px - _MARGIN_PX:
            yield line
            line, x = [], _MARGIN_PX
        line.append(word)
        x += width
    if line:
        yield line


def _facts(page: Mapping[str, Any]) -> list[str]:
    """Say what was measured, with units and how each is known; leave out what is null."""
    facts = [page["layout"], f"{page['n_leads']} leads"]
    for name, unit in (("speed_mm_per_s", "mm/s"), ("gain_mm_per_mv", "mm/mV")):
        if page[name] is not None:
            source = page[f"{name.partition('_')[0]}_source"]
            facts.append(f"{page[name]:g} {unit} ({source})")
    if page["px_per_mm_x"] is not None and page["px_per_mm_y"] is not None:
        pitch = f"{page['px_per_mm_x']:.2f} by {page['px_per_mm_y']:.2f} px/mm"
        facts.append(f"{pitch} ({page['px_per_mm_source']})")
    if page["rotation_deg"] is not None:
        facts.append(f"turned by {round(page['rotation_deg'], 1) + 0.0:g}°")  # never -0
    residuals = {"Einthoven": page["einthoven_uv"], "Goldberger": page["goldberger_uv"]}
    return facts + [
        f"{name} residual {value:.0f} µV" for name, value in residuals.items() if value is not None
    ]

"""One page as a picture: what was read drawn over the paper, and the leads beside it.

The picture answers the reviewer's question, "is this curve the one on the paper?", so curves are
drawn from the published rows and not from anything that a table does not hold: where a sample is
null there is no line, where a name was guessed it says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from ecgbatch.report import canvas, heading, leads_panel
from ecgbatch.report.blanked import blanked, page_curves
from ecgbatch.report.paper import upright_paper
from ecgbatch.types import ByteArray, Lead

_PAGE_WIDTH_PX = 1600
_PANEL_WIDTH_PX = 1180
_MARGIN_PX = 28
_CORNER_PX = 14
_NAME_RISE_PX = 46
_SAME_ROW_PX = 20  # zero lines of one printed row differ by less, those of two rows by more
_NAME_ASIDE = 0.2  # of a region's width: at its start stands the printed name, to compare with
_FADE = 0.35  # how far the paper steps back behind the curves


def published_picture(
    page: Mapping[str, Any],
    leads: Sequence[Lead],
    pixels: ByteArray | None,
    *,
    whole_paper: bool = False,
) -> ByteArray:
    """Draw a page that became an ECG.

    Args:
        page: Its row of ``pages``.
        leads: Its rows of ``signals``.
        pixels: ``(row, column)`` or ``(row, column, 3)`` RGB source page as decoded; None for
            digital records and where the source cannot be read any more.
        whole_paper: Show the paper as it is; it can name a patient. Otherwise it is blanked, see
            ``blanked``: a page of drawn lines or samples shows its leads alone, and one whose
            source cannot be read shows neither.

    Returns:
        ``(row, column, 3)`` RGB uint8.
    """
    parts = []
    if pixels is not None and page["homography"] is not None:
        if whole_paper:
            paper = upright_paper(page, _colour(pixels))
        else:
            paper, leads = blanked(page, leads, pixels)
        parts.append(_page_with_curves(page, leads, paper))
    elif pixels is not None and whole_paper:
        parts.append(_fit(_colour(pixels), width_px=_PAGE_WIDTH_PX))
    elif page["homography"] is not None and not whole_paper:
        leads = []  # nobody can tell whether a line of text was taken for one of them
    height_px = max((part.shape[0] for part in parts), default=0)
    parts.append(leads_panel.draw(leads, width_px=_PANEL_WIDTH_PX, height_px=height_px))
    body = _beside(parts)
    return np.concatenate([heading.of_published(page, width_px=body.shape[1]), body])


def quarantined_picture(rows: Sequence[Mapping[str, Any]], pixels: ByteArray | None) -> ByteArray:
    """Draw a page, or a whole file, that was set aside: the paper and why.

    Args:
        rows: Its rows of ``quarantine``, at least one.
        pixels: The source page as decoded, which can name a patient: nothing is known of it that
            could tell text from traces. None where it is not to be shown, or could not be had.

    Returns:
        ``(row, column, 3)`` RGB uint8.
    """
    parts = [_reasons_card(rows)]
    if pixels is not None:
        parts.insert(0, _fit(_colour(pixels), width_px=_PAGE_WIDTH_PX // 2))
    body = _beside(parts)
    return np.concatenate([heading.of_quarantined(rows[0], width_px=body.shape[1]), body])


def _page_with_curves(
    page: Mapping[str, Any], leads: Sequence[Lead], upright: ByteArray
) -> ByteArray:
    paper = _fit(upright, width_px=_PAGE_WIDTH_PX)
    scale = paper.shape[1] / upright.shape[1]
    white = np.full_like(paper, 255)
    faded = np.asarray(cv2.addWeighted(paper, 1 - _FADE, white, _FADE, 0))
    rise_px = _name_rise(leads, scale=scale)
    for lead in leads:
        if lead.box_px is not None:
            _frame(faded, lead, scale=scale, rise_px=rise_px)
    for lead, x_px, y_px in page_curves(page, leads):
        canvas.curve(faded, scale * x_px, scale * y_px, colour=canvas.lead_colour(lead.lead))
    return faded


def _name_rise(leads: Sequence[Lead], *, scale: float) -> int:
    """Say how far above its zero line a name stands: clear of most complexes, in its own row."""
    zeros_px = sorted(scale * lead.origin_px[1] for lead in leads if lead.origin_px is not None)
    apart_px = [gap for gap in np.diff(zeros_px) if gap > _SAME_ROW_PX]
    return round(min([_NAME_RISE_PX, *(gap / 2 for gap in apart_px)]))


def _frame(picture: ByteArray, lead: Lead, *, scale: float, rise_px: int) -> None:
    """Mark the corners of a region and name it beside its zero line.

    Regions of neighbouring rows overlap to leave room for tall complexes, so whole frames would
    cross the curves, and a name in a corner would stand in the row above.
    """
    if lead.box_px is None:
        return
    left, top, right, bottom = (round(scale * edge) for edge in lead.box_px)
    colour = canvas.lead_colour(lead.lead)
    arm = max(1, min(_CORNER_PX, (right - left) // 4, (bottom - top) // 4))
    for x, along in ((left, arm), (right, -arm)):
        for y, down in ((top, arm), (bottom, -arm)):
            cv2.line(picture, (x, y), (x + along, y), colour, 1)
            cv2.line(picture, (x, y), (x, y + down), colour, 1)
    zero = (top + bottom) // 2 if lead.origin_px is None else round(scale * lead.origin_px[1])
    name = lead.lead if lead.name_source != "guessed" else f"{lead.lead}?"
    canvas.chip(
        picture,
        name,
        x=left + round(_NAME_ASIDE * (right - left)),
        y=zero - rise_px,
        size_px=14,
        fill=colour,
        colour=canvas.WHITE,
    )


def _reasons_card(rows: Sequence[Mapping[str, Any]]) -> ByteArray:
    line_px = 34
    lines = sum(4 + len(row["facts"]) for row in rows)
    card = canvas.blank(width_px=760, height_px=2 * _MARGIN_PX + line_px * max(lines, 6))
    y = _MARGIN_PX + line_px // 2
    for row in rows:
        canvas.write(card, row["reason"], x=_MARGIN_PX, y=y, size_px=30, weight=canvas.BOLD)
        facts = [("stage", row["stage"]), ("attempts", f"{row['attempts']}")]
        facts.append(("may succeed later", "yes" if row["retriable"] else "no"))
        facts += [(name, f"{value:g}") for name, value in row["facts"]]
        for name, value in facts:
            y += line_px
            canvas.write(card, name, x=_MARGIN_PX, y=y, size_px=18, colour=canvas.QUIET)
            canvas.write(card, value, x=_MARGIN_PX + 280, y=y, size_px=18)
        y += 2 * line_px
    return card


def _colour(pixels: ByteArray) -> ByteArray:
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    return pixels


def _fit(pixels: ByteArray, *, width_px: int) -> ByteArray:
    height_px = max(1, round(pixels.shape[0] * width_px / pixels.shape[1]))
    smaller = width_px < pixels.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width_px, height_px), interpolation=how))


def _beside(parts: Sequence[ByteArray]) -> ByteArray:
    """Set pictures side by side on a plain ground, each with a margin."""
    height_px = max(part.shape[0] for part in parts) + 2 * _MARGIN_PX
    width_px = sum(part.shape[1] + _MARGIN_PX for part in parts) + _MARGIN_PX
    ground = canvas.blank(width_px=width_px, height_px=height_px, colour=canvas.BACKGROUND)
    x = _MARGIN_PX
    for part in parts:
        rows, columns = part.shape[:2]
        ground[_MARGIN_PX : _MARGIN_PX + rows, x : x + columns] = part
        cv2.rectangle(
            ground, (x - 1, _MARGIN_PX - 1), (x + columns, _MARGIN_PX + rows), canvas.RULE, 1
        )
        x += columns + _MARGIN_PX
    return ground

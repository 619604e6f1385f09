"""The leads of one page on fresh millimetre paper, at the times at which they were printed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecgbatch.report import canvas
from ecgbatch.types import EXTRA_LEADS, LEADS, ByteArray, Lead

_SPEED_MM_PER_S = 25.0
_GAIN_MM_PER_MV = 10.0
_NAME_PX = 86
_HIGHEST_MM = 40.0  # a row grows with its lead, but one wild sample must not take the page
_LOWEST_MM = 12.0
_EDGE_MM = 4.0


def draw(leads: Sequence[Lead], *, width_px: int, height_px: int = 0) -> ByteArray:
    """Draw one row per lead and role, in the order of every record, rhythm rows last.

    All rows share one time axis and one scale, 25 mm/s and 10 mm/mV, whatever the page used.
    Pieces that were printed at other times stand there; what was not read stays empty.

    Args:
        leads: Segments of one page, in any order.
        width_px: Width of the panel.
        height_px: Least height; the rows spread over it.

    Returns:
        ``(row, column, 3)`` RGB uint8.
    """
    rows = _rows(leads)
    end_ms = max((_end_ms(lead) for lead in leads), default=1000.0)
    start_ms = min(0.0, min((lead.t0_ms for lead in leads), default=0.0))
    length_mm = (end_ms - start_ms) / 1000 * _SPEED_MM_PER_S
    px_per_mm = (width_px - _NAME_PX - 20) / max(length_mm, 25.0)
    px_per_uv = _GAIN_MM_PER_MV * px_per_mm / 1000
    heights_mm = [_reach_mm(row) for row in rows]
    needed_mm = sum(up + down for up, down in heights_mm) + 2 * _EDGE_MM
    spare_mm = max(0.0, height_px / px_per_mm - needed_mm) / max(1, len(rows))
    height_px = max(height_px, round(needed_mm * px_per_mm))
    panel = canvas.blank(width_px=width_px, height_px=height_px)
    canvas.millimetre_paper(panel, px_per_mm=px_per_mm)
    panel[:, : _NAME_PX - 8] = canvas.WHITE
    top_mm = _EDGE_MM
    for row, (up, down) in zip(rows, heights_mm, strict=True):
        _write_name(panel, row, y=(top_mm + (up + down + spare_mm) / 2) * px_per_mm)
        zero_px = (top_mm + spare_mm / 2 + up) * px_per_mm
        for lead in row:
            time_ms = lead.t0_ms - start_ms + np.arange(lead.signal_uv.size) * (1000 / lead.fs_hz)
            x_px = _NAME_PX + time_ms / 1000 * _SPEED_MM_PER_S * px_per_mm
            y_px = zero_px - lead.signal_uv * px_per_uv
            colour = canvas.lead_colour(lead.lead)
            canvas.curve(panel, x_px, y_px, colour=colour, thickness_px=2)
        top_mm += up + down + spare_mm
    return panel


def _rows(leads: Sequence[Lead]) -> list[list[Lead]]:
    order = {name: place for place, name in enumerate((*LEADS, *EXTRA_LEADS))}
    grouped: dict[tuple[bool, int, str], list[Lead]] = {}
    for lead in leads:
        key = (lead.role == "rhythm", order.get(lead.lead, len(order)), lead.lead)
        grouped.setdefault(key, []).append(lead)
    return [grouped[key] for key in sorted(grouped)]


def _end_ms(lead: Lead) -> float:
    return lead.t0_ms + lead.signal_uv.size * 1000 / lead.fs_hz


def _reach_mm(row: Sequence[Lead]) -> tuple[float, float]:
    """Say how far above and below its zero line a row of the panel needs room."""
    values_uv = np.concatenate([lead.signal_uv for lead in row])
    values_uv = values_uv[np.isfinite(values_uv)]
    if values_uv.size == 0:
        return _LOWEST_MM / 2, _LOWEST_MM / 2
    high, low = np.percentile(values_uv, [99.8, 0.2]) / 1000 * _GAIN_MM_PER_MV
    up = float(np.clip(high + 1.5, 4.0, _HIGHEST_MM / 2))
    down = float(np.clip(1.5 - low, 4.0, _HIGHEST_MM / 2))
    spare = max(0.0, _LOWEST_MM - up - down) / 2
    return up + spare, down + spare


def _write_name(panel: ByteArray, row: Sequence[Lead], *, y: float) -> None:
    lead = row[0]
    name = lead.lead if lead.name_source != "guessed" else f"{lead.lead}?"
    colour = canvas.lead_colour(lead.lead)
    canvas.write(panel, name, x=14, y=y + 2, size_px=22, colour=colour, weight=canvas.BOLD)
    notes = ["rhythm"] if lead.role == "rhythm" else []
    samples = sum(lead.signal_uv.size for lead in row)
    read = sum(int(np.isfinite(lead.signal_uv).sum()) for lead in row)
    if read < 0.995 * samples:
        notes.append(f"{read / samples:.0%}")
    canvas.write(panel, " ".join(notes), x=14, y=y + 18, size_px=12, colour=canvas.QUIET)

"""A page's leads as one array on the page's time axis: what every export format writes.

The rules are the same in all formats:

* The twelve standard leads come first, in the order of every record, printed or not; what was not
  printed at a time is missing at that time. Extra positions follow.
* A lead stands at the time at which it was printed (``t0_ms``), so the columns of a 3x4 page
  follow each other and do not start together. It is moved to the nearest sample of the record's
  axis, half a sample at most.
* A strip takes its lead's name. Where the lead was printed again as a rhythm row, that row is a
  signal of its own, such as ``II-rhythm``: the two were read from different ink and may differ.
  A rhythm row without a strip takes the lead's plain name.
* A second strip of a lead continues the first where their times do not overlap, and is otherwise
  a signal of its own, such as ``V1-2``.
* Nothing is resampled. A page whose leads have several rates gives one record per rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecgbatch.types import EXTRA_LEADS, LEADS, FloatArray, Lead


@dataclass(frozen=True, slots=True, eq=False)
class ExportRecord:
    """One page, or the part of it that has one sampling rate.

    Attributes:
        name: Record name: scan id, page number and, where a page has several, the rate.
        page: Its row of ``pages``.
        fs_hz: Samples per second.
        t0_ms: Place of the first sample on the page's time axis, zero or before.
        names: One per signal.
        signal_uv: ``(signal, sample)`` float32; NaN where nothing was printed or readable.
    """

    name: str
    page: Mapping[str, Any]
    fs_hz: float
    t0_ms: float
    names: tuple[str, ...]
    signal_uv: FloatArray


def records_of(page: Mapping[str, Any], leads: Sequence[Lead]) -> Iterator[ExportRecord]:
    """Arrange the leads of one page; a page without samples gives no record."""
    rates = sorted({lead.fs_hz for lead in leads if lead.signal_uv.size}, reverse=True)
    for fs_hz in rates:
        same_rate = [lead for lead in leads if lead.fs_hz == fs_hz]
        name = f"{page['scan_id']}_p{page['page_no']:04d}"
        if len(rates) > 1:
            name += f"_{fs_hz:g}hz".replace(".", "p")
        yield _arrange(name, page, same_rate, fs_hz=fs_hz)


def _arrange(
    name: str, page: Mapping[str, Any], leads: Sequence[Lead], *, fs_hz: float
) -> ExportRecord:
    t0_ms = min(0.0, *(lead.t0_ms for lead in leads))
    starts = [round((lead.t0_ms - t0_ms) * fs_hz / 1000) for lead in leads]
    length = max(start + lead.signal_uv.size for start, lead in zip(starts, leads, strict=True))
    signals: dict[str, FloatArray] = {lead: _missing(length) for lead in LEADS}
    taken = {lead: np.zeros(length, dtype=bool) for lead in LEADS}
    # Strips before rhythm rows: a strip has the first right to its lead's name.
    order = sorted(
        range(len(leads)), key=lambda index: (leads[index].role == "rhythm", starts[index])
    )
    with_strip = {lead.lead for lead in leads if lead.role != "rhythm"}
    for index in order:
        lead = leads[index]
        here = slice(starts[index], starts[index] + lead.signal_uv.size)
        base = lead.lead
        if lead.role == "rhythm" and base in with_strip:
            base = f"{base}-rhythm"
        title = base
        printing = 1
        while title in taken and taken[title][here].any():
            printing += 1
            title = f"{base}-{printing}"
        signals.setdefault(title, _missing(length))[here] = lead.signal_uv
        taken.setdefault(title, np.zeros(length, dtype=bool))[here] = True
    names = sorted(signals, key=_place)
    stacked = np.stack([signals[title] for title in names])
    return ExportRecord(name, page, fs_hz, t0_ms, tuple(names), stacked)


def _missing(length: int) -> FloatArray:
    return np.full(length, np.nan, dtype=np.float32)


def _place(title: str) -> tuple[int, int, str]:
    known = (*LEADS, *EXTRA_LEADS)
    if title in known:
        return 0, known.index(title), title
    base = title.partition("-")[0]
    return 1, known.index(base) if base in known else len(known), title

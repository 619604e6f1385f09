"""Which of the printed lead names belongs to which drawn trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecgbatch.imaging.decode.pdf_text import Word
from ecgbatch.types import EXTRA_LEADS, LEADS

_SPELLINGS = {
    **{name: name for name in ("I", "II", "III")},
    **{f"D{name}": name for name in ("I", "II", "III")},  # Spanish, Portuguese, French carts
    **{f"D{number}": name for number, name in enumerate(("I", "II", "III"), 1)},
}
_ANY_CASE = {name.lower(): name for name in (*LEADS[3:], *EXTRA_LEADS)}

_LEFT_MM = 15.0  # how far before the start of its trace a name may stand
_ABOVE_MM = 20.0  # and how far above or below its zero line
_SAME_MM = 4.0  # names of one page stand at one height over their traces, within this


@dataclass(frozen=True, slots=True)
class Span:
    """Where a trace runs on the page, in printed millimetres, y downwards."""

    left_mm: float
    right_mm: float
    middle_mm: float


@dataclass(frozen=True, slots=True)
class Label:
    """A lead's name and where it is printed, in millimetres."""

    lead: str
    x_mm: float
    y_mm: float


def lead_name(text: str) -> str | None:
    """Return the lead that a word names.

    Example:
        >>> lead_name("AVR"), lead_name("DII"), lead_name("ii"), lead_name("-aVR")
        ('aVR', 'II', None, None)
    """
    text = text.rstrip(":.")
    return _SPELLINGS.get(text) or _ANY_CASE.get(text.lower())


def find_labels(words: Sequence[Word], *, pt_per_mm_x: float, pt_per_mm_y: float) -> list[Label]:
    """Return the lead names among the words of a page."""
    named = ((lead_name(word.text), word) for word in words)
    return [
        Label(lead, word.x_pt / pt_per_mm_x, word.y_pt / pt_per_mm_y)
        for lead, word in named
        if lead is not None
    ]


def match(labels: Sequence[Label], spans: Sequence[Span]) -> list[list[Label]]:
    """Return the names of each trace, from left to right.

    A page has one habit: above the start of the trace, or at its left, or in the middle over it.
    So the height of a name over its zero line is a number that as many traces as possible agree
    on, and a name between two rows goes to the row that fits it.

    Args:
        labels: Lead names on the page.
        spans: Traces.
    """
    heights = {
        round(label.y_mm - span.middle_mm)
        for label in labels
        for span in spans
        if _beside(label, span) and abs(label.y_mm - span.middle_mm) <= _ABOVE_MM
    }
    best: list[list[Label]] = [[] for _ in spans]
    best_score = (0, 0.0)
    for height in sorted(heights):
        assigned, cost = _assign(labels, spans, height)
        score = (sum(bool(names) for names in assigned), -cost - 0.1 * abs(height))
        if score > best_score or best_score[0] == 0:
            best, best_score = assigned, score
    return best


def _beside(label: Label, span: Span) -> bool:
    return span.left_mm - _LEFT_MM <= label.x_mm <= span.right_mm


def _assign(
    labels: Sequence[Label], spans: Sequence[Span], height_mm: float
) -> tuple[list[list[Label]], float]:
    """Give each name to the trace that it fits best at one height over the zero lines."""
    assigned: list[list[Label]] = [[] for _ in spans]
    total = 0.0
    for label in labels:
        costs = [
            (off + 0.5 * min(abs(label.x_mm - span.left_mm), _LEFT_MM), index)
            for index, span in enumerate(spans)
            if _beside(label, span)
            and (off := abs(label.y_mm - span.middle_mm - height_mm)) <= _SAME_MM
        ]
        if costs:
            cost, index = min(costs)
            assigned[index].append(label)
            total += cost
    for names in assigned:
        names.sort(key=lambda label: label.x_mm)
    return assigned, total

"""Which way up a page is, from what every ECG shows and without reading a word.

Rows of traces are long and level. Upright, calibration pulses stand on their feet, a T wave
follows each QRS complex within 400 ms while the P wave before it is smaller, most R waves point
up, the head of the form is above the traces, and names of leads stand where rows begin. No cue is
certain; together they are.

Some of these cues tell up from down and some left from right. On a page that was scanned through
its back they contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.imaging.beats import find_beats
from ecgbatch.imaging.cues import names_before, order_of_waves, pulses_stand, text_above
from ecgbatch.imaging.masks import BoolArray
from ecgbatch.imaging.shapes import LONG_MM, shapes_of, straight_lines, trace_length_mm
from ecgbatch.types import ByteArray

_INKED = 80
_SURE_PULSE = 1.4  # of the cue: a tenth of a stamp's fit between standing and hanging
_AS_STORED = 0.5
"""Lead of the side that the file has up: who scans a page, or turns a picture, looks at it."""
_TELLING_MM = 100.0
"""Length of traces below which a side that no pulse confirms is a guess: what looks like text above
and names before a single piece of trace may be anything."""
_SURE_TRACE_MM, _SURE_BEAT_MM = 300.0, 40.0
"""Length of traces from which on a complex in so many millimetres needs no other proof of an ECG:
a heart of 38 beats a minute at 25 mm/s. Letters that touch have fewer, or are shorter."""
_UP_SURE, _ALONG_SURE = 1.0, 2.5
"""How far the cues of up and down, and those of left and right, must lead to contradict each other.

Pages seen through their back are rarer than the error of any cue: large P waves before small T
waves alone turn the order of waves by 2.2. Measured with ``benchmarks/mirrored.py``."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a page is to be turned.

    Attributes:
        quarter_turns: Counter-clockwise quarter turns that make it upright.
        trace_mm: Length of all that looks like a trace.
        still_mm: Length of straight level lines that calibration pulses stand on, measured only
            where nothing else looks like a trace; 0 elsewhere.
        beats: Steep complexes with room on both sides.
        beating: Whether rows beat like a heart, by those or by what ``find_beats`` sees.
        margin: How far the chosen side leads over its opposite, by the cues alone and together with
            the side that the file has up, whichever says less; below 1 it is a guess.
        mirrored: Whether what tells left from right contradicts what tells up from down.
        cues: What each cue said for upright (positive) against upside down: pulses, order of
            waves, polarity, text above and below, names at the ends of rows, pulses there.
    """

    quarter_turns: int
    trace_mm: float
    still_mm: float
    beats: int
    beating: bool
    margin: float
    mirrored: bool
    cues: tuple[float, float, float, float, float, float]


def find_orientation(ink: ByteArray, *, px_per_mm: float) -> Orientation:
    """Find the upright side of a page.

    Args:
        ink: ``(row, column)`` darkness of ink, straight to the axes but for quarter turns.
        px_per_mm: Its scale; 3 to 5 is enough.
    """
    inked = ink > _INKED
    # lines of a dark grid that were left tie traces together along both axes
    level_rules = straight_lines(inked, px_per_mm, axis=1)
    bare = inked & ~level_rules
    upright_rules = straight_lines(bare, px_per_mm, axis=0)
    marks = shapes_of(bare & ~upright_rules)
    lengths_mm = trace_length_mm(marks, px_per_mm), trace_length_mm(marks.turned(), px_per_mm)
    trace_mm = max(lengths_mm)
    still = trace_mm < LONG_MM
    if still:
        lengths_mm = _still_lengths(inked, level_rules, upright_rules, px_per_mm)
    sideways = lengths_mm[1] > lengths_mm[0]
    beating = False
    if trace_mm < _SURE_TRACE_MM:
        rows, turned = find_beats(ink, px_per_mm=px_per_mm)
        beating = rows.are_enough
        sideways = turned if beating else sideways
    if sideways:
        # seen after one quarter turn counter-clockwise
        ink = np.ascontiguousarray(np.rot90(ink))
        inked = np.ascontiguousarray(np.rot90(inked))
    rules = straight_lines(inked, px_per_mm, axis=0)  # level ones stay: a flat line is a trace, too
    if sideways or rules.any() or level_rules.any():
        marks = shapes_of(inked & ~rules)
        ink = ink * ~rules
    order, polarity, beats = order_of_waves(marks, px_per_mm)
    if trace_mm >= _SURE_TRACE_MM:
        beating = beats * _SURE_BEAT_MM >= trace_mm
        beating = beating or find_beats(ink, px_per_mm=px_per_mm)[0].are_enough
    pulses, at_begin = pulses_stand(ink, marks, px_per_mm)
    text, names = text_above(marks, px_per_mm), names_before(marks, px_per_mm)
    up, along = pulses + polarity + text, order + names + at_begin
    told = up + along
    score = told + (0.0 if sideways else _AS_STORED)
    telling = trace_mm >= _TELLING_MM or abs(pulses) > _SURE_PULSE
    turns = (1 if sideways else 0) + (0 if score >= 0 else 2)
    return Orientation(
        quarter_turns=turns % 4,
        trace_mm=trace_mm,
        still_mm=max(lengths_mm) if still and abs(pulses) > _SURE_PULSE else 0.0,
        beats=beats,
        beating=beating,
        margin=min(abs(score), abs(told)) if telling else 0.0,
        mirrored=up * along < 0 and abs(up) > _UP_SURE and abs(along) > _ALONG_SURE,
        cues=(pulses, order, polarity, text, names, at_begin),
    )


def _still_lengths(
    inked: BoolArray, level_rules: BoolArray, upright_rules: BoolArray, px_per_mm: float
) -> tuple[float, float]:
    """Return the length of straight lines with something on them, along rows and along columns.

    A heart that stands still is drawn as rules are, but calibration pulses stand on its line.
    """
    level = shapes_of(inked & ~upright_rules)
    upright = shapes_of(inked & ~level_rules)
    return trace_length_mm(level, px_per_mm), trace_length_mm(upright.turned(), px_per_mm)

"""Speed and gain of a page, from its calibration pulses or assumed, and never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ecgbatch.flags import Flag
from ecgbatch.imaging.pulse import Pulse

_PULSE_MV = 1.0  # IEC 60601-2-25 asks carts to print 1 mV during 0.2 s
_PULSE_S = (0.2, 0.1)  # the second stands on real paper of carts that save space
_GAINS_MM_PER_MV = (2.5, 5.0, 10.0, 20.0, 40.0)
_SPEEDS_MM_PER_S = (6.25, 12.5, 25.0, 50.0)
_USUAL_MM = (10.0, 5.0)
_SNAP = 0.06  # pulses measured on rendered and scanned pages stay within 4 %
_SPEED_SNAP = 0.12  # a pen's width out of 5 mm
_LEAST_PULSES, _SAME_HEIGHT = 2, 0.02
_ASSUMED_OFF = 0.25  # paper from 210 mm to 350 mm long, where 280 mm is assumed
_EXACT = 0.01  # pulses of paper that kept its size stay within it, and copies seldom
_ALIKE = 0.15  # pulses of one page that differ by more have different gains


@dataclass(frozen=True, slots=True)
class Scale:
    """What a millimetre means.

    Attributes:
        speed_mm_per_s: Paper speed.
        speed_source: ``printed``, ``pulse`` or ``assumed``; see ``schema.PAGES``.
        gain_mm_per_mv: Deflection of one millivolt.
        gain_source: The same for the gain.
        flags: What a reader should know of it.
    """

    speed_mm_per_s: float
    speed_source: str
    gain_mm_per_mv: float
    gain_source: str
    flags: tuple[Flag, ...]


def has_usual_height(pulse: Pulse) -> bool:
    """Whether its first plateau is one of the heights that carts print."""
    return _snapped(pulse.heights_mm[0] / _PULSE_MV, _GAINS_MM_PER_MV, within=_SNAP) is not None


def has_usual_size(pulse: Pulse) -> bool:
    """Whether it is as large as at 10 mm/mV and 25 mm/s, which nearly all carts print."""
    height, width = pulse.heights_mm[0] / _USUAL_MM[0], pulse.width_mm / _USUAL_MM[1]
    return abs(height - 1) <= _SNAP and abs(width - 1) <= _SPEED_SNAP


def paper_px_per_mm(pulses: Sequence[Pulse], *, assumed_px_per_mm: float) -> float | None:
    """Measure the scale of paper without a grid on its pulses.

    A pulse is as high as one of the usual gains says, and as wide as one of the usual speeds, so
    that both sides tell by how much an assumed scale is off.

    Args:
        pulses: Calibration pulses of the page.
        assumed_px_per_mm: Scale that their millimetres were measured with.

    Returns:
        Pixels per millimetre; None where the pulses are too few or too unlike each other, or where
        their height and their width say different things.
    """
    if len(pulses) < _LEAST_PULSES:
        return None
    heights = np.array([pulse.heights_mm[0] for pulse in pulses])
    height_mm, width_mm = float(np.median(heights)), float(np.median([p.width_mm for p in pulses]))
    if np.median(np.abs(heights / height_mm - 1)) > _SAME_HEIGHT:
        return None
    gain = _snapped(height_mm / _PULSE_MV, _GAINS_MM_PER_MV, within=_ASSUMED_OFF)
    if gain is None:
        return None
    off = height_mm / (gain * _PULSE_MV)
    speed = _snapped(width_mm / off / _PULSE_S[0], _SPEEDS_MM_PER_S, within=_SPEED_SNAP)
    return None if speed is None else assumed_px_per_mm * off


def read_scale(
    pulses: Sequence[Pulse],
    *,
    printed_speed_mm_per_s: float | None,
    printed_gain_mm_per_mv: float | None,
    assumed_speed_mm_per_s: float,
    assumed_gain_mm_per_mv: float,
) -> Scale:
    """Read the scale.

    What the file or the page says in words comes first, then the pulses, then the assumption. A
    pulse that contradicts is told by a flag.

    Args:
        pulses: Calibration pulses of the page.
        printed_speed_mm_per_s: Speed that was read before, None where it was not.
        printed_gain_mm_per_mv: The same for the gain.
        assumed_speed_mm_per_s: What to assume where nothing tells.
        assumed_gain_mm_per_mv: The same for the gain.
    """
    flags: list[Flag] = []
    gain, gain_source = _gain(pulses, printed_gain_mm_per_mv, assumed_gain_mm_per_mv, flags)
    speed, speed_source = _speed(pulses, printed_speed_mm_per_s, assumed_speed_mm_per_s, flags)
    return Scale(speed, speed_source, gain, gain_source, tuple(flags))


def on_copied_paper(scale: Scale, pulses: Sequence[Pulse]) -> Scale:
    """Doubt a scale where the millimetre is that of a scanner, and nothing printed tells it.

    Copiers and faxes make paper some per cent larger or smaller, along and across. Without a grid
    only pulses tell: their millivolt is as high as the paper's, so that the gain is theirs. How
    long a second is now, nothing tells as well.

    Args:
        scale: As it was read.
        pulses: Calibration pulses of the page.

    Returns:
        The scale, unchanged where at least two pulses have the size that they should.
    """
    doubtful = replace(scale, flags=(*scale.flags, Flag.SCALE_DOUBTFUL))
    if len(pulses) < _LEAST_PULSES:
        return doubtful
    heights = np.array([pulse.heights_mm[0] for pulse in pulses]) / _PULSE_MV
    high = float(np.median(heights))
    if np.median(np.abs(heights / high - 1)) > _SAME_HEIGHT:
        return doubtful
    wide = float(np.median([pulse.width_mm for pulse in pulses])) / scale.speed_mm_per_s
    off = abs(high / scale.gain_mm_per_mv - 1)
    if max(off, min(abs(wide / usual - 1) for usual in _PULSE_S)) <= _EXACT:
        return scale
    return replace(doubtful, gain_mm_per_mv=high) if off <= _SNAP else doubtful


def _gain(
    pulses: Sequence[Pulse], printed: float | None, assumed: float, flags: list[Flag]
) -> tuple[float, str]:
    if not pulses:
        if printed is None:
            flags.append(Flag.GAIN_ASSUMED)
            return assumed, "assumed"
        return printed, "printed"
    firsts = np.array([pulse.heights_mm[0] for pulse in pulses]) / _PULSE_MV
    measured = float(np.median(firsts))
    stepped = any(len(pulse.heights_mm) > 1 for pulse in pulses)
    if stepped or np.any(np.abs(firsts / measured - 1) > _ALIKE):
        flags.append(Flag.GAIN_SPLIT)
    gain = _snapped(measured, _GAINS_MM_PER_MV, within=_SNAP)
    if gain is None:
        flags.append(Flag.GAIN_UNUSUAL)
        gain = measured
    if printed is not None:
        if abs(gain / printed - 1) > _SNAP:
            flags.append(Flag.GAIN_CONFLICT)
        return printed, "printed"
    return gain, "pulse"


def _speed(
    pulses: Sequence[Pulse], printed: float | None, assumed: float, flags: list[Flag]
) -> tuple[float, str]:
    expected = assumed if printed is None else printed
    told = "assumed" if printed is None else "printed"
    if pulses:
        width_mm = float(np.median([pulse.width_mm for pulse in pulses]))
        speeds = [_snapped(width_mm / s, _SPEEDS_MM_PER_S, within=_SPEED_SNAP) for s in _PULSE_S]
        if speeds[0] == expected:
            return expected, "pulse" if printed is None else "printed"
        if expected in speeds:
            if printed is None:  # half a pulse at the usual speed, or a whole one at half of it
                flags.append(Flag.SPEED_AMBIGUOUS)
        elif printed is not None:
            flags.append(Flag.SPEED_CONFLICT)
        elif speeds[0] is not None:
            return speeds[0], "pulse"
    if printed is None:
        flags.append(Flag.SPEED_ASSUMED)
    return expected, told


def _snapped(value: float, usual: Sequence[float], *, within: float) -> float | None:
    nearest = min(usual, key=lambda candidate: abs(np.log(candidate / value)))
    return nearest if abs(value / nearest - 1) <= within else None

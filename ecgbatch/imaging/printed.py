"""What a line of text says of speed and gain."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"(?<![\d.,])(\d{1,2}(?:[.,]\d{1,2})?)"
_SPEED = re.compile(_NUMBER + r" ?mm/s")
_GAIN = re.compile(_NUMBER + r" ?mm/mV")
_TWO_GAINS = re.compile(_NUMBER + r" ?/ ?" + _NUMBER + r" ?mm/mV")
_SPEEDS_MM_PER_S = (5.0, 6.25, 10.0, 12.5, 25.0, 50.0, 100.0)
_GAINS_MM_PER_MV = (1.25, 2.5, 5.0, 10.0, 20.0, 40.0)
_SURE = 0.6


@dataclass(frozen=True, slots=True)
class PrintedScale:
    """Speed and gain as printed; None where the page does not say.

    Attributes:
        speed_mm_per_s: Paper speed.
        gain_mm_per_mv: Gain; of the limb leads where the chest leads have another one.
        split: Whether there are two gains.
    """

    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    split: bool = False


def printed_scale(text: str, likelihood: tuple[float, ...]) -> PrintedScale:
    """Find speed and gain in a line.

    Args:
        text: As it was read; letters that belong to no unit may stand as ``*``.
        likelihood: Of each symbol. A value whose symbols are doubtful is left out.

    Example:
        >>> printed_scale("25mm/s 10,0 mm/mV 0.15-100*z", (1.0,) * 28)
        PrintedScale(speed_mm_per_s=25.0, gain_mm_per_mv=10.0, split=False)
    """
    speeds = _values(_SPEED, text, likelihood, _SPEEDS_MM_PER_S)
    gains = _values(_TWO_GAINS, text, likelihood, _GAINS_MM_PER_MV) or _values(
        _GAIN, text, likelihood, _GAINS_MM_PER_MV
    )
    return PrintedScale(
        speed_mm_per_s=speeds[0] if len(set(speeds)) == 1 else None,
        gain_mm_per_mv=gains[0] if gains else None,
        split=len(set(gains)) > 1,
    )


def _values(
    pattern: re.Pattern[str], text: str, likelihood: tuple[float, ...], usual: tuple[float, ...]
) -> list[float]:
    found = []
    for match in pattern.finditer(text):
        if min(likelihood[match.start() : match.end()]) < _SURE:
            continue
        for number in match.groups():
            value = float(number.replace(",", "."))
            if value in usual:
                found.append(value)
    return found


def agreed(scales: list[PrintedScale]) -> PrintedScale:
    """Return what several lines of one page say; a value they differ on is not told.

    Args:
        scales: One per line.
    """
    speeds = {scale.speed_mm_per_s for scale in scales} - {None}
    gains = {scale.gain_mm_per_mv for scale in scales} - {None}
    return PrintedScale(
        speed_mm_per_s=next(iter(speeds)) if len(speeds) == 1 else None,
        gain_mm_per_mv=next(iter(gains)) if len(gains) == 1 else None,
        split=any(scale.split for scale in scales),
    )

"""Lines that tell speed and gain in the habits of many makers, put on pages in free places."""

from __future__ import annotations

import numpy as np

from ecgbatch.synth.paper import RenderedPage
from ecgbatch.training.writing import printed

_SPEED_WORDS = ("", "", "", "Speed: ", "Speed ", "Vel: ", "Vorschub ", "Vitesse : ", "Vel. ")
_SPEED_UNITS = ("mm/s", "mm/s", "mm/s", "mm/sec", "mm/Sek", "mm/sek.")
_GAIN_WORDS = ("", "", "", "Gain: ", "Gain ", "Ampl: ", "Sens. ", "Verst. ", "Limb: ", "Ext. ")
_GAIN_UNITS = ("mm/mV", "mm/mV", "mm/mV", "mm/mv")
_FILTERS = (
    "",
    "",
    "0.15-100Hz",
    "0.05-150 Hz",
    "0,05-40Hz",
    "~ 0.5-35 Hz",
    "AC50",
    "AC 50Hz",
    "EMG 25Hz",
    "F 50~ 0.67-25Hz",
    "35 Hz",
    "40Hz",
    "BLS ON",
    "DFT:0.32Hz",
    "50Hz/100Hz",
    "Auto 12x1",
)
_GAPS = (" ", "  ", "   ", "     ", ", ", "; ", "  -  ", " / ", " | ")


def scale_line(
    rng: np.random.Generator, *, speed_mm_per_s: float, gain_mm_per_mv: float, chest: float
) -> str:
    """Return a line with speed and gain among filters and the like, in any maker's habit.

    Args:
        rng: Source of the habit.
        speed_mm_per_s: Paper speed.
        gain_mm_per_mv: Gain of the limb leads.
        chest: Gain of the chest leads.
    """
    comma = rng.random() < 0.25
    digits = int(rng.choice([0, 0, 0, 1, 2]))
    space = " " if rng.random() < 0.5 else ""

    def number(value: float) -> str:
        text = f"{value:.{digits}f}" if digits and round(value, digits) == value else f"{value:g}"
        return text.replace(".", ",") if comma else text

    speed = f"{_one(rng, _SPEED_WORDS)}{number(speed_mm_per_s)}{space}{_one(rng, _SPEED_UNITS)}"
    unit = _one(rng, _GAIN_UNITS)
    gain = f"{_one(rng, _GAIN_WORDS)}{number(gain_mm_per_mv)}{space}{unit}"
    if chest != gain_mm_per_mv or rng.random() < 0.12:
        first = f"{number(gain_mm_per_mv)}{space}{unit}"
        gain = f"Limb: {first}  Chest: {number(chest)}{space}{unit}"
        if rng.random() < 0.3:
            gain = f"Limb:{number(gain_mm_per_mv)} Chest:{number(chest)}{space}{unit}"
    parts = [speed, gain, _one(rng, _FILTERS), _one(rng, _FILTERS)]
    if rng.random() < 0.15:  # one of both alone
        parts = [parts[int(rng.integers(2))], *parts[2:]]
    gap = _one(rng, _GAPS)
    return gap.join(str(part) for part in rng.permutation(parts) if part)


def with_scale_line(page: RenderedPage, rng: np.random.Generator) -> RenderedPage:
    """Print a line with the page's speed and gain in a free place near a border, if there is one.

    Half of the pages stay as they are.
    """
    if rng.random() < 0.5:
        return page
    truth = page.truth
    text = scale_line(
        rng,
        speed_mm_per_s=truth.speed_mm_per_s,
        gain_mm_per_mv=truth.gain_mm_per_mv,
        chest=truth.chest_gain_mm_per_mv,
    )

    def y_mm(height_mm: float) -> float:
        near = float(rng.uniform(5, 24))
        return near if rng.random() < 0.35 else height_mm - near

    return printed(page, (text,), rng, role="scale", y_mm=y_mm)


def _one(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]

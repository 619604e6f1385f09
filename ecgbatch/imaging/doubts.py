"""What a reader should know of a page whose layout and scale were found by geometry alone."""

from __future__ import annotations

from enum import StrEnum


class Flag(StrEnum):
    """Part of the closed list in the column ``flags``."""

    NAMES_GUESSED = "names_guessed"
    """Leads are named by the usual order of such layouts."""
    LAYOUT_GUESSED = "layout_guessed"
    """Rows and columns do not all show what they are; the likeliest layout was taken."""
    RHYTHM_UNMATCHED = "rhythm_unmatched"
    """A long row repeats none of the strips above it; its name is the usual one."""
    SPEED_ASSUMED = "speed_assumed"
    """Nothing on the page told the paper speed."""
    SPEED_AMBIGUOUS = "speed_ambiguous"
    """The pulses fit two speeds, a factor of two apart."""
    SPEED_CONFLICT = "speed_conflict"
    """The pulses contradict the printed speed."""
    GAIN_ASSUMED = "gain_assumed"
    """Nothing on the page told the gain."""
    GAIN_SPLIT = "gain_split"
    """Pulses have two heights: limb and chest leads may differ, one gain was taken."""
    GAIN_UNUSUAL = "gain_unusual"
    """The pulses are of a height that no cart is known to print."""
    GAIN_CONFLICT = "gain_conflict"
    """The pulses contradict the printed gain."""

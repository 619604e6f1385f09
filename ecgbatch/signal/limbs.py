"""What the limb leads must obey, and what that says about their names.

Six limb leads are made from two potentials (Einthoven 1913, Goldberger 1942), so some combinations
of them are zero at all times. Where a page prints the leads of such a combination at the same time,
what is left of it measures digitisation error; when names are mixed up, most of the signal is left.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgbatch.signal.record import together
from ecgbatch.types import FloatArray, Lead

EINTHOVEN = {"I": -1.0, "II": 1.0, "III": -1.0}
GOLDBERGER = {"aVR": 1.0, "aVL": 1.0, "aVF": 1.0}
TIES = (  # combinations that tie the two groups together
    {"aVR": 1.0, "I": 0.5, "II": 0.5},
    {"aVL": 1.0, "I": -0.5, "III": 0.5},
    {"aVF": 1.0, "II": -0.5, "III": -0.5},
    {"II": 1.5, "aVR": 1.0, "aVF": -1.0},
)
SHORTEST_S = 0.5  # of common time: less may hold no beat


@dataclass(frozen=True, slots=True)
class LimbCheck:
    """How well the limb leads of a page agree.

    A *share* is the RMS of what is left of a combination over what would be left if its leads had
    nothing to do with each other: near 0 when names and scales are right, near 1 when they are
    not. NaN where the page does not print the leads together.

    Attributes:
        einthoven_uv: RMS of II - I - III, offsets removed.
        einthoven_share: The same as a share.
        goldberger_uv: RMS of aVR + aVL + aVF, offsets removed.
        goldberger_share: The same as a share.
        tie_share: Worst share of the combinations that tie the two groups together.
        repeat_share: Worst share of leads that are printed twice at the same time.
    """

    einthoven_uv: float
    einthoven_share: float
    goldberger_uv: float
    goldberger_share: float
    tie_share: float
    repeat_share: float

    @property
    def worst_share(self) -> float:
        """The largest share of all; NaN where nothing could be checked."""
        shares = [
            share
            for share in (
                self.einthoven_share,
                self.goldberger_share,
                self.tie_share,
                self.repeat_share,
            )
            if np.isfinite(share)
        ]
        return max(shares, default=float("nan"))

    @property
    def complete(self) -> bool:
        """Whether both groups and their tie could be checked: then no two can be swapped."""
        return bool(np.isfinite(self.einthoven_share + self.goldberger_share + self.tie_share))


def check_limbs(leads: Sequence[Lead]) -> LimbCheck:
    """Check every combination of limb leads that the page prints at the same time.

    Args:
        leads: Of one page, at one rate.

    Returns:
        What is left of the combinations; NaN where they cannot be formed.
    """
    einthoven_uv, einthoven_share = _left_over(leads, EINTHOVEN)
    goldberger_uv, goldberger_share = _left_over(leads, GOLDBERGER)
    ties = [_left_over(leads, tie)[1] for tie in TIES]
    return LimbCheck(
        einthoven_uv=einthoven_uv,
        einthoven_share=einthoven_share,
        goldberger_uv=goldberger_uv,
        goldberger_share=goldberger_share,
        tie_share=_worst(ties),
        repeat_share=_worst(_repeats(leads)),
    )


def _left_over(leads: Sequence[Lead], combination: dict[str, float]) -> tuple[float, float]:
    """RMS in µV and share of a combination, over all printings that stand beside each other."""
    printings = [[lead for lead in leads if lead.lead == name] for name in combination]
    left, parts, samples = 0.0, 0.0, 0
    for chosen in itertools.product(*printings):
        weighted = _common(chosen, list(combination.values()))
        if weighted is None:
            continue
        left += float(np.square(_centred(weighted.sum(axis=0))).sum())
        parts += float(sum(np.square(_centred(row)).sum() for row in weighted))
        samples += weighted.shape[1]
    if samples == 0:
        return float("nan"), float("nan")
    return (left / samples) ** 0.5, (left / parts) ** 0.5 if parts > 0 else 0.0


def _repeats(leads: Sequence[Lead]) -> list[float]:
    """Shares of leads that are printed twice at the same time."""
    shares = []
    for one, other in itertools.combinations(leads, 2):
        if one.lead != other.lead:
            continue
        pair = _common((one, other), [1.0, -1.0])
        if pair is not None:
            parts = sum(np.square(_centred(row)).sum() for row in pair)
            left = np.square(_centred(pair.sum(axis=0))).sum()
            shares.append(float((left / parts) ** 0.5) if parts > 0 else 0.0)
    return shares


def _common(leads: Sequence[Lead], weights: Sequence[float]) -> FloatArray | None:
    """Weighted leads where all have a value, ``(lead, sample)``; None where that is too short."""
    if len({lead.fs_hz for lead in leads}) != 1:
        return None
    cut = np.stack(together(leads))
    cut = cut[:, np.isfinite(cut).all(axis=0)]
    if cut.shape[1] < SHORTEST_S * leads[0].fs_hz:
        return None
    return np.asarray(cut * np.asarray(weights, np.float32)[:, None])


def _centred(values: FloatArray) -> FloatArray:
    """Without the offset: paper does not print the zero level of a lead."""
    return np.asarray(values - np.median(values))


def _worst(shares: Sequence[float]) -> float:
    return max((share for share in shares if np.isfinite(share)), default=float("nan"))

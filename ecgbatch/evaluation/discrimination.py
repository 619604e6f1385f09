"""How well probabilities tell statements that hold from those that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ecgbatch.types import DoubleArray

BoolArray = npt.NDArray[np.bool_]

FEWEST_POSITIVES = 10
"""With fewer of either kind a figure says nothing, and none is given."""


def auroc(scores: DoubleArray, positive: BoolArray) -> float:
    """Return how often a positive scores above a negative, ties counting half.

    Args:
        scores: ``(record,)``; NaN ranks lowest.
        positive: ``(record,)``.

    Returns:
        0 to 1; NaN where one kind is missing.

    Example:
        >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
        0.75
    """
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return float("nan")
    ranks = rankdata(np.where(np.isfinite(scores), scores, -np.inf))
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def auroc_error(area: float, *, positive: int, negative: int) -> float:
    """Return the standard error of an AUROC (Hanley and McNeil 1982)."""
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (q1 - area**2)
    variance += (negative - 1) * (q2 - area**2)
    return float((max(variance, 0.0) / (positive * negative)) ** 0.5)


def macro_auroc(
    scores: DoubleArray, positive: BoolArray, known: BoolArray, *, fewest: int = FEWEST_POSITIVES
) -> tuple[float, int]:
    """Return the mean AUROC over statements, and over how many of them.

    Args:
        scores: ``(record, statement)``.
        positive: The same shape.
        known: The same shape: whether the record is labelled for the statement.
        fewest: Positives that a statement needs to count.
    """
    areas = []
    for score, holds, there in zip(scores.T, positive.T, known.T, strict=True):
        if min((holds & there).sum(), (~holds & there).sum()) >= fewest:
            areas.append(auroc(score[there], holds[there]))
    return (float(np.mean(areas)) if areas else float("nan")), len(areas)


def f1(decided: BoolArray, positive: BoolArray) -> float:
    """Return the harmonic mean of precision and sensitivity; 0 where nothing is found."""
    hits = int((decided & positive).sum())
    return 2 * hits / max(int(decided.sum()) + int(positive.sum()), 1)


def calibration_error(probability: DoubleArray, positive: BoolArray, *, bins: int = 10) -> float:
    """Return the expected calibration error over bins of equal width (Guo et al. 2017).

    Example:
        >>> calibration_error(np.array([0.9, 0.9]), np.array([True, False]))
        0.4
    """
    place = np.minimum((probability * bins).astype(np.intp), bins - 1)
    total = np.bincount(place, minlength=bins)
    said = np.bincount(place, weights=probability, minlength=bins)
    held = np.bincount(place, weights=positive.astype(np.float64), minlength=bins)
    return float(np.abs(said - held).sum() / total.sum())


@dataclass(frozen=True, slots=True)
class Risk:
    """What is wrong among the answers that are kept.

    Attributes:
        coverage: Share of answers that are kept, the surest ones.
        error: Share of them that are wrong.
    """

    coverage: float
    error: float


def selective_risk(
    wrong: BoolArray, doubt: DoubleArray, *, coverages: tuple[float, ...] = (0.8, 0.9, 0.95, 1.0)
) -> list[Risk]:
    """Return how wrong the surest answers are.

    Args:
        wrong: ``(answer,)``.
        doubt: ``(answer,)``; the larger, the sooner an answer is withheld.
        coverages: Shares that are kept.
    """
    order = np.argsort(doubt, kind="stable")
    risks = []
    for share in coverages:
        kept = order[: max(1, round(share * order.size))]
        risks.append(Risk(share, float(wrong[kept].mean())))
    return risks

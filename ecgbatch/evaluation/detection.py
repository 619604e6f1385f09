"""How well boxes, names and layouts are found, beside what is known of a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ecgbatch.types import DoubleArray


@dataclass(frozen=True, slots=True, eq=False)
class FoundBoxes:
    """The boxes of one kind that were found on one page, and those that are there.

    Attributes:
        found: ``(found, 4)`` left, top, right, bottom.
        likelihood: ``(found,)``, of each.
        true: ``(true, 4)``.
    """

    found: DoubleArray
    likelihood: DoubleArray
    true: DoubleArray


def overlap_of_boxes(one: DoubleArray, other: DoubleArray) -> DoubleArray:
    """Return the intersection over union of boxes.

    Args:
        one: ``(n, 4)`` left, top, right, bottom.
        other: ``(m, 4)``.

    Returns:
        ``(n, m)``, 0 to 1; boxes without an area overlap with none.

    Example:
        >>> overlap_of_boxes(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]]))
        array([[0.33333333]])
    """
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:4], other[None, :, 2:4])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(np.maximum(box[:, 2:4] - box[:, :2], 0), axis=1) for box in (one, other)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def average_precision(pages: Iterable[FoundBoxes], *, overlap: float = 0.5) -> float:
    """Return the area under precision over recall, all pages together.

    Boxes are taken by falling likelihood; each claims the free true box that it overlaps most, and
    counts as false where that overlap is too small. Precision is made to fall along recall before
    the area is taken (Everingham et al., VOC 2010 and later).

    Args:
        pages: Boxes per page.
        overlap: Least intersection over union.

    Returns:
        0 to 1; NaN without any true box.
    """
    likelihoods: list[float] = []
    hits: list[bool] = []
    total = 0
    for page in pages:
        total += len(page.true)
        shared = overlap_of_boxes(page.found, page.true)
        for index in np.argsort(-page.likelihood, kind="stable"):
            best = int(shared[index].argmax()) if len(page.true) else -1
            hit = best >= 0 and shared[index, best] >= overlap
            if hit:
                shared[:, best] = 0  # it is claimed
            likelihoods.append(float(page.likelihood[index]))
            hits.append(hit)
    if total == 0:
        return float("nan")
    if not hits:
        return 0.0
    true = np.cumsum(np.array(hits)[np.argsort(-np.array(likelihoods), kind="stable")])
    recall, precision = true / total, true / np.arange(1, len(true) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * falling).sum())


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """One lead on a page, found or true.

    Attributes:
        lead: Its name.
        role: ``strip`` or ``rhythm``.
        box_px: Left, top, right, bottom; of found ones and true ones in the same pixels.
    """

    lead: str
    role: str
    box_px: tuple[float, float, float, float]


def lead_identity(
    found: Sequence[NamedPlace], true: Sequence[NamedPlace], *, shared: float = 0.5
) -> tuple[int, int]:
    """Count the true leads whose place was found with the right name.

    A place is found by what covers most of its width and whose middle row is nearest; its height is
    not asked, since how far ink reaches says nothing of whose it is.

    Args:
        found: Leads that were found.
        true: Leads that are there.
        shared: Least share of the wider of both that they have in common along time.

    Returns:
        Right ones, and all true ones.
    """
    right = 0
    for place in true:
        near = [each for each in found if _shared_width(each, place) >= shared]
        if not near:
            continue
        best = min(near, key=lambda each: abs(_middle(each) - _middle(place)))
        height = place.box_px[3] - place.box_px[1]
        if abs(_middle(best) - _middle(place)) <= max(height, 1.0):
            right += best.lead == place.lead
    return right, len(true)


def same_layout(found: Sequence[NamedPlace], true: Sequence[NamedPlace]) -> bool:
    """Return whether every lead, and nothing else, was found in its place with its name and role.

    Args:
        found: Leads that were found.
        true: Leads that are there.
    """
    right, total = lead_identity(found, true)
    roles = sorted(each.role for each in found) == sorted(each.role for each in true)
    return right == total == len(found) and roles


def _middle(place: NamedPlace) -> float:
    return (place.box_px[1] + place.box_px[3]) / 2


def _shared_width(one: NamedPlace, other: NamedPlace) -> float:
    shared = min(one.box_px[2], other.box_px[2]) - max(one.box_px[0], other.box_px[0])
    widest = max(one.box_px[2] - one.box_px[0], other.box_px[2] - other.box_px[0])
    return shared / widest if widest > 0 else 0.0

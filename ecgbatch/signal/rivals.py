"""What would be left of the limb leads' combinations if they had other names.

Where a lead is nearly flat, two others are nearly alike, and the combinations that must be zero
are so under more than one naming. Then the leads do not tell their names.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ecgbatch.signal.limbs import EINTHOVEN, GOLDBERGER, SHORTEST_S, TIES
from ecgbatch.types import Lead

_LIMB = (*EINTHOVEN, *GOLDBERGER)
_CABRERA = ("aVL", "I", "aVR", "II", "aVF", "III")
"""What stands where the usual order has each limb lead; aVR hangs upside down."""
_SYMMETRIC = {"I", "III"}
"""Einthoven's combination is the same with these exchanged; where the page prints no augmented lead
beside them, as in 3x4, nothing tells them apart. No cart prints them in that order."""
_STEP_S = 0.016  # QRS complexes still have five samples

Naming = dict[str, tuple[str, float]]
"""True name, and 1 or -1, by the name that was given."""
_Beside = tuple[list[str], list[list[float]]]
"""Names of leads, and what each pair of them has in common; as lists, because three numbers are
added up a hundred times, and arrays take ten times as long to begin."""


def _namings() -> Iterator[Naming]:
    usual: Naming = {name: (name, 1.0) for name in _LIMB}
    for one, other in itertools.combinations(_LIMB, 2):
        if {one, other} == _SYMMETRIC:
            continue
        yield usual | {one: (other, 1.0), other: (one, 1.0)}
    yield {
        given: (true, -1.0 if true == "aVR" else 1.0)
        for given, true in zip(_LIMB, _CABRERA, strict=True)
    }


_NAMINGS = tuple(_namings())


def rival_share(leads: Sequence[Lead]) -> float:
    """Return the worst share under the best other naming of the limb leads.

    Others are two of them exchanged, save I and III, and all of them in the order of Cabrera. A
    naming is tried where Einthoven's and Goldberger's combination, and one that ties both groups,
    are printed at one time under it.

    Args:
        leads: Of one page, at one rate.

    Returns:
        A share as in ``LimbCheck``; infinity where no other naming can be tried.
    """
    beside = list(_beside(leads))
    worst = [_worst_share(beside, naming) for naming in _NAMINGS]
    return min(worst, default=float("inf"))


def _beside(leads: Sequence[Lead]) -> Iterator[_Beside]:
    """Yield names of limb leads that stand beside each other, and what each pair has in common."""
    limb = [lead for lead in leads if lead.lead in _LIMB]
    spans = [_span(lead) for lead in limb]
    for start, stop in sorted(set(spans)):
        step = max(1, round(_STEP_S * limb[0].fs_hz))
        here = [
            (lead.lead, lead.signal_uv[start - first : stop - first : step])
            for lead, (first, last) in zip(limb, spans, strict=True)
            if first <= start and last >= stop
        ]
        values = np.stack([signal for _, signal in here]).astype(np.float64)
        values = values[:, np.isfinite(values).all(axis=0)]
        if values.shape[1] * step < SHORTEST_S * limb[0].fs_hz:
            continue
        values -= np.median(values, axis=1, keepdims=True)
        yield [name for name, _ in here], (values @ values.T).tolist()


def _span(lead: Lead) -> tuple[int, int]:
    first = round(lead.t0_ms * lead.fs_hz / 1000)
    return first, first + lead.signal_uv.size


def _worst_share(beside: Sequence[_Beside], naming: Naming) -> float:
    """Infinity where the naming cannot be tried."""
    tried = [
        [_share(beside, naming, combination) for combination in group]
        for group in ((EINTHOVEN,), (GOLDBERGER,), TIES)
    ]
    known = [[share for share in group if share is not None] for group in tried]
    return max(max(group, default=float("inf")) for group in known)


def _share(
    beside: Sequence[_Beside],
    naming: Naming,
    combination: dict[str, float],
) -> float | None:
    left = parts = 0.0
    for names, common in beside:
        true = [naming[name] for name in names]
        printings = [
            [k for k, (name, _) in enumerate(true) if name == wanted] for wanted in combination
        ]
        for chosen in itertools.product(*printings):
            weights = [
                true[k][1] * weight for k, weight in zip(chosen, combination.values(), strict=True)
            ]
            held = list(zip(chosen, weights, strict=True))
            left += sum(u * v * common[j][k] for j, u in held for k, v in held)
            parts += sum(weight**2 * common[k][k] for k, weight in held)
    return None if parts == 0 else (max(left, 0.0) / parts) ** 0.5

"""Simulated hearts that have what labelled records lack, measured as records are.

They are carried apart from records from the first to the last: they are no ``Labelled``, have no
fold, and no figure of records can hold one. What is learnt from them is tested on real records
alone, of which none was learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS, fact_vector, facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.synth.heart import SimulatedRecord, simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.patient import find_condition
from ecgbatch.training.diagnosis.printings import REPORTED_LAYOUTS, leads_of, read_back, shown
from ecgbatch.training.whole import save_arrays
from ecgbatch.types import FloatArray

RHYTHMS = {
    "": 30.0, "AFIB": 8, "SBRAD": 5, "STACH": 6, "SARRH": 4, "PVC": 5, "PAC": 6, "1AVB": 4,
    "AFLT": 8, "BIGU": 5, "TRIGU": 5, "SVTAC": 6, "PACE": 6, "2AVB_WENCKEBACH": 2, "3AVB": 2,
}  # fmt: skip
"""How often rhythms are drawn: what is rare in hospitals is not rare here, or it is not learnt."""
FORMS = {
    "": 30.0, "CLBBB": 4, "CRBBB": 4, "IRBBB": 4, "LAFB": 5, "LPFB": 2, "IVCD": 4, "LVH": 7,
    "ILBBB": 4, "WPW": 5, "RVH": 5, "RAE": 4, "LAE": 3, "IMI": 6, "AMI": 6, "LMI": 4, "PMI": 4,
    "ISC": 4, "NDT": 4, "INVT": 2, "ISCHAEMIA": 3, "PERICARDITIS": 2, "STEMI_ANTERIOR": 4,
    "STEMI_INFERIOR": 4, "STEMI_LATERAL": 2, "STEMI_HIGH_LATERAL": 1, "STEMI_POSTERIOR": 1,
}  # fmt: skip
"""The same of forms of waves."""
_CHUNK = 100
_FIRST_SEED = 5_000_000
_GROUPS = ("rhythm", "sub", "form")


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedViews:
    """Measured printings of simulated hearts, one each.

    Attributes:
        facts: ``(heart, FACTS)`` float32, NaN where not measurable.
        holds: ``(heart, target)`` whether the heart has it.
        condition: ``(heart,)`` what was simulated.
    """

    facts: FloatArray
    holds: npt.NDArray[np.bool_]
    condition: npt.NDArray[np.str_]


def drawn_condition(
    rng: np.random.Generator,
    *,
    rhythms: Mapping[str, float] = RHYTHMS,
    forms: Mapping[str, float] = FORMS,
) -> str:
    """Draw a rhythm and a form of waves that can be had together.

    Args:
        rng: Source of both.
        rhythms: How often each is drawn; the empty name is sinus rhythm.
        forms: The same of forms of waves.
    """
    while True:
        parts = [
            str(rng.choice(list(weights), p=np.array([*weights.values()]) / sum(weights.values())))
            for weights in (rhythms, forms)
        ]
        name = "+".join(part for part in parts if part) or "NORM"
        try:
            find_condition(name)
        except ConfigError:
            continue
        return name


def holds_of(record: SimulatedRecord) -> npt.NDArray[np.bool_]:
    """Return ``(target,)`` what a simulated heart has; what it cannot show it never has."""
    has = {f"{group}:{label}" for group in _GROUPS for label in record.labels}
    has |= {"sub:AVB" for label in record.labels if label.endswith("AVB")}
    has |= {"sub:LAFB/LPFB" for label in record.labels if label in {"LAFB", "LPFB"}}
    has |= {"sub:ISC" for label in record.labels if label == "ISC_"}
    return np.array([bool(has & set(name.split("|"))) for name in targets()])


def measure_simulated(kept: Path, *, count: int) -> Iterator[Path]:
    """Simulate and measure what is not there yet; each step is one file.

    Args:
        kept: Where the measured views are put.
        count: Hearts in all.

    Yields:
        Each file that was written.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for first in range(0, count, _CHUNK):
        target = kept / f"{first:06d}.npz"
        if target.exists():
            continue
        hearts = [_measured(number) for number in range(first, min(first + _CHUNK, count))]
        facts, holds, conditions = zip(*hearts, strict=True)
        save_arrays(
            target, facts=np.stack(facts), holds=np.stack(holds), condition=np.array(conditions)
        )
        yield target


def read_simulated(kept: Path) -> SimulatedViews:
    """Read all views that were measured.

    Raises:
        ConfigError: There are none, or they were measured for other facts or targets.
    """
    parts = []
    for path in sorted(kept.glob("*.npz")):
        with np.load(path) as file:
            parts.append({name: file[name] for name in SimulatedViews.__slots__})
    if not parts:
        raise ConfigError(f"simulated: {kept} holds no measured heart")
    views = SimulatedViews(
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    )
    if (views.facts.shape[1], views.holds.shape[1]) != (len(FACTS), len(targets())):
        raise ConfigError(f"simulated: {kept} was measured for other facts or targets")
    return views


def _measured(number: int) -> tuple[FloatArray, npt.NDArray[np.bool_], str]:
    rng = np.random.default_rng((number, 3))
    record = simulate(
        _FIRST_SEED + number,
        condition=drawn_condition(rng),
        noise=float(rng.uniform(0.3, 3.0)),
        variety=float(rng.uniform(0.5, 1.5)),
    )
    signal_mv = read_back((record.signal_uv / 1000).astype(np.float32), rng, fs_hz=record.fs_hz)
    name = str(rng.choice(REPORTED_LAYOUTS))
    mask = shown(layout(name), fs_hz=record.fs_hz, samples=signal_mv.shape[1])
    facts = fact_vector(facts_of(measure(leads_of(signal_mv, mask, fs_hz=record.fs_hz))))
    return facts, holds_of(record), record.condition

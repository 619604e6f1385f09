"""One heart in one chest: kernels and lead field, drawn for a condition.

The dipole model and its tables are described in ``heart.json``; conditions are data, in
``conditions.toml``. A kernel is a row ``[centre_ms, sigma_ms, x, y, z, w]`` around the R reference,
in mV; ``w`` is a small fourth component, because three do not span real leads.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields
from functools import cache, reduce
from importlib.resources import files
from typing import Any

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.variation import Variation
from ecgbatch.types import DoubleArray

INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
"""The others follow from Einthoven's and Goldberger's laws."""

# Narrow QRS peaks read 6-10 % low in the band of the tables, 0.5-40 Hz, against 0.05-150 Hz.
_BAND_GAIN, _BAND_WIDTH, _NARROW_MS = 1.12, 0.95, 20.0
# Share of the fourth component in amplitude: 0.3 % of the energy.
_FOURTH = 0.055
_LONGEST_P_MS, _LONGEST_QRS_MS = -100.0, 110.0


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong with a heart; see ``conditions.toml`` for the fields."""

    name: str
    labels: tuple[str, ...]
    kernels: str = "NORM"
    rhythm: str = "sinus"
    rate_bpm: tuple[float, float] = (52.0, 88.0)
    pr_ms: tuple[float, float] = (150.0, 198.0)
    qtc_scale: tuple[float, float] = (0.94, 1.07)
    injury: str | None = None
    injury_scale: tuple[float, float] = (1.0, 1.0)
    p: tuple[float, float] = (1.0, 1.0)
    p_late: tuple[float, float] = (1.0, 1.0)
    qrs: tuple[float, float] = (1.0, 1.0)
    qrs_width: tuple[float, float] = (1.0, 1.0)
    t: tuple[float, float] = (1.0, 1.0)
    t_width: tuple[float, float] = (1.0, 1.0)
    turn_deg: tuple[float, float] = (0.0, 0.0)
    extra: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """The draws that stay the same through a record.

    Attributes:
        p_kernels: ``(kernel, 6)`` of the P wave, for a PR interval of 174 ms.
        qrs_kernels: ``(kernel, 6)`` of the QRS complex.
        t_kernels: ``(kernel, 6)`` of ST segment, T and U wave, for 69 beats per minute.
        ectopic_p_kernels: P waves from elsewhere in the atria.
        ectopic_kernels: QRS and T of each ventricular focus, ``(qrs, t)``.
        lead_field: ``(8, 4)`` rows of ``INDEPENDENT_LEADS``.
        beyond_field: ``(7, 4)`` rows of ``EXTRA_LEADS``.
        rate_bpm: Ventricular rate.
        pr_ms: PR interval.
        qtc_scale: Length of the ST-T part over the usual.
    """

    p_kernels: DoubleArray
    qrs_kernels: DoubleArray
    t_kernels: DoubleArray
    ectopic_p_kernels: DoubleArray
    ectopic_kernels: tuple[tuple[DoubleArray, DoubleArray], ...]
    lead_field: DoubleArray
    beyond_field: DoubleArray
    rate_bpm: float
    pr_ms: float
    qtc_scale: float


def find_condition(name: str) -> Condition:
    """Look a condition up; ``AFIB+CRBBB`` is both at once.

    Raises:
        ConfigError: There is no such condition, or they exclude each other: two rhythms, two
            tables of kernels, two injuries, or two ranges of one interval.
    """
    known = _conditions()
    found = []
    for part in name.split("+"):
        if part not in known:
            raise ConfigError(f"condition: there is no {part!r}; there are {', '.join(known)}")
        found.append(known[part])
    return reduce(_both, found)


def _both(one: Condition, other: Condition) -> Condition:
    merged: dict[str, Any] = {"name": f"{one.name}+{other.name}"}
    usual = Condition("", ())
    for field in fields(Condition):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        default = getattr(usual, field.name)
        if field.name in {"name", "labels", "extra"}:
            continue
        if field.name in _FACTORS:
            products = np.outer(mine, theirs)
            merged[field.name] = (float(products.min()), float(products.max()))
        elif len({mine, theirs} - {default}) == 2:
            raise ConfigError(
                f"condition: {one.name} and {other.name} exclude each other by {field.name}"
            )
        else:
            merged[field.name] = theirs if mine == default else mine
    labels = dict.fromkeys((*one.labels, *other.labels))
    # NORM and SR are said of hearts with nothing else.
    not_sinus = merged["rhythm"] in _NOT_SINUS
    left_out = {"NORM", "SR"} if not_sinus else {"NORM"}
    merged["labels"] = tuple(label for label in labels if label not in left_out)
    return Condition(extra=(*one.extra, *other.extra), **merged)


_FACTORS = {"p", "p_late", "qrs", "qrs_width", "t", "t_width"}
_NOT_SINUS = {"fibrillation", "flutter", "supraventricular_tachycardia", "ventricular_pacing"}


def condition_names() -> tuple[str, ...]:
    """Return every name that ``find_condition`` knows."""
    return tuple(_conditions())


def draw_patient(case: Condition, rng: np.random.Generator, *, own: Variation) -> Patient:
    """Draw a heart and a chest for a condition, whose complexes have their own variation."""

    def factor(limits: tuple[float, float]) -> float:
        return float(rng.uniform(*limits))

    p, qrs, t = _split(_kernels(case.kernels))
    gain = float(np.clip(np.exp(rng.normal(0, 0.2)), 0.65, 1.5))
    turn = _turn(rng) @ _frontal_turn(factor(case.turn_deg))
    # Narrower than the tables by a sixth, as benchmarks/heart.py measures real complexes.
    width = float(rng.uniform(0.76, 0.94)) * factor(case.qrs_width)

    qrs[:, 2:] *= gain * factor(case.qrs)
    qrs[:, 2:5] = qrs[:, 2:5] @ turn.T
    narrow = qrs[:, 1] < _NARROW_MS
    qrs[narrow, 2:] *= _BAND_GAIN
    qrs[:, :2] *= width
    qrs[narrow, 1] *= _BAND_WIDTH
    p[:, 2:5] = p[:, 2:5] @ _turn(rng).T
    p[:, 2:] *= factor(case.p) * np.exp(rng.normal(0, 0.2))
    p[-1, 2:] *= factor(case.p_late)
    t[:, 2:5] = t[:, 2:5] @ _turn(rng).T
    t[:, 2:] *= factor(case.t) * np.exp(rng.normal(0, 0.25))
    # A T wave stays near its place while it gets narrower.
    peak = t[-1, 0]
    squeeze = factor(case.t_width)
    t[:, 0] = peak + (t[:, 0] - peak) * squeeze
    t[:, 1] *= squeeze
    if case.injury is not None:
        vector = np.array(_tables()["injury"][case.injury]) * factor(case.injury_scale)
        # A plateau from the J point into the T wave.
        t = np.vstack([t, [110, 45, *vector, 0], [190, 60, *vector, 0]])
    for row in case.extra:
        kernel = np.array([[*row, 0.0]])
        kernel[:, 2:] *= gain
        if row[0] < _LONGEST_P_MS:
            p = np.vstack([p, kernel])
        elif row[0] < _LONGEST_QRS_MS:
            qrs = np.vstack([kernel, qrs])
        else:
            t = np.vstack([t, kernel])
    usual_ms = _begin_ms(qrs)
    qrs, t = own.complex_of(qrs), own.wave_of(t)
    later_ms = _begin_ms(qrs) - usual_ms
    return Patient(
        p_kernels=_with_fourth(p, rng),
        qrs_kernels=_with_fourth(qrs, rng),
        t_kernels=_with_fourth(t, rng),
        ectopic_p_kernels=_with_fourth(_ectopic_p(p, rng), rng),
        ectopic_kernels=tuple(_ventricular_focus(gain, rng) for _ in range(2)),
        lead_field=_lead_field(case.kernels, rng),
        beyond_field=_beyond_field(rng),
        rate_bpm=factor(case.rate_bpm),
        pr_ms=factor(case.pr_ms) - later_ms,
        qtc_scale=factor(case.qtc_scale),
    )


def _begin_ms(kernels: DoubleArray) -> float:
    return float((kernels[:, 0] - 2 * kernels[:, 1]).min())


def _split(kernels: DoubleArray) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Return P, QRS and ST-T rows of a table."""
    centre = kernels[:, 0]
    p, t = centre < _LONGEST_P_MS, centre > _LONGEST_QRS_MS
    return kernels[p].copy(), kernels[~p & ~t].copy(), kernels[t].copy()


def _turn(rng: np.random.Generator, *, spread_deg: float = 8.0) -> DoubleArray:
    """Return a rotation about a random axis by at most 20 degrees: hearts lie differently."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    angle = np.deg2rad(np.clip(rng.normal(0, spread_deg), -20, 20))
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    # Rodrigues' formula.
    turn: DoubleArray = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return turn


def _frontal_turn(angle_deg: float) -> DoubleArray:
    """Return a rotation that adds to the electrical axis; x is left, y is down."""
    c, s = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _with_fourth(kernels: DoubleArray, rng: np.random.Generator) -> DoubleArray:
    """Return kernels with the part that no dipole explains, a little of it at random."""
    size = np.linalg.norm(kernels[:, 2:5], axis=1)
    grown = kernels.copy()
    grown[:, 5] += rng.normal(0, _FOURTH, len(kernels)) * size
    return grown


def _ectopic_p(p: DoubleArray, rng: np.random.Generator) -> DoubleArray:
    """Return P waves that run another way: at least 60 degrees off, often upwards."""
    turned = p.copy()
    angle = rng.uniform(70, 200) * rng.choice([-1, 1])
    turned[:, 2:5] = turned[:, 2:5] @ _frontal_turn(angle).T
    return turned


def _ventricular_focus(gain: float, rng: np.random.Generator) -> tuple[DoubleArray, DoubleArray]:
    """Return QRS and T of beats from one place in a ventricle."""
    _, qrs, t = _split(_kernels("LBBB"))
    wide = rng.uniform(1.1, 1.35)
    qrs[:, :2] *= wide
    qrs[:, 2:] *= gain * rng.uniform(0.8, 1.2)
    if rng.random() < 0.5:  # from the left: towards V1 and to the right
        qrs[:, 2] *= -0.7
        qrs[:, 4] *= -1
    qrs[:, 2:5] = qrs[:, 2:5] @ (_turn(rng) @ _frontal_turn(rng.uniform(-80, 80))).T
    # Repolarisation runs against depolarisation.
    area = (qrs[:, 2:5] * qrs[:, 1:2]).sum(axis=0)
    direction = area / np.linalg.norm(area)
    size = np.linalg.norm(t[:, 2:5], axis=1, keepdims=True)
    t[:, 2:5] = -direction * size * rng.uniform(0.9, 1.3)
    # The table's fourth component belongs to another lead field.
    qrs[:, 5], t[:, 5] = 0, 0
    t[:, 0] += 30 * wide
    return _with_fourth(qrs, rng), _with_fourth(t, rng)


def _lead_field(kernels: str, rng: np.random.Generator) -> DoubleArray:
    tables = _tables()["lead_field"]
    mean = np.array([tables["fitted_mean"][lead] for lead in INDEPENDENT_LEADS])
    sd = np.array([tables["sd"][lead] for lead in INDEPENDENT_LEADS])
    # The measured spread includes the ambiguity of the dipole itself: about half of it is real.
    draw = rng.normal(size=mean.shape)
    # Neighbouring chest electrodes move together.
    chest = slice(2, None)
    draw[chest] = _smoothed(draw[chest])
    fourth = rng.normal(0, 1, len(mean))
    if (known := _tables()["kernels"][kernels].get("fourth")) is not None:
        fourth = np.array(known) * rng.normal(1, 0.15, len(mean))
    return np.column_stack([mean + 0.5 * sd * draw, fourth])


def _smoothed(rows: DoubleArray) -> DoubleArray:
    padded = np.vstack([rows[:1], rows, rows[-1:]])
    mixed = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return np.asarray(mixed / np.sqrt(6 / 16), dtype=np.float64)  # the weights' norm


def _beyond_field(rng: np.random.Generator) -> DoubleArray:
    rows = np.array(list(_tables()["lead_field"]["beyond"].values()))
    return np.column_stack([rows * rng.normal(1, 0.1, rows.shape), rng.normal(0, 0.3, len(rows))])


def _kernels(name: str) -> DoubleArray:
    """Return ``(kernel, 6)``; most tables know no fourth component."""
    rows = np.array(_tables()["kernels"][name]["rows"], dtype=np.float64)
    return np.pad(rows, ((0, 0), (0, 6 - rows.shape[1])))


@cache
def _tables() -> dict[str, Any]:
    text = files("ecgbatch.synth").joinpath("heart.json").read_text(encoding="utf-8")
    tables: dict[str, Any] = json.loads(text)
    return tables


@cache
def _conditions() -> dict[str, Condition]:
    text = files("ecgbatch.synth").joinpath("conditions.toml").read_text(encoding="utf-8")
    return {name: _condition(name, entry) for name, entry in tomllib.loads(text).items()}


def _condition(name: str, entry: dict[str, Any]) -> Condition:
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    values["extra"] = tuple(tuple(row) for row in entry.get("extra", ()))
    return Condition(name=name, **values)

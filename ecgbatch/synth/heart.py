"""A 12-lead simulator: a dipole that moves, seen by the patient's own lead field.

Each beat is a sum of Gaussian kernels in milliseconds from R, so that a fast heart does not get a
narrow QRS complex: only the ST-T part follows the rate. Noise is added at the electrodes and the
cart's filter to all of them, so Einthoven's and Goldberger's laws hold exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ecgbatch.errors import ConfigError
from ecgbatch.synth.electrodes import with_fault
from ecgbatch.synth.noise import electrode_noise, filtered
from ecgbatch.synth.patient import INDEPENDENT_LEADS, Patient, draw_patient, find_condition
from ecgbatch.synth.rhythm import Train, train
from ecgbatch.synth.variation import Variation
from ecgbatch.synth.waves import (
    BeatTruth,
    Intervals,
    RhythmTruth,
    WaveTruth,
    atrial_truth,
    beat_truth,
    intervals,
    rhythm_truth,
)
from ecgbatch.types import EXTRA_LEADS, LEADS, DoubleArray

_INTERNAL_HZ = 1000.0  # the shortest kernel, a pacing spike, has nothing left above 850 Hz
_MARGIN_S = 2.0  # simulated before and after, so that neither beats nor filters have an edge
_REFERENCE_RR_S = 60 / 69  # of the kernel tables
_RR_MEMORY_S = 25.0  # QT follows the rate with this delay (simECG, Bachi et al. 2023)
CART_BANDS_HZ = ((0.05, 150.0), (0.05, 100.0), (0.15, 40.0), (0.5, 40.0), (0.67, 25.0))
"""Pass bands that carts offer; the printed page carries the filter."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRecord:
    """A simulated recording and what is known of it.

    Attributes:
        signal_uv: ``(12, sample)`` in the order of ``LEADS``.
        extra_uv: ``(7, sample)`` in the order of ``EXTRA_LEADS``.
        fs_hz: Samples per second.
        condition: What was simulated.
        labels: SCP-ECG statements that hold.
        beats: Every beat inside the record.
        blocked_p: P waves that no beat follows.
        rhythms: Stretches of rhythm, one after the other.
        rate_bpm: Mean ventricular rate inside the record; NaN with fewer than two beats.
        band_hz: Of the cart's filter.
        mains_hz: 50 or 60.
        seed: What everything was drawn from.
        fault: One of ``electrodes.FAULTS``, or None.
        fault_span_s: Begin and end of the fault inside the record; None without one.
    """

    signal_uv: DoubleArray
    extra_uv: DoubleArray
    fs_hz: float
    condition: str
    labels: tuple[str, ...]
    beats: tuple[BeatTruth, ...]
    blocked_p: tuple[WaveTruth, ...]
    rhythms: tuple[RhythmTruth, ...]
    rate_bpm: float
    band_hz: tuple[float, float]
    mains_hz: float
    seed: int
    fault: str | None = None
    fault_span_s: tuple[float, float] | None = None

    @property
    def intervals(self) -> Intervals:
        """Medians of RR, PR, QRS and QT."""
        return intervals(self.beats)

    def by_name(self) -> dict[str, DoubleArray]:
        """Return every lead, the further ones included, by its name."""
        rows = zip((*LEADS, *EXTRA_LEADS), (*self.signal_uv, *self.extra_uv), strict=True)
        return dict(rows)


def simulate(
    seed: int,
    *,
    condition: str = "NORM",
    seconds: float = 10.0,
    fs_hz: float = 500.0,
    noise: float = 1.0,
    band_hz: tuple[float, float] | None = None,
    fault: str | None = None,
    variety: float = 0.0,
) -> SimulatedRecord:
    """Simulate one record.

    Args:
        seed: The same seed gives the same record.
        condition: A name of ``patient.condition_names()``, or several that go together, joined by
            ``+``.
        seconds: Length.
        fs_hz: Samples per second.
        noise: Factor on every noise; 0 gives a clean record.
        band_hz: Pass band of the cart's filter; None draws one of ``CART_BANDS_HZ``.
        fault: One of ``electrodes.FAULTS``.
        variety: How much single waves differ from those of their class: 0 not at all, 1 as much
            as in real hearts, at most 2.

    Raises:
        ConfigError: An unknown condition or fault, conditions that exclude each other, or an
            impossible length, rate, noise or band.
    """
    case = find_condition(condition)
    if not 1 <= seconds <= 3600:
        raise ConfigError(f"seconds: {seconds} is not between 1 and 3600")
    if not 50 <= fs_hz <= 5000:
        raise ConfigError(f"fs_hz: {fs_hz} is not between 50 and 5000")
    if not 0 <= noise <= 10:
        raise ConfigError(f"noise: {noise} is not between 0 and 10")
    if not 0 <= variety <= 2:
        raise ConfigError(f"variety: {variety} is not between 0 and 2")
    if band_hz is not None and not 0 <= band_hz[0] < band_hz[1]:
        raise ConfigError(f"band_hz: {band_hz} is not a pass band")
    rng = np.random.default_rng(seed)
    # Drawn apart, so that without variety the heart is that of its class.
    own = Variation(variety, np.random.default_rng([seed, 2]))
    patient = draw_patient(case, rng, own=own)
    events = train(
        case.rhythm,
        rate_bpm=patient.rate_bpm,
        pr_ms=patient.pr_ms,
        begin_s=-_MARGIN_S,
        end_s=seconds + _MARGIN_S,
        rng=rng,
    )
    steps = int(np.ceil(_INTERNAL_HZ / fs_hz))
    internal_hz = steps * fs_hz
    count = round(seconds * fs_hz)
    margin = int(np.ceil(_MARGIN_S * fs_hz)) * steps
    time_s = (np.arange(count * steps + 2 * margin) - margin) / internal_hz

    dipole_mv = np.zeros((len(time_s), 4))
    beats = _add_beats(dipole_mv, time_s, patient, events, rng)
    dipole_mv[:, :3] += _atrial_waves(time_s, events, rng)
    field = np.vstack([patient.lead_field, patient.beyond_field])
    leads_uv = 1000 * field @ _breathing(dipole_mv, time_s, rng).T
    mains_hz = float(rng.choice([50.0, 60.0]))
    leads_uv += noise * electrode_noise(time_s, mains_hz=mains_hz, rng=rng)
    span = None
    if fault is not None:  # drawn apart, so that the heart is that of the record without a fault
        apart = np.random.default_rng([seed, 1])
        leads_uv, (begin, end) = with_fault(
            leads_uv, fault, time_s=time_s, mains_hz=mains_hz, rng=apart
        )
        span = (max(begin, 0.0), min(end, seconds))
    band = CART_BANDS_HZ[int(rng.integers(len(CART_BANDS_HZ)))] if band_hz is None else band_hz
    # The last cut is the sampler's own.
    band = (float(band[0]), min(float(band[1]), 0.4 * fs_hz))
    leads_uv = filtered(leads_uv, fs_hz=internal_hz, band_hz=band)
    sampled = np.rint(leads_uv[:, margin : margin + count * steps : steps])
    inside = tuple(beat for beat in beats if 0 <= beat.r_s < seconds)
    gaps = np.diff([beat.r_s for beat in inside])
    return SimulatedRecord(
        signal_uv=_twelve(sampled[: len(INDEPENDENT_LEADS)]),
        extra_uv=sampled[len(INDEPENDENT_LEADS) :],
        fs_hz=fs_hz,
        condition=case.name,
        labels=case.labels,
        beats=inside,
        blocked_p=tuple(
            wave
            for p_s in events.blocked_p_s
            if 0 <= (wave := atrial_truth(patient.p_kernels, p_s)).peak_s < seconds
        ),
        rhythms=rhythm_truth(events, case.rhythm, seconds=seconds),
        rate_bpm=float(60 / gaps.mean()) if len(gaps) else float("nan"),
        band_hz=band,
        mains_hz=mains_hz,
        seed=seed,
        fault=fault,
        fault_span_s=span,
    )


def _twelve(independent_uv: DoubleArray) -> DoubleArray:
    """Return the twelve leads from I, II, V1 ... V6."""
    one, two, chest = independent_uv[0], independent_uv[1], independent_uv[2:]
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.vstack([*limb, chest])


def _add_beats(
    dipole_mv: DoubleArray,
    time_s: DoubleArray,
    patient: Patient,
    events: Train,
    rng: np.random.Generator,
) -> list[BeatTruth]:
    """Add every wave to the dipole, in place, and return where they are."""
    truths = []
    lagged_rr, last_r = 60 / patient.rate_bpm, None
    for beat in events.beats:
        rr = lagged_rr if last_r is None else min(max(beat.r_s - last_r, 0.25), 2.5)
        lagged_rr += (rr - lagged_rr) * (1 - np.exp(-rr / _RR_MEMORY_S))
        last_r = beat.r_s
        qrs, t = (patient.qrs_kernels, patient.t_kernels)
        if beat.kind == "V":
            qrs, t = patient.ectopic_kernels[beat.shape - 1]
        # Fridericia: QT goes with the cube root of RR. A wide QRS pushes its T wave along.
        stretch = patient.qtc_scale * np.cbrt(lagged_rr / _REFERENCE_RR_S)
        t = t.copy()
        t[:, :2] *= stretch
        wobble = rng.normal(1, 0.02)
        at = beat.r_s + rng.normal(0, 0.0005)
        _add(dipole_mv, time_s, at, qrs, wobble)
        _add(dipole_mv, time_s, at, t, wobble)
        p = patient.ectopic_p_kernels if beat.ectopic_p else patient.p_kernels
        if beat.p_s is not None:
            _add(dipole_mv, time_s, beat.p_s, p, rng.normal(1, 0.03))
        if beat.kind == "P":
            _add(dipole_mv, time_s, at, _SPIKE, 1.0)
        truths.append(beat_truth(beat, at, qrs, t, p))
    for p_s in events.blocked_p_s:
        _add(dipole_mv, time_s, p_s, patient.p_kernels, rng.normal(1, 0.03))
    return truths


# A pacing stimulus: under a millisecond, upwards and to the right, before the ventricles answer.
_SPIKE = np.array([[-88.0, 0.7, -1.2, -2.4, 0.3, 0.0]])


def _add(
    dipole_mv: DoubleArray, time_s: DoubleArray, at_s: float, kernels: DoubleArray, gain: float
) -> None:
    centre, sigma = at_s + kernels[:, 0] / 1000, kernels[:, 1] / 1000
    step = time_s[1] - time_s[0]
    begin, end = (centre - 4.5 * sigma).min(), (centre + 4.5 * sigma).max()
    first = max(int(np.ceil((begin - time_s[0]) / step)), 0)
    stop = min(int(np.floor((end - time_s[0]) / step)) + 1, len(time_s))
    if stop <= first:
        return
    place = (time_s[first:stop, None] - centre) / sigma
    dipole_mv[first:stop] += gain * np.exp(-0.5 * place**2) @ kernels[:, 2:]


def _atrial_waves(time_s: DoubleArray, events: Train, rng: np.random.Generator) -> DoubleArray:
    """Return fibrillation or flutter waves, ``(sample, 3)`` in mV."""
    if events.atrial_hz == 0:
        return np.zeros((len(time_s), 3))
    if events.flutter:  # a saw-tooth, downwards in the inferior leads
        phase = 2 * np.pi * events.atrial_hz * time_s
        size = np.array([0.02, -rng.uniform(0.1, 0.25), rng.uniform(0.04, 0.1)])
        wave = sum(np.sin(n * phase) / n for n in range(1, 5))
        return np.outer(wave, size)
    # Three harmonics whose rate wanders (Stridh and Sörnmo 2001; sizes as in simECG).
    wander = rng.uniform(0.1, 0.35) * np.sin(2 * np.pi * rng.uniform(0.1, 0.4) * time_s)
    size = np.array([rng.uniform(0.015, 0.045), rng.uniform(0.015, 0.04), rng.uniform(0.025, 0.07)])
    waves = np.zeros((len(time_s), 3))
    for axis in range(3):
        rate = events.atrial_hz * rng.normal(1, 0.03)
        phase = 2 * np.pi * rate * time_s + wander + rng.uniform(0, 2 * np.pi)
        swell = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5) * time_s)
        waves[:, axis] = swell * sum(np.sin(n * phase) / n for n in range(1, 4))
    return np.asarray(waves * size)


def _breathing(
    dipole_mv: DoubleArray, time_s: DoubleArray, rng: np.random.Generator
) -> DoubleArray:
    """Return the dipole as the breath turns the heart to and fro, by 0.03 to 0.1 rad."""
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    swing = rng.uniform(0.03, 0.1)
    breath = 2 * np.pi * rng.uniform(0.17, 0.35) * time_s + rng.uniform(0, 2 * np.pi)
    angle = (swing * np.sin(breath))[:, None]
    v = dipole_mv[:, :3]
    along = (v @ axis)[:, None] * axis
    turned = np.cos(angle) * (v - along) + np.sin(angle) * np.cross(axis, v) + along
    return np.column_stack([turned, dipole_mv[:, 3]])

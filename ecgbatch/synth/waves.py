"""What is known of a simulated record: every wave, every stretch of rhythm, and the intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from ecgbatch.synth.rhythm import Beat, Train
from ecgbatch.types import DoubleArray

# Below these shares of its top speed the dipole seems to rest: a P wave of 120 ms and a QRS complex
# of 82 ms for the kernels of normal hearts.
_STILL_SLOW, _STILL_FAST = 0.25, 0.08
_RUN = 3  # ventricular beats in a row from which on they are a rhythm of their own
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class WaveTruth:
    """One wave; times in seconds, NaN where it is not.

    Attributes:
        on_s: Where it begins to be seen.
        peak_s: Where it is largest.
        off_s: Where it ends.
    """

    on_s: float
    peak_s: float
    off_s: float


@dataclass(frozen=True, slots=True)
class BeatTruth:
    """One beat inside the record; times in seconds, NaN where there is no such wave.

    Attributes:
        r_s: The R reference.
        kind: See ``rhythm.Beat``.
        p_on_s: Where the P wave begins to be seen.
        p_peak_s: Where it is largest.
        p_off_s: Where it ends.
        qrs_on_s: Begin of the QRS complex.
        qrs_off_s: Its end.
        t_on_s: Begin of the ST-T part's movement.
        t_peak_s: Top of the T wave.
        t_off_s: Its end.
    """

    r_s: float
    kind: str
    p_on_s: float
    p_peak_s: float
    p_off_s: float
    qrs_on_s: float
    qrs_off_s: float
    t_on_s: float
    t_peak_s: float
    t_off_s: float


@dataclass(frozen=True, slots=True)
class RhythmTruth:
    """A stretch of one rhythm.

    Attributes:
        name: A rhythm of ``rhythm.RHYTHMS``, or ``ventricular_tachycardia`` for a run.
        begin_s: Where it begins.
        end_s: Where it ends.
    """

    name: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Medians over the conducted beats of a record, in ms; NaN where there is nothing to measure.

    Attributes:
        rr_ms: From R to R, over all beats.
        pr_ms: From the begin of P to that of QRS.
        qrs_ms: Length of QRS.
        qt_ms: From the begin of QRS to the end of T.
        qtc_ms: The same for 60 beats per minute, by Fridericia's formula.
    """

    rr_ms: float
    pr_ms: float
    qrs_ms: float
    qt_ms: float
    qtc_ms: float


def beat_truth(
    beat: Beat, at_s: float, qrs: DoubleArray, t: DoubleArray, p: DoubleArray
) -> BeatTruth:
    """Return where the waves of a beat are, from the kernels that made it."""
    p_wave = WaveTruth(_NAN, _NAN, _NAN) if beat.p_s is None else atrial_truth(p, beat.p_s)
    qrs_on, qrs_off = _extent(qrs, at_s, still=_STILL_FAST)
    t_on, t_off = _extent(t, at_s, still=_STILL_SLOW)
    return BeatTruth(
        r_s=at_s,
        kind=beat.kind,
        p_on_s=p_wave.on_s,
        p_peak_s=p_wave.peak_s,
        p_off_s=p_wave.off_s,
        qrs_on_s=qrs_on,
        qrs_off_s=qrs_off,
        t_on_s=max(t_on, qrs_off),
        t_peak_s=_peak(t, at_s),
        t_off_s=t_off,
    )


def atrial_truth(p: DoubleArray, at_s: float) -> WaveTruth:
    """Return where a P wave is, also one that no beat follows."""
    on_s, off_s = _extent(p, at_s, still=_STILL_SLOW)
    return WaveTruth(on_s, _peak(p, at_s), off_s)


def rhythm_truth(events: Train, rhythm: str, *, seconds: float) -> tuple[RhythmTruth, ...]:
    """Return the stretches of rhythm that cover a record."""
    spans: list[RhythmTruth] = []
    kinds = [(beat.r_s, beat.kind) for beat in events.beats]
    at = 0
    for kind, beats in groupby(kinds, key=lambda each: each[1]):
        group = list(beats)
        name = "ventricular_tachycardia" if kind == "V" and len(group) >= _RUN else rhythm
        begin = group[0][0] if at else -np.inf
        following = kinds[at + len(group)][0] if at + len(group) < len(kinds) else np.inf
        at += len(group)
        begin, end = max(begin, 0.0), min(following, seconds)
        if end <= begin:
            continue
        if spans and spans[-1].name == name:
            spans[-1] = RhythmTruth(name, spans[-1].begin_s, end)
        else:
            spans.append(RhythmTruth(name, begin, end))
    return tuple(spans) or (RhythmTruth(rhythm, 0.0, seconds),)


def intervals(beats: Sequence[BeatTruth]) -> Intervals:
    """Return the medians of a record."""
    own = [beat for beat in beats if beat.kind != "V"]
    rr_ms = _median_ms(np.diff([beat.r_s for beat in beats]))
    qt_ms = _median_ms([beat.t_off_s - beat.qrs_on_s for beat in own])
    return Intervals(
        rr_ms=rr_ms,
        pr_ms=_median_ms([beat.qrs_on_s - beat.p_on_s for beat in own if beat.kind == "N"]),
        qrs_ms=_median_ms([beat.qrs_off_s - beat.qrs_on_s for beat in own]),
        qt_ms=qt_ms,
        qtc_ms=qt_ms / float(np.cbrt(rr_ms / 1000)),
    )


def _median_ms(values_s: Sequence[float] | DoubleArray) -> float:
    known = np.asarray(values_s, np.float64)
    known = known[np.isfinite(known)]
    return float(1000 * np.median(known)) if known.size else _NAN


def _peak(kernels: DoubleArray, at_s: float) -> float:
    ms = np.arange(kernels[:, 0].min(), kernels[:, 0].max() + 3 * kernels[:, 1].max())
    wave = np.exp(-0.5 * ((ms[:, None] - kernels[:, 0]) / kernels[:, 1]) ** 2) @ kernels[:, 2:5]
    return at_s + float(ms[np.linalg.norm(wave, axis=1).argmax()]) / 1000


def _extent(kernels: DoubleArray, at_s: float, *, still: float) -> tuple[float, float]:
    """Return where the dipole moves faster than a share of its fastest: the eye's begin and end."""
    ms = np.arange(
        (kernels[:, 0] - 4 * kernels[:, 1]).min(), (kernels[:, 0] + 4 * kernels[:, 1]).max()
    )
    place = (ms[:, None] - kernels[:, 0]) / kernels[:, 1]
    slope = (-place / kernels[:, 1] * np.exp(-0.5 * place**2)) @ kernels[:, 2:5]
    speed = np.linalg.norm(slope, axis=1)
    moving = np.flatnonzero(speed > still * speed.max())
    return at_s + float(ms[moving[0]]) / 1000, at_s + float(ms[moving[-1]]) / 1000

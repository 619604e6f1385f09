"""When the heart beats: trains of atrial and ventricular events, drawn from a seeded generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

_REFERENCE_PR_MS = 174.0  # of the kernel tables, from P onset to QRS onset as BeatTruth has them


@dataclass(frozen=True, slots=True)
class Beat:
    """One ventricular beat and the atrial wave that led to it.

    Attributes:
        r_s: Time of the R reference.
        kind: ``N`` normal, ``V`` ventricular ectopic, ``A`` atrial ectopic, ``P`` paced, ``E``
            ventricular escape; the letters of the PhysioNet annotations.
        p_s: Time at which its P wave would stand before an R of a normal PR interval, relative to
            the same reference as R; None without one.
        ectopic_p: Whether the P wave comes from another place than the sinus node.
        shape: Which of the patient's ectopic shapes; 0 for conducted beats.
    """

    r_s: float
    kind: str = "N"
    p_s: float | None = None
    ectopic_p: bool = False
    shape: int = 0


@dataclass(frozen=True, slots=True)
class Train:
    """Everything that happens in one record.

    Attributes:
        beats: Rising in time.
        blocked_p_s: P waves that no beat follows, placed like ``Beat.p_s``.
        atrial_hz: Rate of fibrillation or flutter waves; 0 without.
        flutter: Whether those are the regular waves of flutter.
    """

    beats: tuple[Beat, ...]
    blocked_p_s: tuple[float, ...] = ()
    atrial_hz: float = 0.0
    flutter: bool = False


def train(
    rhythm: str,
    *,
    rate_bpm: float,
    pr_ms: float,
    begin_s: float,
    end_s: float,
    rng: np.random.Generator,
) -> Train:
    """Draw the events of one record.

    Args:
        rhythm: A name of ``RHYTHMS``.
        rate_bpm: Mean ventricular rate; rhythms with an own rate ignore it.
        pr_ms: PR interval of conducted beats.
        begin_s: Beginning of the time to fill.
        end_s: Its end.
        rng: Source of all draws.

    Raises:
        KeyError: There is no such rhythm.
    """
    return RHYTHMS[rhythm](_Draw(rate_bpm, pr_ms, begin_s, end_s, rng))


@dataclass(frozen=True, slots=True)
class _Draw:
    rate_bpm: float
    pr_ms: float
    begin_s: float
    end_s: float
    rng: np.random.Generator

    @property
    def rr_s(self) -> float:
        return 60 / self.rate_bpm

    @property
    def pr_shift_s(self) -> float:
        """How much earlier than usual the P wave stands."""
        return (self.pr_ms - _REFERENCE_PR_MS) / 1000

    def conducted(self, r_s: float) -> Beat:
        return Beat(r_s=r_s, p_s=r_s - self.pr_shift_s)


def _sinus_times(draw: _Draw, *, swing: float) -> list[float]:
    """Return R times whose intervals follow Mayer waves (0.1 Hz) and the breath."""
    rng = draw.rng
    breath_hz, breath_phase, mayer_phase = rng.uniform(0.2, 0.35), *rng.uniform(0, 2 * np.pi, 2)
    mayer = swing * rng.uniform(0.4, 1.2)
    times = [draw.begin_s + rng.uniform(0, draw.rr_s)]
    while times[-1] < draw.end_s:
        now = times[-1]
        change = swing * np.sin(2 * np.pi * breath_hz * now + breath_phase)
        change += mayer * np.sin(2 * np.pi * 0.1 * now + mayer_phase)
        change += rng.normal(0, swing / 3)
        times.append(now + draw.rr_s * (1 + change))
    return times[:-1]


def _sinus(draw: _Draw) -> Train:
    # A swing of 1-3 % gives the spread of RR of normal records: median CV .022 in PTB-XL.
    times = _sinus_times(draw, swing=float(draw.rng.uniform(0.01, 0.045)))
    return Train(tuple(draw.conducted(time) for time in times))


def _sinus_arrhythmia(draw: _Draw) -> Train:
    times = _sinus_times(draw, swing=float(draw.rng.uniform(0.08, 0.16)))
    return Train(tuple(draw.conducted(time) for time in times))


def _fibrillation(draw: _Draw) -> Train:
    rng = draw.rng
    # A refractory floor and gamma-distributed waiting beyond it; the spread of RR is 15-30 %.
    floor = min(0.35, 0.55 * draw.rr_s)
    spread = rng.uniform(0.15, 0.30) * draw.rr_s
    mean = draw.rr_s - floor
    shape = (mean / spread) ** 2
    times = [draw.begin_s + rng.uniform(0, draw.rr_s)]
    while times[-1] < draw.end_s:
        times.append(times[-1] + floor + rng.gamma(shape, mean / shape))
    beats = tuple(Beat(r_s=time) for time in times[:-1])
    return Train(beats, atrial_hz=float(rng.uniform(4.5, 8.5)))


def _flutter(draw: _Draw) -> Train:
    rng = draw.rng
    atrial_hz = rng.uniform(240, 320) / 60
    ratio = int(rng.choice([2, 3, 4]))
    variable = rng.random() < 0.3
    times, wave = [], int(np.ceil(draw.begin_s * atrial_hz))
    while wave / atrial_hz < draw.end_s:
        times.append(wave / atrial_hz + float(rng.normal(0, 0.004)))
        wave += int(rng.choice([2, 3, 4])) if variable else ratio
    return Train(tuple(Beat(r_s=t) for t in times), atrial_hz=float(atrial_hz), flutter=True)


def _supraventricular_tachycardia(draw: _Draw) -> Train:
    times = _sinus_times(draw, swing=0.004)
    # The retrograde P wave ends up in the ST segment, or inside QRS where it cannot be seen.
    seen = draw.rng.random() < 0.5
    beats = [Beat(r_s=time, p_s=time + 0.23 if seen else None, ectopic_p=True) for time in times]
    return Train(tuple(beats))


def _with_ectopy(draw: _Draw, places: Callable[[int], list[int]], kind: str) -> Train:
    """Replace sinus beats by early ones at the given places of the train."""
    rng = draw.rng
    beats = [draw.conducted(time) for time in _sinus_times(draw, swing=0.015)]
    coupling = float(rng.uniform(0.52, 0.72) if kind == "V" else rng.uniform(0.62, 0.82))
    shapes = 1 if rng.random() < 0.75 else 2  # some hearts have a second focus
    shift = 0.0
    done: list[Beat] = []
    early = set(places(len(beats)))
    for place, beat in enumerate(beats):
        due = replace(
            beat, r_s=beat.r_s + shift, p_s=None if beat.p_s is None else beat.p_s + shift
        )
        if place not in early or not done:
            done.append(due)
            continue
        gap = due.r_s - done[-1].r_s
        at = done[-1].r_s + gap * min(0.95, coupling * float(rng.normal(1, 0.03)))
        if kind == "V":  # the sinus node goes on by itself: a full compensatory pause
            done.append(Beat(at, "V", shape=int(rng.integers(1, shapes + 1))))
        else:  # the sinus node is set back: the pause is shorter
            done.append(Beat(at, "A", p_s=at - draw.pr_shift_s + 0.015, ectopic_p=True))
            shift -= due.r_s - at
    return Train(tuple(beat for beat in done if beat.r_s < draw.end_s))


def _isolated(draw: _Draw) -> Callable[[int], list[int]]:
    def places(count: int) -> list[int]:
        # At least one lies in the middle of the record, where every layout prints something.
        chosen = {count // 2}
        chosen |= {i for i in range(2, count - 1) if draw.rng.random() < 0.12}
        return [i for i in sorted(chosen) if i - 1 not in chosen]

    return places


def _atrial_ectopy(draw: _Draw) -> Train:
    return _with_ectopy(draw, _isolated(draw), "A")


def _ventricular_ectopy(draw: _Draw) -> Train:
    return _with_ectopy(draw, _isolated(draw), "V")


def _bigeminy(draw: _Draw) -> Train:
    return _with_ectopy(draw, lambda count: list(range(1, count, 2)), "V")


def _trigeminy(draw: _Draw) -> Train:
    return _with_ectopy(draw, lambda count: list(range(2, count, 3)), "V")


def _ventricular_run(draw: _Draw) -> Train:
    return _run(draw, fewest=3, most=6)


def _couplet(draw: _Draw) -> Train:
    return _run(draw, fewest=2, most=2)


def _run(draw: _Draw, *, fewest: int, most: int) -> Train:
    rng = draw.rng
    sinus = [draw.conducted(time) for time in _sinus_times(draw, swing=0.015)]
    middle = len(sinus) // 2
    step = float(rng.uniform(0.34, 0.46))
    count = int(rng.integers(fewest, most + 1))
    first = sinus[middle].r_s + 0.62 * draw.rr_s
    run = [Beat(first + i * step * float(rng.normal(1, 0.02)), "V", shape=1) for i in range(count)]
    resume = run[-1].r_s + 0.9 * draw.rr_s
    late = resume - sinus[middle + 1].r_s
    tail = [draw.conducted(beat.r_s + late) for beat in sinus[middle + 1 :]]
    beats = (*sinus[: middle + 1], *run, *tail)
    return Train(tuple(beat for beat in beats if beat.r_s < draw.end_s))


def _wenckebach(draw: _Draw) -> Train:
    rng = draw.rng
    cycle, growth = int(rng.integers(3, 6)), float(rng.uniform(0.05, 0.08))
    return _dropping(draw, lambda i: None if i % cycle == cycle - 1 else growth * (i % cycle))


def _mobitz(draw: _Draw) -> Train:
    cycle = int(draw.rng.integers(3, 6))
    return _dropping(draw, lambda i: None if i % cycle == cycle - 1 else 0.0)


def _dropping(draw: _Draw, delay_s: Callable[[int], float | None]) -> Train:
    beats, blocked = [], []
    for i, time in enumerate(_sinus_times(draw, swing=0.01)):
        delay = delay_s(i)
        p_s = time - draw.pr_shift_s
        if delay is None:
            blocked.append(p_s)
        else:
            beats.append(Beat(r_s=time + delay, p_s=p_s))
    return Train(tuple(beats), blocked_p_s=tuple(blocked))


def _complete_block(draw: _Draw) -> Train:
    rng = draw.rng
    beats = tuple(Beat(r_s=time, kind="E") for time in _sinus_times(draw, swing=0.006))
    atria = replace(draw, rate_bpm=float(rng.uniform(65, 100)))
    return Train(beats, blocked_p_s=tuple(_sinus_times(atria, swing=0.02)))


def _ventricular_pacing(draw: _Draw) -> Train:
    times = np.arange(draw.begin_s + draw.rng.uniform(0, draw.rr_s), draw.end_s, draw.rr_s)
    seen = draw.rng.random() < 0.5  # with or without an atrium that is sensed
    beats = tuple(
        Beat(r_s=float(t), kind="P", p_s=float(t) - 0.04 if seen else None) for t in times
    )
    return Train(beats)


RHYTHMS: dict[str, Callable[[_Draw], Train]] = {
    "sinus": _sinus,
    "sinus_arrhythmia": _sinus_arrhythmia,
    "fibrillation": _fibrillation,
    "flutter": _flutter,
    "supraventricular_tachycardia": _supraventricular_tachycardia,
    "atrial_ectopy": _atrial_ectopy,
    "ventricular_ectopy": _ventricular_ectopy,
    "bigeminy": _bigeminy,
    "trigeminy": _trigeminy,
    "couplet": _couplet,
    "ventricular_run": _ventricular_run,
    "wenckebach": _wenckebach,
    "mobitz": _mobitz,
    "complete_block": _complete_block,
    "ventricular_pacing": _ventricular_pacing,
}
"""Every rhythm by its name."""

"""What a page measures: rate, intervals, axes and voltages, each with what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecgbatch.signal.amplitudes import Amplitudes, read_amplitudes
from ecgbatch.signal.beats import find_beats
from ecgbatch.signal.kinds import kinds_of
from ecgbatch.signal.sheet import SHEET_HZ, Sheet, lay_out
from ecgbatch.signal.waves import Waves, delineate
from ecgbatch.signal.windows import BoolArray, middle
from ecgbatch.types import DoubleArray, Lead

# What a dipole in the frontal plane, x to the left and y down, shows in each limb lead: Einthoven's
# triangle and Goldberger's leads, as algebra gives them.
_HALF_ROOT = 3**0.5 / 2
_FRONTAL = {
    "I": (1.0, 0.0),
    "II": (0.5, _HALF_ROOT),
    "III": (-0.5, _HALF_ROOT),
    "aVR": (-0.75, -_HALF_ROOT / 2),
    "aVL": (0.75, -_HALF_ROOT / 2),
    "aVF": (0.0, _HALF_ROOT),
}
_LIMB = tuple(_FRONTAL)
_CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
_NO_AXIS = 0.15  # of the sum of all lengths: below it the direction is noise
_RR_LIMITS_S = (0.15, 6.0)
_MS = 1000 / SHEET_HZ


@dataclass(frozen=True, slots=True)
class Measurement:
    """One page. NaN where it cannot be measured; counts say what a value rests on.

    Attributes:
        beats: Ventricular complexes that were found.
        usual_beats: Those of the usual kind, on which intervals and voltages rest.
        premature_beats: Early ones of the usual form.
        ventricular_beats: Wide ones of another form.
        paced_beats: Those with a stimulus.
        leads: Leads that show a whole complex.
        rr_count: RR intervals without a gap of the paper between them.
        hr_bpm: Ventricular rate, from the mean RR interval.
        rr_mean_ms: Mean RR interval.
        rr_sd_ms: Standard deviation of RR intervals; NaN with fewer than three.
        rmssd_ms: RMS of differences of neighbouring intervals; NaN with fewer than two of them.
        rr_irregularity: Median difference of neighbouring intervals over the median interval,
            ventricular beats left out.
        p_share: See ``Waves.p_share``.
        p_beats: Beats with a P wave.
        p_ms: Duration of P.
        pr_ms: Begin of P to begin of QRS.
        qrs_ms: Duration of QRS in all leads together.
        qt_ms: Begin of QRS to the end of T.
        qt_beats: Beats that QT rests on.
        qtc_bazett_ms: QT over the root of RR in seconds (Bazett 1920).
        qtc_fridericia_ms: QT over the cube root of it (Fridericia 1920).
        p_axis_deg: Direction of P in the frontal plane, 0 left, 90 down.
        qrs_axis_deg: The same of QRS, from its area.
        t_axis_deg: The same of T.
        axis_leads: Limb leads that the axis of QRS rests on.
        sokolow_lyon_uv: Depth of S in V1 plus the higher R of V5 and V6.
        cornell_uv: R in aVL plus the depth of S in V3.
        p_terminal_v1_uv_ms: Depth times duration of the late negative part of P in V1.
        limb_span_uv: Largest QRS from peak to peak in a limb lead.
        chest_span_uv: The same in a chest lead.
    """

    beats: int
    usual_beats: int
    premature_beats: int
    ventricular_beats: int
    paced_beats: int
    leads: int
    rr_count: int
    hr_bpm: float
    rr_mean_ms: float
    rr_sd_ms: float
    rmssd_ms: float
    rr_irregularity: float
    p_share: float
    p_beats: int
    p_ms: float
    pr_ms: float
    qrs_ms: float
    qt_ms: float
    qt_beats: int
    qtc_bazett_ms: float
    qtc_fridericia_ms: float
    p_axis_deg: float
    qrs_axis_deg: float
    t_axis_deg: float
    axis_leads: int
    sokolow_lyon_uv: float
    cornell_uv: float
    p_terminal_v1_uv_ms: float
    limb_span_uv: float
    chest_span_uv: float


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A page's waves and what they come to.

    Attributes:
        sheet: The page's rows on one clock.
        waves: Borders of all waves.
        kinds: Of each beat.
        heights: Amplitudes of all waves.
        page: What the page measures.
    """

    sheet: Sheet
    waves: Waves
    kinds: tuple[str, ...]
    heights: Amplitudes
    page: Measurement

    def of_lead(self, lead: str, values: DoubleArray) -> float:
        """Return the median of ``(row, beat)`` values over a lead's usual beats; NaN without."""
        rows = np.array([name == lead for name in self.sheet.leads], np.bool_)
        return _of_lead(values[rows][:, self.chosen])

    @property
    def chosen(self) -> BoolArray:
        """``(beat,)`` those that intervals and heights rest on."""
        return _chosen(self.kinds)

    def rr_around_ms(self) -> tuple[DoubleArray, DoubleArray]:
        """Return RR intervals before and after each beat, NaN where the page does not show them."""
        rr_ms = _rr_ms(self.sheet, self.waves) if self.waves.beat.size else np.zeros(0)
        none = np.full(min(self.waves.beat.size, 1), np.nan)
        return np.append(none, rr_ms), np.append(rr_ms, none)


def measure(leads: Sequence[Lead]) -> Measured:
    """Measure a page.

    Args:
        leads: Of one page, in µV, of any number, rate, start and length; NaN where nothing was
            printed or read.
    """
    sheet = lay_out(leads)
    waves = delineate(sheet, find_beats(sheet))
    kinds = kinds_of(sheet, waves)
    heights = read_amplitudes(sheet, waves)
    return Measured(sheet, waves, kinds, heights, _page(sheet, waves, kinds, heights))


def _chosen(kinds: Sequence[str]) -> BoolArray:
    """Beats of the usual kind; those of another kind where there is none."""
    for kind in ("usual", "paced", "premature", "other", "ventricular"):
        chosen = np.array([each == kind for each in kinds], np.bool_)
        if chosen.any():
            return chosen
    return np.zeros(len(kinds), np.bool_)


def _of_lead(values: DoubleArray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _page(sheet: Sheet, waves: Waves, kinds: tuple[str, ...], heights: Amplitudes) -> Measurement:
    chosen = _chosen(kinds)
    names = np.array(sheet.leads)

    def lead(name: str, values: DoubleArray) -> float:
        return _of_lead(values[names == name][:, chosen]) if sheet.leads else float("nan")

    def usual(values: DoubleArray) -> tuple[float, int]:
        kept = values[chosen]
        return _of_lead(kept) * _MS, int(np.isfinite(kept).sum())

    every_rr_ms = _rr_ms(sheet, waves)
    rr_ms = every_rr_ms[np.isfinite(every_rr_ms)]
    mean_ms = float(rr_ms.mean()) if rr_ms.size else float("nan")
    change = np.diff(every_rr_ms)
    ventricular = np.array([kind == "ventricular" for kind in kinds], np.bool_)
    beside = ventricular[:-2] | ventricular[1:-1] | ventricular[2:]
    calm = np.abs(change[~beside & np.isfinite(change)])
    change = change[np.isfinite(change)]
    qt_ms, qt_beats = usual(waves.common_t_off - waves.common_qrs_on)
    pr_ms, p_beats = usual(waves.common_qrs_on - waves.common_p_on)
    axis = {
        name: _axis({limb: lead(limb, values) for limb in _LIMB})
        for name, values in (("p", heights.p), ("qrs", heights.area), ("t", heights.t))
    }
    top = np.fmax(np.fmax(heights.r, heights.r2), 0.0)
    deep = np.fmax(np.fmax(-heights.s, -heights.q), 0.0)
    some = np.isfinite(heights.area)
    span = np.where(some, np.nan_to_num(top) + np.nan_to_num(deep), np.nan)
    # A lead that shows complexes without an R or S wave has one of height 0.
    r = np.where(some, np.nan_to_num(heights.r), np.nan)
    s = np.where(some, np.nan_to_num(heights.s), np.nan)
    rr_s = mean_ms / 1000
    return Measurement(
        beats=len(kinds),
        usual_beats=kinds.count("usual"),
        premature_beats=kinds.count("premature"),
        ventricular_beats=kinds.count("ventricular"),
        paced_beats=kinds.count("paced"),
        leads=len(set(names[waves.seen.any(axis=1)])),
        rr_count=rr_ms.size,
        hr_bpm=60_000 / mean_ms,
        rr_mean_ms=mean_ms,
        rr_sd_ms=float(rr_ms.std(ddof=1)) if rr_ms.size > 2 else float("nan"),
        rmssd_ms=float(np.sqrt((change**2).mean())) if change.size > 1 else float("nan"),
        rr_irregularity=float(np.median(calm) / np.median(rr_ms)) if calm.size else float("nan"),
        p_share=waves.p_share,
        p_beats=p_beats,
        p_ms=usual(middle(waves.p_off - waves.p_on, axis=0))[0],
        pr_ms=pr_ms,
        qrs_ms=usual(waves.common_qrs_off - waves.common_qrs_on)[0],
        qt_ms=qt_ms,
        qt_beats=qt_beats,
        qtc_bazett_ms=qt_ms / rr_s**0.5,
        qtc_fridericia_ms=qt_ms / rr_s ** (1 / 3),
        p_axis_deg=axis["p"][0],
        qrs_axis_deg=axis["qrs"][0],
        t_axis_deg=axis["t"][0],
        axis_leads=axis["qrs"][1],
        sokolow_lyon_uv=float(np.fmax(lead("V5", r), lead("V6", r))) - lead("V1", s),
        cornell_uv=lead("aVL", r) - lead("V3", s),
        p_terminal_v1_uv_ms=_terminal_force(sheet, waves, names == "V1", chosen),
        limb_span_uv=_largest([lead(name, span) for name in _LIMB]),
        chest_span_uv=_largest([lead(name, span) for name in _CHEST]),
    )


def _rr_ms(sheet: Sheet, waves: Waves) -> DoubleArray:
    """RR intervals, ``(beat - 1,)``; NaN where the page has a break or no heart beats so."""
    visible = np.append(0, np.cumsum(sheet.known.any(axis=0)))
    first, last = waves.beat[:-1], waves.beat[1:]
    whole = visible[last] - visible[first] == last - first
    rr = np.diff(_reference(waves))
    low, high = (limit * SHEET_HZ for limit in _RR_LIMITS_S)
    return np.asarray(np.where(whole & (rr >= low) & (rr <= high), rr * _MS, np.nan))


def _reference(waves: Waves) -> DoubleArray:
    """A time of each beat that moves little with what is visible: the middle of its complex."""
    centre = (waves.common_qrs_on + waves.common_qrs_off) / 2
    return np.asarray(np.where(np.isfinite(centre), (centre + waves.beat) / 2, waves.beat))


def _axis(heights: dict[str, float]) -> tuple[float, int]:
    """Direction in degrees of a vector in the frontal plane, and the leads that it rests on."""
    known = {name: value for name, value in heights.items() if np.isfinite(value)}
    field = np.array([_FRONTAL[name] for name in known]).reshape(-1, 2)
    values = np.array(list(known.values()))
    if np.linalg.matrix_rank(field) < 2:
        return float("nan"), len(known)
    x, y = np.linalg.lstsq(field, values, rcond=None)[0]
    if np.hypot(x, y) * len(known) < _NO_AXIS * np.abs(values).sum() or np.hypot(x, y) == 0:
        return float("nan"), len(known)
    return float(np.degrees(np.arctan2(y, x))), len(known)


def _terminal_force(sheet: Sheet, waves: Waves, rows: BoolArray, chosen: BoolArray) -> float:
    """Depth times duration of the late negative part of P (Morris et al. 1964), in µV·ms."""
    forces = []
    for row in np.flatnonzero(rows):
        for beat in np.flatnonzero(chosen & np.isfinite(waves.p_on[row])):
            begin, end = int(waves.p_on[row, beat]), int(waves.p_off[row, beat])
            part = sheet.signal_uv[row, begin : end + 1]
            if part.size < 4:
                continue
            part = part - np.linspace(part[0], part[-1], part.size)
            late = part[part.size // 3 :]
            forces.append(max(0.0, -late.min()) * (late < 0).sum() * _MS)
    return float(np.median(forces)) if forces else float("nan")


def _largest(values: Sequence[float]) -> float:
    return max((value for value in values if np.isfinite(value)), default=float("nan"))

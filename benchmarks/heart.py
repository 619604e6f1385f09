"""How close simulated records are to real ones, class by class.

    ECGBATCH_DATA=DIR python benchmarks/heart.py [records per class] [variety]

DIR holds PTB-XL records as ``ptbxl/ecg_500hz_*.npz`` and ``ptbxl/labels.csv``. Real and simulated
records go through the same measurement: 0.5-40 Hz, R by the energy of the slope, median beat, five
amplitudes per lead. A class agrees with reality where the simulated median lies between the real
quartiles.
"""

import csv
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import find_peaks

from ecgbatch.synth.heart import simulate
from ecgbatch.synth.noise import filtered
from ecgbatch.types import LEADS, DoubleArray

FS_HZ = 500.0
# Our condition, and what PTB-XL calls it.
CLASSES = {
    "NORM": "sub:NORM",
    "CLBBB": "sub:CLBBB",
    "CRBBB": "sub:CRBBB",
    "IRBBB": "sub:IRBBB",
    "LAFB": "sub:LAFB/LPFB",
    "IVCD": "sub:IVCD",
    "LVH": "sub:LVH",
    "IMI": "sub:IMI",
    "AMI": "sub:AMI",
    "ISC": "sub:ISC",
    "AFIB": "rhythm:AFIB",
    "SBRAD": "rhythm:SBRAD",
    "STACH": "rhythm:STACH",
    "RVH": "sub:RVH",
}
# Windows in ms from R: name, begin, end, which extreme.
WINDOWS = (("P", -220, -80, "size"), ("R", -60, 80, "max"), ("S", -60, 80, "min"),
           ("ST", 80, 110, "mean"), ("T", 130, 400, "size"))  # fmt: skip

COURSE_MS = (-40, -25, -10, 5, 20, 35, 50, 70)


class Measured(NamedTuple):
    """One record.

    Attributes:
        rate_bpm: Mean rate.
        rr_spread: Deviation of RR over its mean.
        qrs_ms: Length of QRS by a share of its top speed.
        size_mv: ``(5, 12)`` amplitudes of ``WINDOWS``.
        rr_jump: Median change from one RR to the next, over its mean.
        p_steady: How much the beats agree before QRS, -1 to 1; fibrillation waves do not.
        course_mv: ``(8, 12)`` the complex and what follows, at steps of ``COURSE_MS``.
    """

    rate_bpm: float
    rr_spread: float
    qrs_ms: float
    size_mv: DoubleArray
    rr_jump: float
    p_steady: float
    course_mv: DoubleArray


def measure(signal_uv: DoubleArray) -> Measured | None:
    """Measure one record; None without beats."""
    signal = filtered(signal_uv / 1000, fs_hz=FS_HZ, band_hz=(0.5, 40.0))
    slope = np.sqrt((np.gradient(signal, axis=1)[[0, 1, *range(6, 12)]] ** 2).sum(axis=0))
    energy = uniform_filter1d(slope, 40)
    peaks, _ = find_peaks(energy, height=0.4 * np.percentile(energy, 99), distance=125)
    inside = peaks[(peaks > 130) & (peaks < signal.shape[1] - 230)]
    if len(inside) < 3:
        return None
    beats = np.array([signal[:, at - 130 : at + 230] for at in inside])
    beat = np.median(beats, axis=0)
    beat -= np.median(beat[:, 60:90], axis=1, keepdims=True)  # the PR segment
    # The energy's peak is the middle of QRS; the tables count from the R reference, 5 ms before.
    fast = np.flatnonzero(
        np.sqrt((np.gradient(beat, axis=1) ** 2).sum(axis=0))[80:200]
        > 0.12 * np.sqrt((np.gradient(beat, axis=1) ** 2).sum(axis=0))[80:200].max()
    )
    values = []
    for _, begin, end, kind in WINDOWS:
        part = beat[:, 130 + begin // 2 : 130 + end // 2]
        if kind == "size":
            at = np.abs(part).argmax(axis=1)
            values.append(np.take_along_axis(part, at[:, None], axis=1)[:, 0])
        else:
            values.append(getattr(part, kind)(axis=1))
    rr = np.diff(peaks) / FS_HZ
    return Measured(
        60 / rr.mean(),
        rr.std() / rr.mean(),
        2.0 * (fast[-1] - fast[0]),
        np.array(values),
        float(np.median(np.abs(np.diff(rr))) / rr.mean()),
        _steadiness(beats[:, :, 20:95]),
        np.array([beat[:, 130 + at // 2 - 3 : 130 + at // 2 + 4].mean(axis=1) for at in COURSE_MS]),
    )


def _steadiness(before_qrs: DoubleArray) -> float:
    """Return the median correlation of each beat's P window with the mean of the others."""
    parts = before_qrs - before_qrs.mean(axis=2, keepdims=True)
    flat = parts.reshape(len(parts), -1)
    others = flat.sum(axis=0) - flat
    size = np.linalg.norm(flat, axis=1) * np.linalg.norm(others, axis=1)
    return float(np.median((flat * others).sum(axis=1) / np.maximum(size, 1e-9)))


def real_records(folder: Path) -> dict[str, list[Measured]]:
    """Return class to measurements."""
    with (folder / "labels.csv").open(newline="") as file:
        labels = {int(row["ecg_id"]): row for row in csv.DictReader(file)}
    found = defaultdict(list)
    for path in sorted(folder.glob("ecg_500hz_*.npz")):
        with np.load(path) as data:
            for ecg_id, signal in zip(data["ecg_id"], data["signal_uv"], strict=True):
                row = labels[int(ecg_id)]
                names = [name for name, label in CLASSES.items() if row[label] == "1"]
                names = [name for name in names if len(found[name]) < 250]
                if names and (measured := measure(signal.astype(np.float64))) is not None:
                    for name in names:
                        found[name].append(measured)
    return found


def main() -> None:
    """Print one row per class, and the leads of NORM."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    variety = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    real = real_records(Path(os.environ["ECGBATCH_DATA"]) / "ptbxl")
    print("class   real  in quartiles  rate bpm      RR spread      QRS ms      RMS mV P R S ST T")
    details = {}
    for name in CLASSES:
        made = [
            measure(
                simulate(seed, condition=name, band_hz=(0.05, 150.0), variety=variety).signal_uv
            )
            for seed in range(count)
        ]
        made = [one for one in made if one is not None]
        truth, ours = ([np.array([one[i] for one in rows]) for i in range(4)]
                       for rows in (real[name], made))  # fmt: skip
        low, high = np.percentile(truth[3], [25, 75], axis=0)
        middle = np.median(ours[3], axis=0)
        share = ((middle >= low) & (middle <= high)).mean()
        rms = np.sqrt(((middle - np.median(truth[3], axis=0)) ** 2).mean(axis=1))
        medians = [f"{np.median(truth[i]):6.3g}/{np.median(ours[i]):<6.3g}" for i in range(3)]
        print(f"{name:6s} {len(real[name]):5d}  {share:11.0%}  {'  '.join(medians)}  "
              + " ".join(f"{value:.2f}" for value in rms))  # fmt: skip
        details[name] = (truth[3], ours[3])
    print("\nNORM, mV: real 5 25 50 75 95 % | simulated 5 50 95 %")
    truth, ours = details["NORM"]
    for wave, lead in [("P", "II"), ("R", "I"), ("R", "II"), ("R", "V1"), ("S", "V1"), ("S", "V2"),
                       ("R", "V4"), ("R", "V5"), ("R", "V6"), ("T", "II"), ("T", "V3"),
                       ("T", "V5")]:  # fmt: skip
        place = [name for name, *_ in WINDOWS].index(wave), LEADS.index(lead)
        cells = np.percentile(truth[:, *place], [5, 25, 50, 75, 95])
        made = np.percentile(ours[:, *place], [5, 50, 95])
        print(f"{wave}({lead:3s})  " + " ".join(f"{c:6.2f}" for c in cells)
              + "  | " + " ".join(f"{c:6.2f}" for c in made))  # fmt: skip


if __name__ == "__main__":
    main()

"""What a classifier that has only seen simulated hearts makes of real ones.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/heart_labels.py [records] [variety]

DIR holds PTB-XL records as ``ptbxl/ecg_500hz_*.npz`` and ``ptbxl/labels.csv``. Logistic regression
sees the measurements of ``benchmarks/heart.py``: those of the rhythm for rhythms, those of the
waves for the rest. It is trained on simulated records alone, and judged on the real records of fold
9, and of folds 1 to 9. Which measurements it sees and its penalty, one number, were settled while
looking at these real records, fold 9 among them, so the figures are no blind test. The last rows
say how well real and simulated records can be told apart: 0.5 would be not at all.
"""

import csv
import os
import sys
from pathlib import Path

import numpy as np
from heart import Measured, measure

from ecgbatch.synth.electrodes import FAULTS
from ecgbatch.synth.heart import simulate
from ecgbatch.training.diagnosis.simulated import drawn_condition
from ecgbatch.types import DoubleArray

# What is asked of each class, and the column of PTB-XL's labels.
CLASSES = {
    "AFIB": (0.93, "rhythm:AFIB"),
    "CLBBB": (0.97, "sub:CLBBB"),
    "CRBBB": (0.97, "sub:CRBBB"),
    "SBRAD": (0.95, "rhythm:SBRAD"),
    "STACH": (0.95, "rhythm:STACH"),
    "LVH": (0.85, "sub:LVH"),
    "IMI": (0.80, "sub:IMI"),
    "AMI": (0.80, "sub:AMI"),
}
# How often hearts have what, roughly as PTB-XL has it; the rest of each is sinus, or nothing.
RHYTHMS = {"": 70, "AFIB": 8, "SBRAD": 5, "STACH": 6, "SARRH": 4, "PVC": 5, "PAC": 3, "1AVB": 4,
           "AFLT": 0.6, "BIGU": 0.6, "SVTAC": 0.4, "PACE": 1, "3AVB": 0.2, "VRUN": 0.2}  # fmt: skip
SHAPES = {"": 40, "CLBBB": 4, "CRBBB": 4, "IRBBB": 5, "LAFB": 7, "LPFB": 1, "IVCD": 4, "LVH": 11,
          "RVH": 1, "IMI": 13, "AMI": 13, "LMI": 1, "PMI": 0.5, "ISC": 6, "NDT": 8, "INVT": 2,
          "LVOLT": 2, "WPW": 0.5, "ISCHAEMIA": 3, "STEMI_ANTERIOR": 1, "STEMI_INFERIOR": 1,
          "PERICARDITIS": 0.5, "LNGQT": 1, "LAE": 2}  # fmt: skip
PENALTY = 5.0
"""Per record; strong, so that the direction between the means decides and not small differences."""
# At the end of a row: rate, RR spread, QRS, RR jump, steadiness of P, axis (2), voltages (2).
RATE, RHYTHM = [-9], [-9, -8, -6, -5]
FIGURES = {"AFIB": RHYTHM, "SBRAD": RATE, "STACH": RATE}


def features(one: Measured) -> DoubleArray:
    """Return a row to learn from."""
    size = one.size_mv
    axis = np.arctan2(size[1:3, 5].sum(), size[1:3, 0].sum())
    scalars = [one.rate_bpm / 50, 5 * one.rr_spread, one.qrs_ms / 50, 5 * one.rr_jump]
    voltage = [size[1, 10] - size[2, 6], size[1, 4] - size[2, 8]]  # Sokolow, Cornell
    return np.array(
        [
            *size.ravel(),
            *one.course_mv.ravel(),
            *scalars,
            one.p_steady,
            np.sin(axis),
            np.cos(axis),
            *voltage,
        ]
    )


def simulated(count: int, variety: float) -> tuple[DoubleArray, DoubleArray, list[str]]:
    """Return features, labels and conditions of simulated records."""
    rows, labels, kept = [], [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        condition = drawn_condition(rng, rhythms=RHYTHMS, forms=SHAPES)
        fault = FAULTS[int(rng.integers(len(FAULTS)))] if rng.random() < 0.02 else None
        record = simulate(
            10_000 + seed,
            condition=condition,
            fault=fault,
            noise=float(rng.uniform(0.3, 3.0)),
            variety=variety,
        )
        if (one := measure(record.signal_uv)) is not None:
            rows.append(features(one))
            labels.append([name in record.labels for name in CLASSES])
            kept.append(condition)
    return np.array(rows), np.array(labels, np.float64), kept


def real(folder: Path) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Return features, labels, folds and whether a record is normal."""
    with (folder / "labels.csv").open(newline="") as file:
        table = {int(row["ecg_id"]): row for row in csv.DictReader(file)}
    rows, labels, folds, normal = [], [], [], []
    for path in sorted(folder.glob("ecg_500hz_*.npz")):
        with np.load(path) as data:
            for ecg_id, signal in zip(data["ecg_id"], data["signal_uv"], strict=True):
                if (one := measure(signal.astype(np.float64))) is None:
                    continue
                row = table[int(ecg_id)]
                rows.append(features(one))
                labels.append([row[column] == "1" for _, column in CLASSES.values()])
                folds.append(int(row["strat_fold"]))
                normal.append(row["sub:NORM"] == "1")
    return np.array(rows), np.array(labels, np.float64), np.array(folds), np.array(normal)


def fitted(x: DoubleArray, y: DoubleArray, penalty: float) -> DoubleArray:
    """Return the weights of a logistic regression, the constant last, by Newton's method."""
    inputs = np.hstack([x, np.ones((len(x), 1))])
    weights = np.zeros(inputs.shape[1])
    ridge = np.diag([*np.full(x.shape[1], penalty * len(x)), 1e-6])
    for _ in range(15):
        found = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (found - y) + ridge @ weights
        bend = (inputs * (found * (1 - found))[:, None]).T @ inputs + ridge
        weights -= np.linalg.solve(bend, slope)
    return weights


def scores(
    train: DoubleArray, label: DoubleArray, test: DoubleArray, penalty: float
) -> DoubleArray:
    """Return how strongly each test record has what the label says."""
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
    x, unseen = (np.clip((each - mean) / spread, -4, 4) for each in (train, test))
    return unseen @ fitted(x, label, penalty)[:-1]


def auroc(score: DoubleArray, truth: DoubleArray) -> float:
    """Return the area under the receiver operating characteristic."""
    order = np.argsort(np.argsort(score)) + 1
    positive = truth > 0.5
    n, m = positive.sum(), (~positive).sum()
    return float((order[positive].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


def main() -> None:
    """Print one row per class, and how real and simulated records differ."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    variety = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    x, y, conditions = simulated(count, variety)
    real_x, real_y, folds, normal = real(Path(os.environ["ECGBATCH_DATA"]) / "ptbxl")
    waves = [*range(x.shape[1] - 9), -7, -4, -3, -2, -1]
    print(f"trained on {len(x)} simulated records of variety {variety:g}")
    print("class   asked  fold 9        folds 1-9")
    for at, (name, (asked, _)) in enumerate(CLASSES.items()):
        use = FIGURES.get(name, waves)
        found = scores(x[:, use], y[:, at], real_x[:, use], PENALTY)
        parts = []
        for chosen in (folds == 9, folds > 0):
            value = auroc(found[chosen], real_y[chosen, at])
            parts.append(f"{value:.3f} ({int(real_y[chosen, at].sum()):3d})")
        print(f"{name:6s}  {asked:.2f}   {parts[0]}   {parts[1]}")
    print("\nreal or simulated, AUROC on the other half")
    own = np.array([condition == "NORM" for condition in conditions])
    for name, ours, theirs in [("NORM", x[own], real_x[normal]), ("all", x, real_x)]:
        size = min(len(ours), len(theirs))
        rng = np.random.default_rng(0)
        both = np.vstack([rng.permutation(each)[:size] for each in (ours, theirs)])
        both = np.hstack([both, both**2])
        which = np.repeat([0.0, 1.0], size)
        half = np.arange(2 * size) % 2 == 0
        told = scores(both[half], which[half], both[~half], 0.01)
        print(f"{name:5s} {auroc(told, which[~half]):.3f}  ({size} of each)")
    ours, theirs = x[own], real_x[normal]
    spread = ours.std(axis=0) / theirs.std(axis=0)
    print("\nNORM, simulated / real")
    print(f"spread of amplitudes {np.median(spread[:60]):.2f}, of courses "
          f"{np.median(spread[60:-9]):.2f} (medians)")  # fmt: skip
    for what, at, unit in (("QRS in ms", -7, 50), ("agreement before QRS", -5, 1)):
        made, seen = (unit * np.median(each[:, at]) for each in (ours, theirs))
        print(f"{what} {made:.2f} / {seen:.2f}")


if __name__ == "__main__":
    main()

"""What a classifier that has only seen simulated hearts makes of real ones.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/heart_labels.py [records]

DIR holds PTB-XL records as ``ptbxl/ecg_500hz_*.npz`` and ``ptbxl/labels.csv``. A small network sees
the measurements of ``benchmarks/heart.py``, is trained on simulated records alone, and is judged on
the real records of fold 9, and of folds 1 to 9. The last rows say how well real and simulated
records of one class can be told apart: 0.5 would be not at all.
"""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import torch
from heart import Measured, measure

from ecgbatch.errors import ConfigError
from ecgbatch.synth.electrodes import FAULTS
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.patient import find_condition
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
MEMBERS, EPOCHS = 5, 60


def features(one: Measured) -> DoubleArray:
    """Return a row that a network can learn from."""
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


def drawn_condition(rng: np.random.Generator) -> str:
    """Draw a heart as a hospital sees them; what excludes each other is drawn again."""
    while True:
        parts = [
            str(
                rng.choice(
                    list(weights), p=np.array(list(weights.values())) / sum(weights.values())
                )
            )
            for weights in (RHYTHMS, SHAPES)
        ]
        name = "+".join(part for part in parts if part) or "NORM"
        try:
            find_condition(name)
        except ConfigError:
            continue
        return name


def simulated(count: int) -> tuple[DoubleArray, DoubleArray, list[str]]:
    """Return features, labels and conditions of simulated records."""
    rows, labels, kept = [], [], []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        condition = drawn_condition(rng)
        fault = FAULTS[int(rng.integers(len(FAULTS)))] if rng.random() < 0.02 else None
        record = simulate(
            10_000 + seed, condition=condition, fault=fault, noise=float(rng.uniform(0.3, 3.0))
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


def fitted(x: DoubleArray, y: DoubleArray, seed: int) -> torch.nn.Module:
    """Train one small network."""
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 64),
        torch.nn.GELU(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(64, y.shape[1]),
    )
    steps = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    inputs, wanted = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    net.train()
    for _ in range(EPOCHS):
        for part in torch.randperm(len(inputs)).split(256):
            steps.zero_grad()
            # Measurements of real records are rougher than those of simulated ones.
            rough = inputs[part] + 0.15 * torch.randn(len(part), inputs.shape[1])
            torch.nn.functional.binary_cross_entropy_with_logits(
                net(rough), wanted[part]
            ).backward()
            steps.step()
    return net.eval()


def scores(train: DoubleArray, labels: DoubleArray, test: DoubleArray) -> DoubleArray:
    """Return the mean logits of some networks, ``(record, class)``."""
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-6
    x, unseen = (np.clip((each - mean) / spread, -5, 5) for each in (train, test))
    with torch.no_grad():
        logits = [
            fitted_net(torch.tensor(unseen, dtype=torch.float32)).numpy()
            for fitted_net in _members(x, labels)
        ]
    return np.mean(logits, axis=0)


def _members(x: DoubleArray, labels: DoubleArray) -> list[torch.nn.Module]:
    with torch.enable_grad():
        return [fitted(x, labels, seed) for seed in range(MEMBERS)]


def auroc(score: DoubleArray, truth: DoubleArray) -> float:
    """Return the area under the receiver operating characteristic."""
    order = np.argsort(np.argsort(score)) + 1
    positive = truth > 0.5
    n, m = positive.sum(), (~positive).sum()
    return float((order[positive].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


def main() -> None:
    """Print one row per class, and how real and simulated records differ."""
    torch.set_num_threads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    x, y, conditions = simulated(count)
    real_x, real_y, folds, normal = real(Path(os.environ["ECGBATCH_DATA"]) / "ptbxl")
    found = scores(x, y, real_x)
    print(f"trained on {len(x)} simulated records")
    print("class   asked  fold 9        folds 1-9")
    for at, (name, (asked, _)) in enumerate(CLASSES.items()):
        parts = []
        for chosen in (folds == 9, folds > 0):
            value = auroc(found[chosen, at], real_y[chosen, at])
            parts.append(f"{value:.3f} ({int(real_y[chosen, at].sum()):3d})")
        print(f"{name:6s}  {asked:.2f}   {parts[0]}   {parts[1]}")
    print("\nreal or simulated, AUROC on the other half")
    own = np.array([condition == "NORM" for condition in conditions])
    for name, ours, theirs in [("NORM", x[own], real_x[normal]), ("all", x, real_x)]:
        size = min(len(ours), len(theirs))
        rng = np.random.default_rng(0)
        both = np.vstack([rng.permutation(each)[:size] for each in (ours, theirs)])
        which = np.repeat([[0.0], [1.0]], size, axis=0)
        half = np.arange(2 * size) % 2 == 0
        told = scores(both[half], which[half], both[~half])
        print(f"{name:5s} {auroc(told[:, 0], which[~half, 0]):.3f}  ({size} of each)")


if __name__ == "__main__":
    main()

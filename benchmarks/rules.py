"""What rules from measurements are worth: AUROC on labelled records, beside simpler rules.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/rules.py [records]

DIR holds PTB-XL records in microvolts as ``ptbxl/*.npz`` and ``ptbxl/labels.csv``. Limits were
chosen on folds 1 to 8 and are reported on fold 9; folds keep each patient's records together. The
floors are those of simpler training-free rules on a part of fold 10, so they are other records.
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from ecgbatch.signal.facts import facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.signal.rules import RULES, judge
from ecgbatch.types import LEADS, DoubleArray, Lead

REPORTED_FOLD = 9
# Code of the rule, label of PTB-XL, floor.
LABELS = (
    ("AFIB", "rhythm:AFIB", 0.928),
    ("SBRAD", "rhythm:SBRAD", 0.944),
    ("STACH", "rhythm:STACH", 0.952),
    ("CLBBB", "sub:CLBBB", 0.987),
    ("CRBBB", "sub:CRBBB", 0.980),
    ("LVH", "sub:LVH", 0.897),
    ("LAFB", "sub:LAFB/LPFB", 0.851),
    ("IMI", "sub:IMI", 0.780),
    ("AMI", "sub:AMI", 0.797),
    ("ISC_", "sub:ISC", 0.818),
    ("1AVB", "sub:AVB", None),
    ("LNGQT", "form:LNGQT", None),
    ("LVOLT", "form:LVOLT", None),
    ("LAO/LAE", "sub:LAO/LAE", None),
    ("RAO/RAE", "sub:RAO/RAE", None),
    ("PVC", "form:PVC", None),
    ("PAC", "form:PAC", None),
    ("PACE", "rhythm:PACE", None),
)
FEWEST = 5  # positives; with fewer a figure says nothing


def records(folder: Path) -> Iterator[tuple[int, list[Lead]]]:
    """Yield every record whose amplitudes are in microvolts."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as data:
            if "signal_uv" not in data.files:
                continue
            fs_hz = float(data["fs_hz"])
            for ecg_id, signal_uv in zip(data["ecg_id"], data["signal_uv"], strict=True):
                yield (
                    int(ecg_id),
                    [
                        Lead(
                            name,
                            "strip",
                            "digital",
                            0.0,
                            fs_hz,
                            fs_hz,
                            row.astype(np.float32),
                            0,
                            1,
                        )
                        for name, row in zip(LEADS, signal_uv, strict=True)
                    ],
                )


def auroc(scores: DoubleArray, positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """AUROC and its standard error (Hanley and McNeil 1982); a missing score ranks lowest."""
    ranks = rankdata(np.where(np.isfinite(scores), scores, -np.inf))
    n, m = int(positive.sum()), int((~positive).sum())
    area = (ranks[positive].sum() - n * (n + 1) / 2) / (n * m)
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)
    return float(area), float((variance / (n * m)) ** 0.5)


def main() -> None:
    """Print one row per rule that has a label."""
    folder = Path(os.environ["ECGBATCH_DATA"]) / "ptbxl"
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else sys.maxsize
    with (folder / "labels.csv").open(newline="") as file:
        labels = {int(row["ecg_id"]): row for row in csv.DictReader(file)}
    ids, found = [], []
    for ecg_id, leads in records(folder):
        if len(ids) >= limit:
            break
        ids.append(ecg_id)
        found.append([finding.score for finding in judge(facts_of(measure(leads)))])
    scores = np.array(found)
    rows = [labels[ecg_id] for ecg_id in ids]
    reported = np.array([int(row["strat_fold"]) == REPORTED_FOLD for row in rows])
    shared = {row["patient_id"] for row, held in zip(rows, reported, strict=True) if held} & {
        row["patient_id"] for row, held in zip(rows, reported, strict=True) if not held
    }
    if shared:
        raise SystemExit(f"{len(shared)} patients stand on both sides of the split")
    print(f"{(~reported).sum()} records of folds 1-8, {reported.sum()} of fold 9")
    print("rule      folds 1-8    n   fold 9          n   sens  spec  floor  null")
    for code, label, floor in LABELS:
        score = scores[:, [rule.code for rule in RULES].index(code)]
        positive = np.array([row[label] == "1" for row in rows])
        cells = [f"{code:8s}"]
        for part in (~reported, reported):
            count = int(positive[part].sum())
            if count < FEWEST:
                cells.append(f"not estimable {count:4d}")
                continue
            area, error = auroc(score[part], positive[part])
            cells.append(f"{area:.3f} ± {1.96 * error:.3f} {count:4d}")
        holds = score >= 1
        if positive[reported].sum() >= FEWEST:
            cells.append(f"{holds[reported & positive].mean():5.2f} "
                         f"{(~holds)[reported & ~positive].mean():5.2f}")  # fmt: skip
        else:
            cells.append("    -     -")
        cells.append("    -" if floor is None else f"{floor:.3f}")
        print("  ".join(cells), f" {np.isnan(score).mean():.2f}")


if __name__ == "__main__":
    main()

"""Records that can be printed: in microvolts, at the best rate that there is."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, REPORTED_FOLD

FOLD_SETS = {
    "learnt": LEARNT_FOLDS,
    "chosen": frozenset({CHOSEN_FOLD}),
    "reported": frozenset({REPORTED_FOLD}),
}


@dataclass(frozen=True, slots=True, eq=False)
class Printable:
    """Records in microvolts, each at its own rate.

    Attributes:
        signals: Each ``(12, sample)`` int16.
        fs_hz: ``(record,)``.
        record_id: ``(record,)`` in rising order.
    """

    signals: list[npt.NDArray[np.int16]]
    fs_hz: npt.NDArray[np.float64]
    record_id: npt.NDArray[np.int64]

    def signal_uv(self, place: int) -> npt.NDArray[np.int16]:
        """Return the samples of a record."""
        return self.signals[place]


def read_printable(folder: Path, *, folds: Collection[int]) -> Printable:
    """Read the records of some folds.

    Args:
        folder: With ``labels.csv`` and ``*.npz`` files; see ``records.read_labelled``.
        folds: Which folds.

    Raises:
        ConfigError: There is no such record.
    """
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as lines:
        wanted = [int(r["ecg_id"]) for r in csv.DictReader(lines) if int(r["strat_fold"]) in folds]
    found: dict[int, tuple[float, npt.NDArray[np.int16]]] = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            if "signal_uv" not in file.files:
                continue
            fs_hz, signals = float(file["fs_hz"]), file["signal_uv"]
            for place in np.flatnonzero(np.isin(file["ecg_id"], wanted)):
                number = int(file["ecg_id"][place])
                if number not in found or found[number][0] < fs_hz:
                    found[number] = fs_hz, signals[place]
    if not found:
        raise ConfigError(f"records: {folder} holds no record in microvolts of folds {folds}")
    numbers = sorted(found)
    return Printable(
        [found[number][1] for number in numbers],
        np.array([found[number][0] for number in numbers]),
        np.array(numbers),
    )

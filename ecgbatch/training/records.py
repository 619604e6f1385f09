"""Records to print: real ones from NPZ files, by fold, or simulated ones."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.patient import condition_names
from ecgbatch.types import LEADS, DoubleArray

TRAINING_FOLDS = frozenset(range(1, 9))
"""Of PTB-XL, whose folds keep each patient's records together (Wagner et al. 2020)."""
VALIDATION_FOLD = 9

Signals: TypeAlias = dict[str, DoubleArray]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """Real records of one length.

    Attributes:
        signal_uv: ``(record, 12, sample)`` int16 in the order of ``LEADS``.
        record_id: ``(record,)`` their numbers.
        fs_hz: Samples per second.
    """

    signal_uv: npt.NDArray[np.int16]
    record_id: npt.NDArray[np.int64]
    fs_hz: float

    @property
    def seconds(self) -> float:
        """Length of every record."""
        return float(self.signal_uv.shape[2] / self.fs_hz)

    def drawn(self, rng: np.random.Generator) -> Signals:
        """Return one record's leads in microvolts."""
        chosen = self.signal_uv[int(rng.integers(len(self.signal_uv)))]
        return dict(zip(LEADS, chosen.astype(np.float64), strict=True))


def read_records(folder: Path, *, folds: Collection[int], fs_hz: float = 500.0) -> Records:
    """Read the records of some folds.

    Args:
        folder: With ``*.npz`` files that hold ``signal_uv`` (record, 12, sample) int16, ``ecg_id``
            and ``fs_hz``, and ``labels.csv`` with the columns ``ecg_id`` and ``strat_fold``.
        folds: Which folds.
        fs_hz: Files at another rate are left out.

    Raises:
        ConfigError: There is no such record.
    """
    labels = folder / "labels.csv"
    if not labels.is_file():
        raise ConfigError(f"records: {folder} has no labels.csv that tells each record's fold")
    with labels.open(newline="", encoding="utf-8") as lines:
        wanted = [int(r["ecg_id"]) for r in csv.DictReader(lines) if int(r["strat_fold"]) in folds]
    signals, numbers = [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            if "signal_uv" not in file.files or float(file["fs_hz"]) != fs_hz:
                continue
            held = np.isin(file["ecg_id"], wanted)
            signals.append(file["signal_uv"][held])
            numbers.append(file["ecg_id"][held].astype(np.int64))
    if not sum(map(len, signals)):
        raise ConfigError(f"records: {folder} holds no record at {fs_hz:g} Hz of folds {folds}")
    return Records(np.concatenate(signals), np.concatenate(numbers), fs_hz)


def simulated(rng: np.random.Generator, *, seconds: float, fs_hz: float) -> Signals:
    """Simulate a record of any condition, with the leads beyond the twelve."""
    record = simulate(
        int(rng.integers(2**31)),
        condition=str(rng.choice(condition_names())),
        seconds=seconds,
        fs_hz=fs_hz,
        noise=float(rng.uniform(0.2, 1.2)),
    )
    return record.by_name()

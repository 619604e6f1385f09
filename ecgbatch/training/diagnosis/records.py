"""Labelled records of PTB-XL as arrays, and the guard that no patient stands on both sides."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ecgbatch.errors import ConfigError
from ecgbatch.signal.frames import FRAME_HZ, FRAME_SAMPLES
from ecgbatch.signal.resample import resample
from ecgbatch.types import FloatArray

LEARNT_FOLDS = frozenset(range(1, 8))
"""Of PTB-XL, whose folds keep each patient's records together (Wagner et al. 2020)."""
CHOSEN_FOLD = 8
REPORTED_FOLD = 9

BoolArray: TypeAlias = npt.NDArray[np.bool_]
_ZSCORED_MV = 0.2
"""Usual standard deviation of a lead, as which a z-scored record is taken; see ``Labelled``."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Records of ten seconds with what was said of them.

    Attributes:
        signal_mv: ``(record, 12, FRAME_SAMPLES)`` float16 at ``FRAME_HZ``.
        has_amplitude: ``(record,)`` False where leads were z-scored, so that heights mean nothing.
        record_id: ``(record,)``.
        patient_id: ``(record,)``.
        fold: ``(record,)`` 1 to 9.
        said: For each column of labels ``(record,)`` bool.
    """

    signal_mv: npt.NDArray[np.float16]
    has_amplitude: BoolArray
    record_id: npt.NDArray[np.int64]
    patient_id: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    said: Mapping[str, BoolArray]

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.record_id)

    def of_folds(self, folds: Collection[int]) -> npt.NDArray[np.intp]:
        """Return the numbers of the records of some folds."""
        return np.flatnonzero(np.isin(self.fold, list(folds)))


def read_labelled(folder: Path, *, kept: Path | None = None) -> Labelled:
    """Read every labelled record.

    Args:
        folder: With ``*.npz`` files that hold ``ecg_id``, ``fs_hz`` and ``signal_uv`` or
            ``zscore_milli`` (record, 12, sample), and ``labels.csv``; ``metadata_partial.csv``
            tells how old some infarcts are.
        kept: File in which the arrays are kept, because reading all takes a minute.

    Raises:
        ConfigError: A file is missing, or a patient has records in several folds.
    """
    rows = _rows(folder / "labels.csv")
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            signal_mv, record_id, has_amplitude = (
                file[name] for name in ("signal_mv", "record_id", "has_amplitude")
            )
    else:
        signal_mv, record_id, has_amplitude = _signals(folder, known=rows)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.savez(kept, signal_mv=signal_mv, record_id=record_id, has_amplitude=has_amplitude)
    chosen = [rows[int(number)] for number in record_id]
    patient_id = np.array([int(row["patient_id"]) for row in chosen])
    fold = np.array([int(row["strat_fold"]) for row in chosen])
    require_apart(patient_id, fold)
    said = {
        name: np.array([row[name] == "1" for row in chosen])
        for name in chosen[0]
        if ":" in name or name.startswith("has_")
    }
    said |= _ages(folder / "metadata_partial.csv", record_id)
    return Labelled(signal_mv, has_amplitude, record_id, patient_id, fold, said)


def require_apart(patient_id: npt.NDArray[np.int64], fold: npt.NDArray[np.int64]) -> None:
    """Refuse folds that share a patient: what is learnt of one would be reported of the other.

    Raises:
        ConfigError: The message counts the patients.
    """
    pairs = np.unique(np.stack([patient_id, fold]), axis=1)
    shared = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    if shared:
        raise ConfigError(f"records: {shared} patients have records in several folds")


def _rows(path: Path) -> dict[int, dict[str, str]]:
    if not path.is_file():
        raise ConfigError(f"records: there is no {path}, which tells labels and folds")
    with path.open(newline="", encoding="utf-8") as lines:
        return {int(row["ecg_id"]): row for row in csv.DictReader(lines)}


def _ages(path: Path, record_id: npt.NDArray[np.int64]) -> dict[str, BoolArray]:
    """Say which infarcts are known to be old, and of which records that was looked at."""
    rows = _rows(path) if path.is_file() else {}
    known = np.isin(record_id, list(rows))
    old = [
        str(rows.get(int(number), {}).get("infarction_stadium1"))
        in {"Stadium II-III", "Stadium III"}
        for number in record_id
    ]
    return {"age:OLD": np.array(old, np.bool_), "has_age": known}


def _signals(
    folder: Path, *, known: Mapping[int, object]
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64], BoolArray]:
    signals: list[FloatArray] = []
    numbers: list[int] = []
    heights: list[bool] = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            zscored = "zscore_milli" in file.files
            values = file["zscore_milli" if zscored else "signal_uv"].astype(np.float32) / 1000
            if zscored:
                values *= _ZSCORED_MV
            held = [place for place, number in enumerate(file["ecg_id"]) if int(number) in known]
            signals.extend(_at_frame_rate(values[place], float(file["fs_hz"])) for place in held)
            numbers.extend(int(file["ecg_id"][place]) for place in held)
            heights.extend([not zscored] * len(held))
    if not signals:
        raise ConfigError(f"records: {folder} holds no labelled record")
    return np.stack(signals).astype(np.float16), np.array(numbers), np.array(heights)


def _at_frame_rate(signal: FloatArray, fs_hz: float) -> FloatArray:
    if fs_hz == FRAME_HZ:
        return signal[:, :FRAME_SAMPLES]
    rows: Sequence[FloatArray] = [
        resample(row, from_hz=fs_hz, to_hz=FRAME_HZ, first_s=0.0, count=FRAME_SAMPLES)
        for row in signal
    ]
    return np.stack(rows)

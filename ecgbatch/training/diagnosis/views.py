"""What printings of labelled records measure: facts and usual beats, worked out once and kept.

A record costs a tenth of a second a printing, so that they are not measured anew in every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ecgbatch.signal.facts import FACTS, fact_vector, facts_of
from ecgbatch.signal.measure import measure
from ecgbatch.signal.shapes import shapes_of
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.training.diagnosis.printings import REPORTED_LAYOUTS, leads_of, read_back, shown
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, REPORTED_FOLD
from ecgbatch.training.whole import save_arrays
from ecgbatch.types import FloatArray

WHOLE = "12x1"
_CHOSEN_LAYOUTS = (WHOLE, "3x4+1R")
_USUAL_SHARE = 0.6  # of what is learnt from is printed as most carts do, the rest in any layout
_CHUNK = 128


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Measured printings, one per row.

    Attributes:
        record_id: ``(view,)``.
        layout: ``(view,)`` name of the layout.
        facts: ``(view, FACTS)`` float32, NaN where not measurable.
        shapes: ``(view, 12, sample)`` float16 in millivolts, NaN where not shown.
    """

    record_id: npt.NDArray[np.int64]
    layout: npt.NDArray[np.str_]
    facts: FloatArray
    shapes: npt.NDArray[np.float16]


def layouts_for(record_id: int, fold: int) -> tuple[str, ...]:
    """Return the layouts that a record is measured in."""
    if fold == REPORTED_FOLD:
        return REPORTED_LAYOUTS
    if fold == CHOSEN_FOLD:
        return _CHOSEN_LAYOUTS
    assert fold in LEARNT_FOLDS
    rng = np.random.default_rng(record_id)
    usual = rng.random() < _USUAL_SHARE
    return WHOLE, str(rng.choice(REPORTED_LAYOUTS[:-1] if usual else layout_names()))


def measure_views(folder: Path, kept: Path, *, folds: dict[int, int]) -> Iterator[Path]:
    """Measure what is not measured yet; each step is one file, so that it can be stopped.

    Args:
        folder: With ``*.npz`` files of ``signal_uv`` (record, 12, sample), ``ecg_id``, ``fs_hz``.
        kept: Where the measured views are put.
        folds: Fold of each record that is wanted.

    Yields:
        Each file that was written.
    """
    kept.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            if "signal_uv" not in file.files:
                continue
            missing = [
                first
                for first in range(0, len(file["ecg_id"]), _CHUNK)
                if not (kept / f"{path.stem}-{first:05d}.npz").exists()
            ]
            if not missing:
                continue
            signal_uv, numbers, fs_hz = file["signal_uv"], file["ecg_id"], float(file["fs_hz"])
        for first in missing:
            chunk = slice(first, first + _CHUNK)
            views = _measured(signal_uv[chunk], numbers[chunk], fs_hz, folds)
            target = kept / f"{path.stem}-{first:05d}.npz"
            save_arrays(target, **{name: getattr(views, name) for name in Views.__slots__})
            yield target


def read_views(kept: Path) -> Views:
    """Read all views that were measured."""
    parts = []
    for path in sorted(kept.glob("*.npz")):
        with np.load(path) as file:
            parts.append({name: file[name] for name in Views.__slots__})
    return Views(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _measured(
    signal_uv: npt.NDArray[np.int16],
    numbers: npt.NDArray[np.int64],
    fs_hz: float,
    folds: dict[int, int],
) -> Views:
    ids, names, facts, shapes = [], [], [], []
    for number, record in zip(numbers.tolist(), signal_uv, strict=True):
        if number not in folds:
            continue
        signal_mv = record.astype(np.float32) / 1000
        for name in layouts_for(number, folds[number]):
            rng = np.random.default_rng((number, 1))
            seen = signal_mv
            if name != WHOLE and folds[number] != REPORTED_FOLD:
                seen = read_back(signal_mv, rng, fs_hz=fs_hz)
            mask = shown(layout(name), fs_hz=fs_hz, samples=seen.shape[1])
            measured = measure(leads_of(seen, mask, fs_hz=fs_hz))
            ids.append(number)
            names.append(name)
            facts.append(fact_vector(facts_of(measured)))
            shapes.append((shapes_of(measured) / 1000).astype(np.float16))
    return Views(
        np.array(ids, np.int64),
        np.array(names, np.str_),
        np.array(facts, np.float32).reshape(-1, len(FACTS)),
        np.array(shapes, np.float16),
    )

"""Beats and borders of waves against LUDB's cardiologists and MIT-BIH's beats, and what it costs.

    ECGBATCH_DATA=DIR OMP_NUM_THREADS=1 python benchmarks/delineate.py

DIR holds ``ludb/`` and ``mitbih/`` as WFDB. Constants were tuned on the odd records of LUDB.
"""

import os
import time
from pathlib import Path

import numpy as np
import wfdb

from ecgbatch.evaluation.delineation import (
    CSE_SD_MS,
    MATCH_MS,
    Comparison,
    border_errors,
    compare_record,
    f1,
)
from ecgbatch.signal.beats import find_beats
from ecgbatch.signal.measure import measure
from ecgbatch.signal.sheet import lay_out
from ecgbatch.synth.heart import simulate
from ecgbatch.types import LEADS, DoubleArray, Lead

BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")


def as_lead(name: str, signal_uv: DoubleArray, *, fs_hz: float, t0_ms: float = 0.0) -> Lead:
    """A lead as a digital page brings it."""
    values = signal_uv.astype(np.float32)
    return Lead(name, "strip", "digital", t0_ms, fs_hz, fs_hz, values, 0.0, 1.0)


def print_table(title: str, results: list[Comparison]) -> None:
    """Print one table of borders."""
    print(f"\n{title}: {len(results)} records, R peaks F1 {f1(results):.4f}")
    print("border     mean ms   SD ms   CSE SD   sensitivity  precision  drawn")
    for name, error in border_errors(results).items():
        tolerance = f"{CSE_SD_MS[name]:6.1f}" if name in CSE_SD_MS else "     -"
        print(f"{name:8s} {error.mean_ms:9.1f} {error.sd_ms:7.1f}   {tolerance} "
              f"{error.sensitivity:13.3f} {error.precision:10.3f} {error.count:6d}")  # fmt: skip


def print_long_record(record: Path) -> None:
    """Print how many beats of a long record are found, with both leads and with each alone."""
    data = wfdb.rdrecord(str(record))
    notes = wfdb.rdann(str(record), "atr")
    drawn_ms = np.array([sample for sample, symbol in zip(notes.sample, notes.symbol, strict=True)
                         if symbol in BEAT_SYMBOLS]) * 1000 / data.fs  # fmt: skip
    signals = {name: 1000 * data.p_signal[:, at] for at, name in enumerate(data.sig_name)}
    print(f"\nMIT-BIH {record.name}: {drawn_ms.size} beats")
    for names in (tuple(signals), *((name,) for name in signals)):
        sheet = lay_out([as_lead(name, signals[name], fs_hz=float(data.fs)) for name in names])
        found_ms = sheet.to_ms(find_beats(sheet).astype(np.float64))
        near = np.abs(found_ms[:, None] - drawn_ms[None, :]) <= MATCH_MS
        hits, invented = int(near.any(axis=0).sum()), int((~near.any(axis=1)).sum())
        score = 2 * hits / (2 * hits + drawn_ms.size - hits + invented)
        print(f"{'+'.join(names):8s} missed {drawn_ms.size - hits}, invented {invented}, "
              f"F1 {score:.4f}")  # fmt: skip


def print_cost() -> None:
    """Print CPU milliseconds of measuring a page: 12 x 10 s, and 3x4 with a rhythm row."""
    signals = simulate(1).by_name()
    full = [as_lead(name, signals[name], fs_hz=500.0) for name in LEADS]
    quarter = 1250
    printed = [
        as_lead(name, signals[name][at : at + quarter], fs_hz=500.0, t0_ms=2.0 * at)
        for name, at in ((name, place // 3 * quarter) for place, name in enumerate(LEADS))
    ]
    for title, leads in (("12 x 10 s", full), ("3x4+1R", [*printed, full[1]])):
        spent = []
        for _ in range(15):
            start = time.process_time()
            measure(leads)
            spent.append(1000 * (time.process_time() - start))
        print(f"{title}: {min(spent):.1f} ms at best, {np.median(spent):.1f} ms median")


def main() -> None:
    """Print every table."""
    folder = Path(os.environ["ECGBATCH_DATA"])
    names = sorted((path.stem for path in (folder / "ludb").glob("*.hea")), key=int)
    results = {int(name): compare_record(folder / "ludb" / name) for name in names}
    print_table("LUDB, odd (tuned on)", [r for number, r in results.items() if number % 2])
    print_table("LUDB, even (reported)", [r for number, r in results.items() if number % 2 == 0])
    print_table("LUDB, all", list(results.values()))
    print_long_record(folder / "mitbih" / "100")
    print("\nto measure a page")
    print_cost()


if __name__ == "__main__":
    main()

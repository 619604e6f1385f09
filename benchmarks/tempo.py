"""How often beats tell the speed and the gain of a page, and how often those twice or half of them.

Run: ``ECGBATCH_DATA=… python benchmarks/tempo.py [records]``. Five seconds of records of PTB-XL of
fold 9, on which nothing was fitted, are measured as they are, and twice as fast, as paper of
12.5 mm/s is read whose pulse is 5 mm wide; half and twice as high is a matter of numbers.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from ecgbatch.signal.measure import Measurement, measure
from ecgbatch.signal.tempo import gain_fits, is_too_fast, speed_fits
from ecgbatch.training.records import VALIDATION_FOLD, read_records
from ecgbatch.types import LEADS, FloatArray, Lead

FS_HZ = 500.0
SECONDS = 5


def measured(signal_uv: FloatArray) -> Measurement:
    """Measure ``(lead, sample)`` as a page would be."""
    leads = [
        Lead(
            lead=name,
            role="strip",
            name_source="read",
            t0_ms=0.0,
            fs_hz=FS_HZ,
            native_fs_hz=FS_HZ,
            signal_uv=np.ascontiguousarray(row),
            overlap=0.0,
            quality=1.0,
        )
        for name, row in zip(LEADS, signal_uv, strict=True)
    ]
    return measure(leads).page


def higher(page: Measurement, by: float) -> Measurement:
    """Return what would be measured at another gain."""
    return replace(page, limb_span_uv=by * page.limb_span_uv, chest_span_uv=by * page.chest_span_uv)


def main(count: int = 200) -> None:
    """Print two lines on speeds and three on gains."""
    records = read_records(Path(os.environ["ECGBATCH_DATA"], "ptbxl"), folds=[VALIDATION_FOLD])
    rng = np.random.default_rng(9)
    samples = round(SECONDS * FS_HZ)
    drawn = [
        np.stack([record[lead] for lead in LEADS])
        for record in (records.drawn(rng) for _ in range(count))
    ]
    for name, every in (("own speed", 1), ("twice as fast", 2)):
        pages = [measured(record[:, ::every][:, :samples].astype(np.float32)) for record in drawn]
        fit, doubted = (sum(map(tell, pages)) for tell in (speed_fits, is_too_fast))
        print(f"{name:14}{count:5d} records, confirmed {fit}, doubted with a pulse {doubted}")
        if every == 1:
            own = pages
    for name, by in (("own gain", 1.0), ("half as high", 0.5), ("twice as high", 2.0)):
        fit = sum(gain_fits(higher(page, by)) for page in own)
        print(f"{name:14}{count:5d} records, confirmed {fit}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

"""How often a page is doubted that reads twice as fast as its heart beat, and how often wrongly.

Run: ``ECGBATCH_DATA=… python benchmarks/tempo.py [records]``. Five seconds of each record of PTB-XL
are measured at their own speed, and once more at twice that speed, as paper of 12.5 mm/s is read
whose pulse is 5 mm wide.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from ecgbatch.signal.measure import measure
from ecgbatch.signal.tempo import is_too_fast
from ecgbatch.types import LEADS, FloatArray, Lead

FS_HZ = 500.0
SECONDS = 5


def doubted(signal_uv: FloatArray) -> bool:
    """Measure ``(lead, sample)`` as a page would be, and say whether its speed is doubted."""
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
    return is_too_fast(measure(leads).page)


def main(count: int = 250) -> None:
    """Print two lines."""
    file = Path(os.environ["ECGBATCH_DATA"], "ptbxl", "ecg_500hz_4.npz")
    records = np.load(file)["signal_uv"][:count].astype(np.float32)
    samples = round(SECONDS * FS_HZ)
    for name, every in (("own speed", 1), ("twice as fast", 2)):
        found = [doubted(record[:, ::every][:, :samples]) for record in records]
        print(f"{name:14}{len(found):5d} records, doubted {sum(found)}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

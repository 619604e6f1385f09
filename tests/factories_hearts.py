"""Leads of simulated hearts, printed as pages print them."""

import numpy as np

from ecgbatch.synth.heart import simulate
from ecgbatch.types import LEADS, Lead

FS_HZ = 500.0


def lead(name, signal_uv, *, t0_ms=0.0, role="strip", fs_hz=FS_HZ):
    signal_uv = np.asarray(signal_uv, np.float32)
    return Lead(name, role, "read", t0_ms, fs_hz, fs_hz, signal_uv, 0.0, 0.9)


def full(record, *, names=LEADS):
    """Every lead over the whole record."""
    return [lead(name, record.by_name()[name], fs_hz=record.fs_hz) for name in names]


def columns(record, *, rhythm=("II",)):
    """Three rows of four columns one after the other, and long rows below them."""
    signals = record.by_name()
    quarter = len(signals["I"]) // 4
    strips = []
    for place, name in enumerate(LEADS):
        first = place // 3 * quarter
        part = signals[name][first : first + quarter]
        strips.append(lead(name, part, t0_ms=1000 * first / record.fs_hz, fs_hz=record.fs_hz))
    return strips + [lead(name, signals[name], role="rhythm") for name in rhythm]


def heart(seed=1, **options):
    return simulate(seed, **({"noise": 0.3, "band_hz": (0.05, 150.0)} | options))


def page(number, leads, **changes):
    """A row of a calibrated page with these leads."""
    values = {
        "scan_id": f"{number:032x}",
        "version": "v1",
        "page_no": 1,
        "page_count": 1,
        "leads": [
            {
                "lead": each.lead,
                "role": each.role,
                "name_source": "read",
                "t0_ms": each.t0_ms,
                "fs_hz": each.fs_hz,
                "native_fs_hz": 200.0,
                "signal_uv": each.signal_uv,
                "overlap": 0.0,
                "quality": 0.9,
            }
            for each in leads
        ],
    }
    return values | changes

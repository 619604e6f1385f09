"""Small data sets, and records to print them from."""

import numpy as np
import wfdb

from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.flow.synthesize import synthesize
from ecgbatch.synth.dataset.recipe import make_recipe
from ecgbatch.types import LEADS

SMALL = {
    "count": 6,
    "seed": 5,
    "shard": 2,
    "dpi": ["60"],
    "layouts": ["3x4+1R", "6x2"],
    "profiles": ["clean", "turned"],
}


def recipe(kind="pages", **changes):
    """Return a recipe of few small pages."""
    return make_recipe({**SMALL, "kind": kind, **changes})


def make(out, kind="pages", *, pools=None, **changes):
    """Make a data set in this process."""
    config = RunConfig(pools=PoolSettings(**(pools or {})))
    return synthesize(str(out), recipe(kind, **changes), config=config, local=True)


def contents(out):
    """Return every byte of a data set but those of its run, by path."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and "lease" not in path.parts and path.name != "summary.json"
    }


def wave(seconds, fs_hz, *, count=12):
    """Return ``(count, sample)`` µV: a beat every second, of another height in every lead."""
    time_s = np.arange(round(seconds * fs_hz)) / fs_hz
    beat = np.exp(-0.5 * ((time_s % 1 - 0.5) / 0.02) ** 2)
    return np.outer(500 + 50 * np.arange(count), beat)


def wfdb_record(folder, name, leads_uv, *, fs_hz=500, leads=LEADS, unit="mV"):
    """Write a WFDB record of leads in microvolts."""
    scale = {"mV": 1e-3, "uV": 1.0, "V": 1e-6}.get(unit, 1.0)
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name,
        fs=fs_hz,
        units=[unit] * len(leads),
        sig_name=list(leads),
        p_signal=np.asarray(leads_uv).T * scale,
        fmt=["16"] * len(leads),
        write_dir=str(folder),
    )


def npz_file(path, *, count=4, seconds=10, fs_hz=500, patients=None):
    """Write an NPZ file of records, and ``labels.csv`` beside it if there are patients."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signals = np.stack([wave(seconds, fs_hz) + 10 * number for number in range(count)])
    ids = np.arange(1, count + 1)
    np.savez_compressed(path, signal_uv=signals.astype(np.int16), ecg_id=ids, fs_hz=fs_hz)
    if patients is not None:
        rows = "".join(f"{number},{who}\n" for number, who in zip(ids, patients, strict=True))
        (path.parent / "labels.csv").write_text("ecg_id,patient_id\n" + rows)

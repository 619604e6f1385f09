"""How often a page that was scanned through its back is noticed, and a right one called mirrored.

    ECGBATCH_DATA=... python benchmarks/mirrored.py [--pages N] [--seed N]

Looks, damages and patients are drawn at random, half of the patients from PTB-XL where
``ECGBATCH_DATA`` is set; the real pages of its folder ``pages`` are looked at as well. Each page is
stood upright as it is and mirrored; one that is refused counts as not noticed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.flags import Flag
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.synth.damage import damaged, drawn_profile
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.looks import drawn_look
from ecgbatch.synth.paper import render
from ecgbatch.synth.patient import condition_names
from ecgbatch.types import LEADS, ByteArray, Page

_SUFFIXES = {".png", ".jpg", ".jpeg"}
_PTBXL_HZ = 500.0


def drawn_pages(count: int, *, seed: int, recorded_uv: np.ndarray | None) -> Iterator[ByteArray]:
    """Yield pages with look, damage and patient drawn at random.

    Args:
        count: How many.
        seed: Of all choices.
        recorded_uv: ``(record, lead, sample)`` at 500 Hz, of which every other page takes one.
    """
    rng = np.random.default_rng(seed)
    made = 0
    while made < count:
        condition, patient = str(rng.choice(condition_names())), int(rng.integers(1 << 30))
        if recorded_uv is not None and rng.random() < 0.5:
            record_uv = recorded_uv[patient % len(recorded_uv)].astype(np.float64)
            by_name, fs_hz = dict(zip(LEADS, record_uv, strict=True)), _PTBXL_HZ
        else:
            record = simulate(patient, condition=condition)
            by_name, fs_hz = record.by_name(), record.fs_hz
        look, profile = drawn_look(rng), drawn_profile(rng)
        try:
            page = render(
                by_name, fs_hz=fs_hz, layout=look.layout, style=look.style, dpi=look.dpi, seed=made
            )
            pixels = damaged(page, profile=profile, seed=made).pixels
        except ConfigError:  # what was drawn does not fit together
            continue
        made += 1
        yield pixels


def real_pages(folder: Path) -> Iterator[ByteArray]:
    """Yield the pictures under a folder."""
    for path in sorted(each for each in folder.rglob("*") if each.suffix in _SUFFIXES):
        yield cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def is_flagged(pixels: ByteArray) -> bool:
    """Stand a page upright and say whether it is called mirrored."""
    try:
        upright = stand_upright(Page(np.ascontiguousarray(pixels)), px_per_mm=10.0)
    except PageError:
        return False
    return Flag.MIRRORED in upright.flags


def main() -> None:
    """Print two lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    use_one_core()
    data = os.environ.get("ECGBATCH_DATA")
    recorded_uv = np.load(Path(data, "ptbxl", "ecg_500hz_0.npz"))["signal_uv"] if data else None
    kinds = {"drawn": drawn_pages(asked.pages, seed=asked.seed, recorded_uv=recorded_uv)}
    if data:
        kinds["real"] = real_pages(Path(data, "pages"))
    for kind, pages in kinds.items():
        flags = np.array([(is_flagged(page), is_flagged(page[:, ::-1])) for page in pages])
        falsely, rightly = flags.sum(axis=0)
        print(f"{kind:6}{len(flags):5d} pages   flag on {falsely:3d}   mirrored: on {rightly:3d}")


if __name__ == "__main__":
    main()

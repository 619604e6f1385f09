"""How many pages that hold an ECG are refused as none, and how many others are let through.

::

    python benchmarks/is_ecg.py --pages 100 --records "$ECGBATCH_DATA/ptbxl"
    python benchmarks/is_ecg.py --pages 0 --files "$ECGBATCH_DATA/pages"   # files that hold ECGs

Looks, layouts, damage and patients are drawn at random, as for training, and so are letters, forms,
charts and empty paper. Every page is laid upright and its leads are located, by geometry alone.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from ecgbatch.errors import PageError
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.training.others import draw_other
from ecgbatch.training.pages import draw_page
from ecgbatch.training.records import VALIDATION_FOLD, read_records
from ecgbatch.types import ByteArray, Page

PX_PER_MM = 10.0
_SUFFIXES = {".png", ".jpg", ".jpeg"}


def fate(pixels: ByteArray) -> str:
    """Return the reason of the stage that refuses a page, or ``located``."""
    try:
        upright = stand_upright(Page(np.ascontiguousarray(pixels)), px_per_mm=PX_PER_MM)
    except PageError as error:
        return f"rectify {error.reason.value}"
    try:
        find_regions(find_ink(upright.pixels, px_per_mm=PX_PER_MM), px_per_mm=PX_PER_MM)
    except PageError as error:
        return f"locate {error.reason.value}"
    return "located"


def main() -> None:
    """Print what became of the pages, kind by kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--pages", type=int, default=100, help="that hold an ECG; half as many do not"
    )
    parser.add_argument("--seed", type=int, default=910_000)
    parser.add_argument("--records", type=Path, help="folder of real records")
    parser.add_argument("--files", type=Path, help="folder of pages that hold ECGs")
    given = parser.parse_args()
    use_one_core()
    records = given.records and read_records(given.records, folds=[VALIDATION_FOLD])
    fates: dict[str, Counter[str]] = {"ecg": Counter(), "other": Counter(), "files": Counter()}
    for seed in range(given.seed, given.seed + given.pages):
        drawn = draw_page(np.random.default_rng(seed), records=records)
        fates["ecg"][fate(drawn.pixels)] += 1
    for seed in range(given.seed, given.seed + given.pages // 2):
        fates["other"][fate(draw_other(np.random.default_rng(seed)).pixels)] += 1
    files = sorted(given.files.rglob("*")) if given.files else []
    for path in (path for path in files if path.suffix.lower() in _SUFFIXES):
        fates["files"][fate(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))] += 1
    for kind, counts in fates.items():
        if counts:
            print(f"{kind:6}{counts.total():5d}  ", dict(counts.most_common()))


if __name__ == "__main__":
    main()

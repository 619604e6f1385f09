"""Pages of labelled records, on which members that see pages are trained and measured.

::

    python jobs/draw_sheets.py runs/page --records ptbxl --fold-set learnt --count 3000

Half of them are clean, the rest damaged by a profile that is drawn; every number always gives the
same page, and what is there already is not drawn again. With ``--layout`` and ``--damage`` the same
records are printed alike once ``clean`` and once in ``every`` way of being damaged, in turn.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ecgbatch.synth.damage import profile_names
from ecgbatch.training.diagnosis.kept_sheets import keep_sheets
from ecgbatch.training.diagnosis.page_pool import FOLD_SETS, Printable, read_printable
from ecgbatch.training.diagnosis.sheets import Sheet, draw_sheet


def main() -> None:
    """Draw what is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="below which sheets are kept")
    parser.add_argument("--records", type=Path, required=True, help="folder of labelled records")
    parser.add_argument("--fold-set", choices=FOLD_SETS, required=True, help="whose records")
    parser.add_argument("--count", type=int, required=True, help="sheets")
    parser.add_argument("--layout", help="of all of them; default: drawn")
    parser.add_argument("--damage", choices=("clean", "every"), help="default: drawn")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    printable = read_printable(given.records, folds=FOLD_SETS[given.fold_set])
    seed = list(FOLD_SETS).index(given.fold_set)
    draw = drawing(printable, seed=seed, layout=given.layout, damage=given.damage)
    parts = ("sheets", given.fold_set, given.layout, given.damage)
    target = given.folder / "-".join(part for part in parts if part)
    for path in keep_sheets(target, draw, count=given.count):
        print(f"drew {path.stem}", flush=True)


def drawing(
    printable: Printable, *, seed: int, layout: str | None, damage: str | None
) -> Callable[[int], Sheet]:
    """Return what draws a sheet by its number, every record once before any comes again."""
    profiles: Sequence[str | None] = profile_names() if damage == "every" else (damage,)
    order = np.random.default_rng(seed).permutation(len(printable.record_id))

    def draw(number: int) -> Sheet:
        place = int(order[number % len(order)])
        return draw_sheet(
            printable.signal_uv(place),
            np.random.default_rng((seed, number)),
            fs_hz=float(printable.fs_hz[place]),
            record_id=int(printable.record_id[place]),
            layouts=None if layout is None else (layout,),
            profile=profiles[number % len(profiles)],
        )

    return draw


if __name__ == "__main__":
    main()

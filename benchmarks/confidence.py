"""How often seconds are right that say how sure they are, and the curve that they say it by.

::

    python benchmarks/reading.py --records "$ECGBATCH_DATA/ptbxl" --keep pages/   # draws pages
    python benchmarks/confidence.py pages/

Pages of known records are traced. Every second of a lead is right if its samples are within half
a millimetre of the record (RMS, without the offset of the lead, after its best shift, and after one
of the second by 40 ms at most: a clock that runs wrong is a doubt of the page, too). A
logistic curve from doubt to that is fitted on half of the pages, and
``signal.confidence`` holds its two constants. The other half tells how often each confidence was
right. Leads that are another lead or stand elsewhere, with r below 0.8, are told apart: names and
places are doubts of a page, and not of a second.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from ecgbatch.config import RunConfig
from ecgbatch.evaluation.pages import printed_part
from ecgbatch.evaluation.shifts import best_shift, shift_to
from ecgbatch.evaluation.truth import TrueRecord, read_record
from ecgbatch.flow.evaluate import converted
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.imaging.crossing import BoolArray
from ecgbatch.signal.confidence import RIGHT_MM, chance, doubt_by_second
from ecgbatch.signal.record import read_lead
from ecgbatch.stages.calibrate import as_trace
from ecgbatch.stages.rows import Row
from ecgbatch.types import DoubleArray
from jobs.convert import stages

FS_HZ = 500.0
SHORTEST_S = 0.2  # of a last second
MOST_SHIFT = round(0.04 * FS_HZ)
OTHER_LEAD_R = 0.8
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0)


def seconds_of(row: Row, record: TrueRecord) -> Iterator[tuple[float, float, bool]]:
    """Yield doubt, r of the lead, and whether it was right, for every second."""
    for values in row.structs("traces"):
        trace = as_trace(values)
        lead = read_lead(
            trace,
            px_per_mm=row["rectified_px_per_mm"],
            source_px_per_mm=row["px_per_mm_x"],
            speed_mm_per_s=row["speed_mm_per_s"],
            gain_mm_per_mv=row["gain_mm_per_mv"],
            fs_hz=FS_HZ,
        )
        if lead.lead not in record.leads_mv or lead.coverage == 0:
            continue
        margin = round(0.2 * FS_HZ)
        around = printed_part(record, lead, margin=margin)
        if not np.isfinite(around).any():
            continue
        mm_per_uv = row["gain_mm_per_mv"] / 1000
        read_mm = lead.signal_uv.astype(np.float64) * mm_per_uv
        shift = best_shift(around, np.pad(read_mm, margin, constant_values=np.nan), most=margin)
        true_mm = 1000 * mm_per_uv * shift_to(around, -shift)[margin : margin + read_mm.size]
        off_mm = read_mm - true_mm
        known = np.isfinite(off_mm)
        if known.sum() < FS_HZ / 2:
            continue
        r = float(np.corrcoef(read_mm[known], true_mm[known])[0, 1])
        read_mm -= np.median(off_mm[known])
        true_mm = (
            1000 * mm_per_uv * np.pad(shift_to(around, -shift), margin, constant_values=np.nan)
        )
        px_per_s = row["rectified_px_per_mm"] * row["speed_mm_per_s"]
        first_s = lead.t0_ms / 1000 - trace.region.t0_ms / 1000
        first_s -= (trace.x0_px - trace.region.left_px) / px_per_s
        count = -(-lead.signal_uv.size // round(FS_HZ))
        doubt_mm, _ = doubt_by_second(trace, first_s=first_s, px_per_s=px_per_s, seconds=count)
        for second in range(count):
            start, stop = (round(place * FS_HZ) for place in (second, second + 1))
            part = read_mm[start:stop]
            known = np.isfinite(part)
            if part.size < SHORTEST_S * FS_HZ or not known.any():
                continue
            there = true_mm[2 * margin + start - MOST_SHIFT :][: part.size + 2 * MOST_SHIFT]
            rms_mm = closest_mm(part, there, known)
            if np.isfinite(rms_mm):
                yield doubt_mm[second], r, rms_mm < RIGHT_MM


def closest_mm(part: DoubleArray, there: DoubleArray, known: BoolArray) -> float:
    """RMS error of a second at the best of its shifts; infinite where the record lacks it."""
    shifted = np.lib.stride_tricks.sliding_window_view(there, part.size)[:, known]
    squares = ((shifted - part[known]) ** 2).mean(axis=1)
    return float(np.sqrt(squares[np.isfinite(squares)].min(initial=np.inf)))


def fitted(doubt_mm: DoubleArray, right: DoubleArray) -> DoubleArray:
    """Fit the constants of ``signal.confidence`` by Newton's method, a little held back."""
    inputs = np.stack([np.ones_like(doubt_mm), np.sqrt(doubt_mm)], axis=1)
    weights = np.zeros(2)
    for _ in range(30):
        share = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (right - share) - 1e-3 * weights
        bend = (inputs * (share * (1 - share))[:, None]).T @ inputs + 1e-3 * np.eye(2)
        weights = weights + np.linalg.solve(bend, slope)
    return np.asarray(weights)


def main() -> None:
    """Trace, fit, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path, help="folder that benchmarks/reading.py --keep made")
    folder = parser.parse_args().pages.resolve()
    use_one_core()
    config = RunConfig()
    found: list[tuple[float, float, bool, bool]] = []
    for uri, page, record in converted(
        str(folder),
        folder / "truth",
        stages=stages(config, str(folder))[:4],
        config=config,
        pairs=folder / "pairs.csv",
    ):
        row = Row(page, 0)
        if row["error"] is None:
            tested = bool(int(Path(uri).stem.rpartition("_")[2]) // 2 % 2)
            found += [(*each, tested) for each in seconds_of(row, read_record(record))]
    doubt_mm, r, right, tested_on = np.array(found, np.float64).T
    own = r >= OTHER_LEAD_R
    learnt = own & (tested_on == 0)
    print("fitted:", *np.round(fitted(doubt_mm[learnt], right[learnt]), 2))
    told = chance(doubt_mm)
    test = tested_on == 1
    print(
        f"{test.sum():.0f} seconds of other pages, {100 * own[test].mean():.0f} % of the own lead"
    )
    print("confidence     seconds   told  right   right, whatever the lead")
    for low, high in pairwise(EDGES):
        here = test & (told >= low) & (told < high if high < 1 else told <= 1)
        if (here & own).any():
            print(
                f"{low:.2f} to {high:.2f} {(here & own).sum():10.0f}"
                f"  {told[here & own].mean():.3f}  {right[here & own].mean():.3f}"
                f"   {right[here].mean():.3f}"
            )


if __name__ == "__main__":
    main()

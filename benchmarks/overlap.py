"""What is read where rows overlap, with regions as they are found and as they truly are.

::

    python benchmarks/overlap.py --records "$ECGBATCH_DATA/ptbxl"   # fold 9, never trained on
    python benchmarks/overlap.py --true-regions                     # simulated, regions given

Pages are those of the class *overlap* of ``benchmarks/reading.py``: rows stand so close that tall
beats run into their neighbours. With ``--true-regions`` every lead's place is given, as in
published figures on leads that were cut out by hand, so that what is left is the tracing alone. A
page whose regions are not found has no figures; how many there are stands first. Of the others
stand the median squared error, r and the SNR of 2024 against the record, and how far ink is that
which was drawn for the lead (IoU): a line of the pen's width along the whole trace that was read;
and, in the pieces about which the network was asked and there alone, what it calls the lead's own,
and the page's ink inside of that.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from reading import KINDS, draw_page
from scipy import signal as filters

from ecgbatch.errors import PageError
from ecgbatch.evaluation.metrics import lead_error
from ecgbatch.evaluation.snr import snr_challenge_2024
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import find_regions
from ecgbatch.imaging.telling import Question, answer, ask
from ecgbatch.imaging.upright import UprightPage, stand_upright
from ecgbatch.models.card import shipped_card
from ecgbatch.models.trace_reader import Reading, TraceReader
from ecgbatch.signal.record import read_lead
from ecgbatch.synth.dataset.masks import mask_of
from ecgbatch.synth.truth import PageTruth, RegionTruth
from ecgbatch.training.records import VALIDATION_FOLD, Signals, read_records
from ecgbatch.types import ByteArray, DoubleArray, Page, Region, Trace

PX_PER_MM = 10.0
FS_HZ = 500.0
ROOM_MM = 2.0  # above and below a lead's ink, where its trace may run
NEAR_MM = 6.0  # of a true zero line, a region that was found stands for that lead
(KIND,) = (kind for kind in KINDS if kind.overlaps)


@dataclass(frozen=True)
class Found:
    """Of one lead: errors, and how far its ink is its own."""

    mse_mv2: float
    r: float
    snr_db: float
    iou_read: float
    iou_told: float
    iou_inked: float


def true_regions(truth: PageTruth) -> list[Region]:
    """Return where the leads of an upright page are, as a layout would tell it."""
    regions = []
    for each in truth.regions:
        x = each.polyline_px[np.isfinite(each.polyline_px).all(axis=1), 0]
        regions.append(
            Region(
                lead=each.lead,
                role=each.role,
                name_source="read",
                left_px=float(x.min()),
                top_px=each.box_px[1] - ROOM_MM * PX_PER_MM,
                right_px=float(x.max()) + 1,
                bottom_px=each.box_px[3] + ROOM_MM * PX_PER_MM,
                baseline_px=float(each.baseline_px[:, 1].mean()),
                t0_ms=each.t0_ms,
                inverted=each.gain_mm_per_mv < 0,
            )
        )
    return regions


def upright_truth(page: UprightPage, truth: PageTruth) -> PageTruth:
    """Move the truth of a flat page to where the pipeline drew it upright."""
    rows, columns = page.warp.shape_px
    back = np.linalg.inv(page.warp.homography)
    return truth.moved(back, width_px=columns, height_px=rows)


def true_lead(region: Region, truth: PageTruth) -> RegionTruth | None:
    """Return the lead that stands where a region was found, if any."""
    near = [
        each
        for each in truth.regions
        if each.lead == region.lead
        and abs(float(each.baseline_px[:, 1].mean()) - region.baseline_px) < NEAR_MM * PX_PER_MM
        and each.polyline_px[-1, 0] > region.left_px
        and each.polyline_px[0, 0] < region.right_px
    ]
    return near[0] if near else None


def ink_overlap(
    number: int, question: Question, readings: list[list[Reading]], truth: RegionTruth
) -> tuple[float, float]:
    """IoU of a lead's own ink in the windows that were asked about: as told, and as traced."""
    shared, either = np.zeros(2), np.zeros(2)
    for window, reading in zip(question.windows[number], readings[number], strict=True):
        rows, columns = reading.ink.shape
        box = (window.left_px, window.top_px, window.left_px + columns, window.top_px + rows)
        drawn = mask_of(truth, box) > 0
        own = reading.ink > 127
        wide = cv2.dilate(own.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
        for place, found in enumerate((own, wide & (window.planes[1] > 127))):
            shared[place] += (found & drawn).sum()
            either[place] += (found | drawn).sum()
    with np.errstate(invalid="ignore"):
        told, traced = shared / either
    return float(told), float(traced)


def drawn_overlap(trace: Trace, truth: RegionTruth) -> float:
    """IoU of a line along a trace and the line that was drawn."""
    x_px = trace.x0_px + np.arange(trace.y_px.size) * trace.step_px
    line = replace(truth, polyline_px=np.stack([x_px, trace.y_px.astype(np.float64)], axis=1))
    left, top, right, bottom = (round(side) for side in truth.box_px)
    reach = round(ROOM_MM * PX_PER_MM)
    box = (left - reach, top - reach, right + reach, bottom + reach)
    read, drawn = mask_of(line, box) > 0, mask_of(truth, box) > 0
    return float((read & drawn).sum() / (read | drawn).sum())


def errors(
    trace: Trace, truth: PageTruth, signals: Signals, fs_hz: float
) -> tuple[float, float, float]:
    """Squared error, r and SNR of one lead against its record."""
    lead = read_lead(
        trace,
        px_per_mm=PX_PER_MM,
        source_px_per_mm=PX_PER_MM,
        speed_mm_per_s=truth.speed_mm_per_s,
        gain_mm_per_mv=truth.gain_mm_per_mv,
        fs_hz=FS_HZ,
    )
    margin = round(0.2 * FS_HZ)
    whole = _at_rate(np.asarray(signals[trace.region.lead], np.float64) / 1000, fs_hz)
    first = round(lead.t0_ms * FS_HZ / 1000) - margin
    around = np.full(lead.signal_uv.size + 2 * margin, np.nan)
    inside = whole[max(first, 0) : max(first + around.size, 0)]
    around[max(-first, 0) : max(-first, 0) + inside.size] = inside
    estimate = lead.signal_uv.astype(np.float64) / 1000
    error = lead_error(around, estimate, fs_hz=FS_HZ, margin=margin)
    there = around[margin : margin + estimate.size]
    return error.mse_mv2, error.pearson_r, snr_challenge_2024(there, estimate, fs_hz=FS_HZ)


def _at_rate(values: DoubleArray, fs_hz: float) -> DoubleArray:
    if fs_hz == FS_HZ:
        return values
    return np.asarray(filters.resample_poly(values, round(FS_HZ), round(fs_hz)))


def read_page(
    network: TraceReader,
    page: UprightPage,
    ink: ByteArray,
    own_ink: ByteArray,
    regions: list[Region],
) -> tuple[Question, list[list[Reading]], list[Trace]]:
    """Ask the network about a page, and trace it."""
    question = ask(network, page.pixels, ink, own_ink, regions, px_per_mm=PX_PER_MM)
    flat = network.read(question.planes, question.baselines_px)
    left = iter(flat)
    by_lead = [[next(left) for _ in windows] for windows in question.windows]
    return question, by_lead, answer(question, flat, regions, network, px_per_mm=PX_PER_MM)


def main() -> None:
    """Draw, trace, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=Path, help="folder of real records")
    parser.add_argument("--pages", type=int, default=8)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--true-regions", action="store_true", help="give the place of every lead")
    given = parser.parse_args()
    use_one_core()
    records = given.records and read_records(given.records, folds=[VALIDATION_FOLD])
    network = TraceReader(shipped_card("segmenter"))
    found: list[Found] = []
    printed = read = 0
    for number in range(given.pages):
        rng = np.random.default_rng((given.seed, KINDS.index(KIND), number))
        signals, fs_hz, drawn = draw_page(rng, KIND, number, records)
        upright = stand_upright(Page(drawn.pixels, KIND.dpi, KIND.dpi), px_per_mm=PX_PER_MM)
        truth = upright_truth(upright, drawn.truth)
        printed += len(truth.regions)
        ink = own_ink = find_ink(upright.pixels, px_per_mm=PX_PER_MM)
        regions = true_regions(truth)
        if not given.true_regions:
            try:
                seen = find_regions(ink, px_per_mm=PX_PER_MM)
            except PageError:
                continue
            regions, own_ink = list(seen.regions), ink * (~seen.not_trace).view(np.uint8)
        read += 1
        question, readings, traces = read_page(network, upright, ink, own_ink, regions)
        for place, trace in enumerate(traces):
            lead = true_lead(trace.region, truth)
            if lead is not None:
                ious = ink_overlap(place, question, readings, lead)
                whole = drawn_overlap(trace, lead)
                found.append(Found(*errors(trace, truth, signals, fs_hz), whole, *ious))
    where = "true regions" if given.true_regions else "found regions"
    print(f"{where}: {read} of {given.pages} pages, {len(found)} of {printed} leads")

    def middle(name: str) -> float:
        return float(np.nanmedian([getattr(each, name) for each in found] or [np.nan]))

    print(
        f"MSE {middle('mse_mv2'):.5f} mV2  r {middle('r'):.4f}  SNR {middle('snr_db'):.1f} dB  "
        f"IoU as read {middle('iou_read'):.3f}; where asked: as told {middle('iou_told'):.3f}, "
        f"page's ink {middle('iou_inked'):.3f}"
    )


if __name__ == "__main__":
    main()

"""The ceiling of reading ink, by resolution and way of decoding, and what tracing costs.

::

    python benchmarks/trace.py                    # simulated records
    python benchmarks/trace.py --records FOLDER   # WFDB records, of any rate

Each lead is drawn alone with a round pen of 0.75 pt, antialiased, at an exact scale; nothing but
the decoder is measured. *centroid* takes the middle of each column's ink, *bracket* the middle of
what a round pen allows, *pen* is what ``ecgbatch.imaging.trace`` does, on the drawing itself and on
the drawing brought to 10 px/mm as the conversion does. SNR is the plain one in dB, the offset
counted; gain is the least-squares amplitude against truth.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from ecgbatch.evaluation.snr import snr_plain
from ecgbatch.evaluation.truth import find_records, read_record
from ecgbatch.imaging.pen import centre_line
from ecgbatch.imaging.runs import find_runs, ink_level
from ecgbatch.imaging.trace import trace_leads
from ecgbatch.signal.record import read_lead
from ecgbatch.types import ByteArray, DoubleArray, FloatArray, Region

FS_HZ = 500.0
SPEED, GAIN = 25.0, 10.0  # mm/s, mm/mV
PEN_MM = 0.75 / 72 * 25.4
MARGIN_MM = 3.0
RECTIFIED_PX_PER_MM = 10.0
FINE = 8

Decoder = Callable[[ByteArray, float, float], tuple[DoubleArray, DoubleArray]]
"""Ink, zero line and px/mm to the columns and the heights that were read."""


def leads_mv(records: Path | None, count: int) -> Iterator[DoubleArray]:
    """Strips of 2.5 s, the lead changing from one to the next."""
    if records is None:
        from ecgbatch.synth.heart import simulate

        found = [simulate(seed).signal_uv.astype(np.float64) / 1000 for seed in range(count)]
    else:
        names = find_records(records)
        chosen = np.random.default_rng(7).permutation(len(names))[:count]
        found = [np.stack(list(read_record(names[i]).leads_mv.values())) for i in chosen]
    for signals in found:
        for lead, signal in enumerate(signals):
            start = (lead // 3) * 1250 % max(signal.size - 1250, 1)
            strip = signal[start : start + 1250]
            if np.isfinite(strip).all() and np.ptp(strip) > 0.05:
                yield strip


def draw(mv: DoubleArray, dpi: float) -> tuple[ByteArray, DoubleArray, float]:
    """Ink of one lead, the columns of its samples and the row of its zero line."""
    px_per_mm = dpi / 25.4
    x_px = (MARGIN_MM + np.arange(mv.size) / FS_HZ * SPEED) * px_per_mm
    zero_px = (MARGIN_MM + max(mv.max(), 0) * GAIN) * px_per_mm
    y_px = zero_px - mv * GAIN * px_per_mm
    shape = (int(y_px.max() + MARGIN_MM * px_per_mm), int(x_px[-1] + MARGIN_MM * px_per_mm))
    fine = np.zeros((shape[0] * FINE, shape[1] * FINE), np.uint8)
    points = np.stack([x_px + 0.5, y_px + 0.5], axis=1) * FINE - 0.5
    width = round(PEN_MM * px_per_mm * FINE)
    cv2.polylines(fine, [np.round(points * 16).astype(np.int32)], False, 255, width, shift=4)
    return cv2.resize(fine, shape[::-1], interpolation=cv2.INTER_AREA), x_px, zero_px


def _edges(ink: ByteArray) -> tuple[DoubleArray, FloatArray, FloatArray]:
    runs = find_runs(ink, level=ink_level(ink))
    inked = np.flatnonzero(np.diff(runs.first))
    return (
        inked.astype(np.float64),
        runs.top_px[runs.first[inked]],
        runs.bottom_px[runs.first[inked + 1] - 1],
    )


def centroid(ink: ByteArray, _zero_px: float, _px_per_mm: float) -> tuple[DoubleArray, DoubleArray]:
    """The middle of each column's ink."""
    columns, top, bottom = _edges(ink)
    return columns, (top.astype(np.float64) + bottom) / 2


def bracket(ink: ByteArray, _zero_px: float, _px_per_mm: float) -> tuple[DoubleArray, DoubleArray]:
    """The middle of what a round pen allows: no round of ``centre_line``."""
    columns, top, bottom = _edges(ink)
    radius_px = float(np.percentile(bottom - top, 5)) / 2
    heights = centre_line(top, bottom, radius_px=radius_px, rounds=0)
    return columns[0] + np.arange(heights.size) / 4, heights.astype(np.float64)


def pen_model(ink: ByteArray, zero_px: float, px_per_mm: float) -> tuple[DoubleArray, DoubleArray]:
    """What the conversion does."""
    rows, columns = ink.shape
    region = Region("I", "strip", "read", 0, 0, columns, rows, zero_px, 0.0)
    (trace,) = trace_leads(ink, [region], px_per_mm=px_per_mm)
    known = np.isfinite(trace.y_px)
    places = trace.x0_px + np.arange(known.size) * trace.step_px
    return places[known], trace.y_px[known].astype(np.float64)


def score(decode: Decoder, leads: list[DoubleArray], dpi: float, *, rectified: bool) -> list[float]:
    """Mean SNR in dB, mean r, mean RMSE in mV and mean gain over leads."""
    figures = []
    for mv in leads:
        ink, x_px, zero_px = draw(mv, dpi)
        scale = RECTIFIED_PX_PER_MM * 25.4 / dpi if rectified else 1.0
        if rectified:
            shift = (scale - 1) / 2
            matrix = np.array([[scale, 0, shift], [0, scale, shift]])
            size = (int(ink.shape[1] * scale), int(ink.shape[0] * scale))
            ink = cv2.warpAffine(ink, matrix, size, flags=cv2.INTER_LINEAR)
            x_px, zero_px = x_px * scale + shift, zero_px * scale + shift
        px_per_mm = dpi / 25.4 * scale
        columns, heights = decode(ink, zero_px, px_per_mm)
        read = (zero_px - np.interp(x_px, columns, heights)) / (px_per_mm * GAIN)
        true_part, read_part = mv - mv.mean(), read - read.mean()
        product = float(true_part @ read_part)
        energies = float(true_part @ true_part), float(read_part @ read_part)
        figures.append(
            (
                snr_plain(mv, read),
                product / (energies[0] * energies[1]) ** 0.5,
                float(np.sqrt(np.mean((mv - read) ** 2))),
                product / energies[0],
            )
        )
    return [float(value) for value in np.mean(figures, axis=0)]


def page_ms(mv: DoubleArray) -> tuple[float, float]:
    """CPU milliseconds of tracing and reading 12 strips and a rhythm row, the best of seven."""
    ink, *_ = draw(mv, 254)
    height = ink.shape[0]
    page = np.zeros((2159, 2794), np.uint8)
    regions = []
    for row in range(4):
        for column in range(4):
            top, left = 300 + 420 * row, 140 + 625 * column
            page[top : top + height, left : left + 625] |= ink[:, 30:655]
            if row < 3:
                box = (left, top - 100, left + 625, top + height + 100)
                regions.append(Region("I", "strip", "read", *box, top + height / 2, 0.0))
    top = 300 + 420 * 3
    box = (140, top - 100, 140 + 2500, top + height + 100)
    regions.append(Region("II", "rhythm", "read", *box, top + height / 2, 0.0))
    tracing, reading = [], []
    for _ in range(7):
        start = time.process_time()
        traces = trace_leads(page, regions, px_per_mm=RECTIFIED_PX_PER_MM)
        middle = time.process_time()
        for trace in traces:
            read_lead(
                trace,
                px_per_mm=RECTIFIED_PX_PER_MM,
                source_px_per_mm=8.0,
                speed_mm_per_s=SPEED,
                gain_mm_per_mv=GAIN,
                fs_hz=FS_HZ,
            )
        tracing.append(1000 * (middle - start))
        reading.append(1000 * (time.process_time() - middle))
    return min(tracing), min(reading)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=Path, help="folder of WFDB records")
    parser.add_argument("--count", type=int, default=8, help="records to draw")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    leads = list(leads_mv(arguments.records, arguments.count))
    print(f"{len(leads)} leads of 2.5 s\n")
    print(" dpi  decoder            SNR dB      r   RMSE mV   gain")
    for dpi in (100, 150, 200, 300, 400):
        for name, decode, rectified in (
            ("centroid", centroid, False),
            ("bracket", bracket, False),
            ("pen", pen_model, False),
            ("pen at 10 px/mm", pen_model, True),
        ):
            snr, r, rmse, gain = score(decode, leads, dpi, rectified=rectified)
            print(f"{dpi:4d}  {name:<16} {snr:8.1f} {r:8.4f} {rmse:8.3f} {gain:7.3f}")
    tracing, reading = page_ms(leads[1])
    print(f"\n3x4+1R page at 10 px/mm: trace {tracing:.1f} ms, microvolts {reading:.1f} ms")


if __name__ == "__main__":
    main()

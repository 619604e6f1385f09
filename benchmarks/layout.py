"""How many generated pages have their layout, names, borders and pulses found, and how fast.

    python benchmarks/layout.py [--pages N] [--show FOLDER]

Every page is rendered at the scale of rectified pages with a layout, style and patient drawn at
random, and its grid is faded as the rectifying stage does it, so that what is measured is the
finding of ink and of regions alone.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import Layout, find_regions
from ecgbatch.synth import layouts
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.paper import RenderedPage, render
from ecgbatch.synth.style import drawn_style
from ecgbatch.types import ByteArray

PX_PER_MM = 10.0
ASTRAY_MM = 1.0  # an end of a region this far off is listed
LAYOUTS = (
    "3x4",
    "3x4+1R",
    "3x4+1R",
    "3x4+2R",
    "3x4+3R",
    "6x2",
    "6x2+1R",
    "12x1",
    "6x1",
    "3x1",
    "4x3",
    "4x3+1R",
    "1x1",
)


@dataclass(frozen=True)
class Score:
    """How well one page was found."""

    layout: bool
    named: float
    ends_mm: tuple[float, ...]
    zero_mm: float
    pulses: bool
    kept: float
    dirt: float


def drawn_page(seed: int) -> RenderedPage:
    """Render a page with everything drawn at random."""
    rng = np.random.default_rng(seed)
    while True:
        name = str(rng.choice(LAYOUTS))
        record = simulate(seed, seconds=11.0, noise=float(rng.uniform(0.2, 1.0)))
        try:
            return render(
                record.by_name(),
                fs_hz=record.fs_hz,
                layout=layouts.layout(name),
                style=drawn_style(rng),
                dpi=25.4 * PX_PER_MM,
                seed=seed,
            )
        except ConfigError:  # the drawn paper is too small for the drawn layout
            continue


def faded(page: RenderedPage) -> ByteArray:
    """Return the channel in which the grid is faintest."""
    return np.ascontiguousarray(page.pixels.max(axis=2))


def score(page: RenderedPage, found: Layout, ink: ByteArray) -> Score:
    """Compare a page with its truth."""
    truth = page.truth
    wanted = truth.layout.removesuffix("-simultaneous")
    pairs = []
    named = 0
    for region in truth.regions:
        line = region.polyline_px
        middle = float(np.nanmean(line[:, 0]))
        zero = float(region.baseline_px[:, 1].mean())
        near = [
            r
            for r in found.regions
            if r.left_px <= middle <= r.right_px and abs(r.baseline_px - zero) < 5 * PX_PER_MM
        ]
        if not near:
            continue
        best = min(near, key=lambda r: abs(r.baseline_px - zero))
        named += best.lead == region.lead
        pairs.append(
            (
                abs(best.left_px - float(np.nanmin(line[:, 0]))),
                abs(best.right_px - float(np.nanmax(line[:, 0]))),
                abs(best.baseline_px - float(np.nanmedian(line[:, 1]))),
            )
        )
    errors = np.array(pairs or [(90, 90, 90)]) / PX_PER_MM
    traced = np.zeros(ink.shape, np.uint8)
    for region in truth.regions:
        points = np.rint(region.polyline_px[np.isfinite(region.polyline_px).all(axis=1)])
        cv2.polylines(traced, [points.astype(np.int32)], isClosed=False, color=1)
    on_trace = traced > 0
    wide = cv2.dilate(traced, np.ones((13, 13), np.uint8)) > 0
    dark = (ink > 127) & ~found.not_trace
    expected = {round(p.polyline_px[0, 1]) for p in truth.pulses}
    return Score(
        layout=found.name == wanted,
        named=named / len(truth.regions),
        ends_mm=tuple(errors[:, :2].ravel().tolist()),
        zero_mm=float(np.median(errors[:, 2])),
        pulses=len(found.pulses) == len(expected),
        kept=float((~found.not_trace)[on_trace].mean()),
        dirt=float((dark & ~wide).sum() / max(int(dark.sum()), 1)),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--show", type=Path, help="folder for pictures of pages with errors")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    scores: list[Score] = []
    wrong: Counter[str] = Counter()
    spent: list[tuple[float, float]] = []
    for seed in range(arguments.first, arguments.first + arguments.pages):
        page = drawn_page(seed)
        grey = faded(page)
        begun = time.process_time()
        ink = find_ink(grey, px_per_mm=PX_PER_MM)
        inked = time.process_time()
        try:
            found = find_regions(ink, px_per_mm=PX_PER_MM)
        except PageError as error:
            wrong[f"{seed} {page.truth.layout} {page.truth.style}: {error}"] += 1
            continue
        area = grey.size / (2800 * 2160)
        spent.append((1000 * (inked - begun) / area, 1000 * (time.process_time() - inked) / area))
        scores.append(score(page, found, ink))
        last = scores[-1]
        astray = max(last.ends_mm) > ASTRAY_MM
        if not last.layout or last.kept < 0.98 or last.dirt > 0.05 or not last.pulses or astray:
            wrong[
                f"{seed} {page.truth.layout} {page.truth.style}: {found.name} {found.flags}"
                f" pulses {len(found.pulses)}/{len(page.truth.pulses)}"
                f" kept {last.kept:.3f} dirt {last.dirt:.3f} ends {max(last.ends_mm):.1f}"
            ] += 1
            if arguments.show:
                show(arguments.show / f"{seed}.png", grey, found)
    print(f"{len(scores)} of {arguments.pages} pages answered")
    for name in ("layout", "named", "pulses", "kept", "dirt"):
        print(f"  {name:8s} {np.mean([getattr(s, name) for s in scores]):.3f}")
    ends = [error for each in scores for error in each.ends_mm]
    zeros = [each.zero_mm for each in scores]
    for name, values in (("ends_mm", ends), ("zero_mm", zeros)):
        middle, high, highest = np.percentile(values, (50, 95, 99))
        print(f"  {name:8s} median {middle:.2f}  p95 {high:.2f}  p99 {highest:.2f}")
    ink_ms, find_ms = np.median(np.array(spent), axis=0)
    print(f"  ms CPU per 280 x 216 mm: ink {ink_ms:.1f}, regions {find_ms:.1f}")
    for line in sorted(wrong):
        print("  wrong:", line)


def show(path: Path, grey: ByteArray, found: Layout) -> None:
    """Draw what was found."""
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    picture[found.not_trace] = picture[found.not_trace] // 2 + np.array([0, 0, 127], np.uint8)
    for region in found.regions:
        corners = np.rint(
            [region.left_px, region.baseline_px - 60, region.right_px, region.baseline_px + 60]
        ).astype(int)
        cv2.rectangle(picture, corners[:2], corners[2:], (0, 140, 0), 3)
        where = (int(corners[0]) + 8, int(corners[1]) - 6)
        cv2.putText(picture, region.lead, where, cv2.FONT_HERSHEY_SIMPLEX, 1.4, (0, 140, 0), 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.resize(picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    main()

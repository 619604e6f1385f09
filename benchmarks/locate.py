"""How well leads, names and scales are found, by geometry alone and with the networks.

    python benchmarks/locate.py [--records FOLDER] [--pages N]

Every page is drawn at random with a seed that no training page has, damaged, and laid upright with
the small errors that a measured grid has. ``unseen`` are the layouts kept out of training, ``free``
invented ones among listed ones, ``other`` pages that are no ECG.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from ecgbatch.errors import PageError
from ecgbatch.evaluation.detection import (
    FoundBoxes,
    NamedPlace,
    average_precision,
    lead_identity,
    same_layout,
)
from ecgbatch.imaging.ink import find_ink
from ecgbatch.imaging.layout import Layout, find_regions
from ecgbatch.imaging.seeing import look_at
from ecgbatch.imaging.seen_regions import seen_regions
from ecgbatch.models.networks import PageNetworks
from ecgbatch.synth.looks import drawn_look
from ecgbatch.synth.truth import PageTruth
from ecgbatch.training.lines import with_scale_line
from ecgbatch.training.looks import UNSEEN_LAYOUTS
from ecgbatch.training.others import draw_other
from ecgbatch.training.pages import UprightDrawnPage, draw_page, rectified
from ecgbatch.training.records import VALIDATION_FOLD, Records, read_records
from ecgbatch.types import Region

PX_PER_MM = 10.0
KINDS = ("usual", "unseen", "free", "other")
HALF_BAND_PX = 60.0  # heights are not asked: rows are told by their zero lines
LEAST_PX = 40.0


@dataclass(frozen=True)
class Found:
    """What one way made of one page."""

    page: str
    layout: bool
    right: int
    total: int
    boxes: FoundBoxes
    ends_mm: tuple[float, ...]
    speed: bool
    gain: bool
    refused: bool
    ms: float


def drawn_pages(count: int, records: Records | None) -> Iterator[tuple[str, UprightDrawnPage]]:
    """Draw the pages of every kind."""
    for number, kind in enumerate(KINDS):
        for index in range(count if kind in {"usual", "unseen"} else max(count // 3, 1)):
            rng = np.random.default_rng((99, number, index))
            if kind == "other":
                drawn = draw_other(rng)
            elif kind == "free":
                drawn = draw_page(rng, records=records, added=with_scale_line)
            else:
                layouts = UNSEEN_LAYOUTS if kind == "unseen" else (_usual(rng),)
                drawn = draw_page(rng, records=records, layouts=layouts, added=with_scale_line)
            yield kind, rectified(drawn, rng, px_per_mm=PX_PER_MM)


def _usual(rng: np.random.Generator) -> str:
    while True:
        name = drawn_look(rng).layout.name
        if name not in UNSEEN_LAYOUTS:
            return name


def true_places(truth: PageTruth) -> list[NamedPlace]:
    """Return the leads of which something is left to be found."""
    places = []
    for region in truth.regions:
        x = region.polyline_px[np.isfinite(region.polyline_px).all(axis=1), 0]
        if x.size < 2 or np.ptp(x) < LEAST_PX:
            continue
        zero = float(region.baseline_px[:, 1].mean())
        box = (float(x.min()), zero - HALF_BAND_PX, float(x.max()), zero + HALF_BAND_PX)
        places.append(NamedPlace(region.lead, region.role, box))
    return places


def found_places(regions: Sequence[Region]) -> list[NamedPlace]:
    """Return found leads the same way."""
    return [
        NamedPlace(
            each.lead,
            each.role,
            (
                each.left_px,
                each.baseline_px - HALF_BAND_PX,
                each.right_px - 1,
                each.baseline_px + HALF_BAND_PX,
            ),
        )
        for each in regions
    ]


def by_geometry(page: UprightDrawnPage) -> Layout:
    """Find leads in the ink alone."""
    return find_regions(find_ink(page.pixels, px_per_mm=PX_PER_MM), px_per_mm=PX_PER_MM)


def by_networks(page: UprightDrawnPage, networks: PageNetworks) -> Layout:
    """Find leads as the stage does where the networks are sure enough."""
    ink = find_ink(page.pixels, px_per_mm=PX_PER_MM)
    seen = look_at(page.pixels, networks, px_per_mm=PX_PER_MM)
    if seen.layout is None or seen.findings.ecg < 0.02:
        raise PageError("not_ecg")
    return seen_regions(
        ink,
        seen.layout,
        px_per_mm=PX_PER_MM,
        printed_speed_mm_per_s=seen.scale.speed_mm_per_s,
        printed_gain_mm_per_mv=seen.scale.gain_mm_per_mv,
    )


def scored(page: UprightDrawnPage, layout: Layout | None, ms: float) -> Found:
    """Compare with the truth."""
    truth = page.truth
    true = true_places(truth)
    found = found_places(() if layout is None else layout.regions)
    right, total = lead_identity(found, true)
    ends: list[float] = []
    for place in true:
        left, top, end, _ = place.box_px
        near = [
            each.box_px
            for each in found
            if abs(each.box_px[1] - top) < 50
            and min(each.box_px[2], end) - max(each.box_px[0], left) > 0.5 * (end - left)
        ]
        if near:
            best = min(near, key=lambda box: abs(box[0] - left))
            ends += [abs(best[0] - left) / PX_PER_MM, abs(best[2] - end) / PX_PER_MM]
    scale = None if layout is None else layout.scale
    gain = 0.0 if scale is None else scale.gain_mm_per_mv
    return Found(
        page=truth.layout,
        layout=same_layout(found, true),
        right=right,
        total=total,
        boxes=FoundBoxes(
            np.array([each.box_px for each in found]).reshape(-1, 4),
            np.ones(len(found)),
            np.array([each.box_px for each in true]).reshape(-1, 4),
        ),
        ends_mm=tuple(ends),
        speed=scale is not None and scale.speed_mm_per_s == truth.speed_mm_per_s,
        gain=abs(gain / truth.gain_mm_per_mv - 1) < 0.02,
        refused=layout is None,
        ms=ms,
    )


def report(way: str, kind: str, results: Sequence[Found]) -> None:
    """Print one line."""
    if kind == "other":
        print(f"{way:9s} {kind:7s} {len(results):3d}  refused {mean(results, 'refused'):.3f}")
        return
    ends = np.array([error for each in results for error in each.ends_mm] or [99.0])
    leads = sum(each.total for each in results)
    print(
        f"{way:9s} {kind:7s} {len(results):3d}  layout {mean(results, 'layout'):.3f}"
        f"  names {sum(each.right for each in results) / leads:.3f}"
        f"  AP50 {average_precision([each.boxes for each in results]):.3f}"
        f"  ends within 0.5 mm {(ends <= 0.5).sum() / 2 / leads:.3f}"
        f"  speed {mean(results, 'speed'):.3f}  gain {mean(results, 'gain'):.3f}"
        f"  ms {mean(results, 'ms'):.0f}"
    )


def mean(results: Sequence[Found], name: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([getattr(each, name) for each in results]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, help="folder of real records; default: simulated")
    parser.add_argument("--pages", type=int, default=48)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    records = None
    if arguments.records:
        records = read_records(arguments.records, folds={VALIDATION_FOLD})
    networks = PageNetworks()
    ways = {"geometry": by_geometry, "networks": lambda page: by_networks(page, networks)}
    results: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for kind, page in drawn_pages(arguments.pages, records):
        for way, locate in ways.items():
            begun = time.process_time()
            try:
                layout = locate(page)
            except PageError:
                layout = None
            ms = 1000 * (time.process_time() - begun)
            results[way, kind].append(scored(page, layout, ms))
    for (way, kind), found in results.items():
        report(way, kind, found)


if __name__ == "__main__":
    main()

"""How well leads, names and scales are found, by geometry alone and with networks beside it.

    python benchmarks/locate.py [--records FOLDER] [--pages N] [--seed N]

Every page is drawn at random with a seed that no training page has, damaged, and laid upright with
the small errors that a measured grid has. ``unseen`` are the layouts kept out of training, ``free``
invented ones among listed ones, ``other`` pages that are no ECG. The last line tells what becomes
of these ECGs as they are, stood on their heads, and seen from behind.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import torch

from ecgbatch import schema
from ecgbatch.config import LocateSettings
from ecgbatch.evaluation.detection import (
    FoundBoxes,
    NamedPlace,
    average_precision,
    lead_identity,
    same_layout,
)
from ecgbatch.imaging.facing import CONFUSED, Facing, laid_right
from ecgbatch.models.networks import PageNetworks
from ecgbatch.stages.base import TableFunction
from ecgbatch.stages.locate import Locate
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
class Located:
    """What the stage says of one page."""

    regions: tuple[Region, ...]
    speed_mm_per_s: float | None
    gain_mm_per_mv: float | None
    ms: float


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
    read: int
    silent: bool
    ms: float


def drawn_pages(
    count: int, records: Records | None, *, seed: int
) -> Iterator[tuple[str, UprightDrawnPage]]:
    """Draw the pages of every kind."""
    for number, kind in enumerate(KINDS):
        for index in range(count if kind in {"usual", "unseen"} else max(count // 3, 1)):
            rng = np.random.default_rng((seed, number, index))
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


def by_stage(page: UprightDrawnPage, *, networks: bool) -> Located:
    """Find leads as the stage does."""
    row = {
        "scan_id": "0" * 32,
        "version": "1",
        "page_no": 1,
        "page_count": 1,
        "flags": [],
        "pixels": page.pixels.tobytes(),
        "pixels_shape": list(page.pixels.shape),
        "rectified_px_per_mm": PX_PER_MM,
    }
    rows = pa.Table.from_pylist([row], schema=schema.RECTIFIED)
    begun = time.process_time()
    (out,) = opened(networks=networks)(rows)
    ms = 1000 * (time.process_time() - begun)
    (found,) = out.drop_columns(["pixels"]).to_pylist()
    if found["error"] is not None:
        return Located((), None, None, ms)
    regions = tuple(Region(**each) for each in found["regions"])
    return Located(regions, found["speed_mm_per_s"], found["gain_mm_per_mv"], ms)


@cache
def opened(*, networks: bool) -> TableFunction:
    """Load the stage once."""
    return Locate(LocateSettings(networks=networks)).open()


def scored(page: UprightDrawnPage, located: Located) -> Found:
    """Compare with the truth."""
    truth = page.truth
    true = true_places(truth)
    found = found_places(located.regions)
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
    gain = located.gain_mm_per_mv or 0.0
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
        speed=located.speed_mm_per_s == truth.speed_mm_per_s,
        gain=abs(gain / truth.gain_mm_per_mv - 1) < 0.02,
        refused=not located.regions,
        read=sum(each.name_source == "read" for each in located.regions),
        silent=misread(located.regions, true),
        ms=located.ms,
    )


def misread(regions: Sequence[Region], true: Sequence[NamedPlace]) -> bool:
    """Say whether a name that is said to be read stands where another lead does, or none."""
    read = found_places([each for each in regions if each.name_source == "read"])
    right, total = lead_identity(true, read)
    return right < total


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
        f"  read {sum(each.read for each in results) / leads:.3f}"
        f"  pages with a name read wrong {mean(results, 'silent'):.3f}"
        f"  AP50 {average_precision([each.boxes for each in results]):.3f}"
        f"  ends within 0.5 mm {(ends <= 0.5).sum() / 2 / leads:.3f}"
        f"  speed {mean(results, 'speed'):.3f}  gain {mean(results, 'gain'):.3f}"
        f"  ms {mean(results, 'ms'):.0f}"
    )


def mean(results: Sequence[Found], name: str) -> float:
    """Return the mean of a figure."""
    return float(np.mean([getattr(each, name) for each in results]))


def laid(page: UprightDrawnPage, networks: PageNetworks) -> dict[Facing, Facing]:
    """Return how a page is laid that lies in each of the ways that geometry confuses."""
    found = {}
    for lies in CONFUSED:
        right = laid_right(
            lies.laid(page.pixels),
            partial(networks.find, px_per_mm=PX_PER_MM),
            partial(networks.upright_each_way, px_per_mm=PX_PER_MM),
        )
        found[lies] = right.facing
    return found


def report_sides(pages: Sequence[dict[Facing, Facing]]) -> None:
    """Print one line; a page is laid right by what undoes how it lies, which is that itself."""
    words = ("as it is", "on its head", "from behind", "from behind on its head")
    for lies, word in zip(CONFUSED, words, strict=True):
        right = np.mean([found[lies] == lies for found in pages])
        flagged = np.mean([found[lies].mirrored for found in pages])
        print(f"{word}: laid right {right:.3f}, called mirrored {flagged:.3f}", end="; ")
    print(f"{len(pages)} pages")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, help="folder of real records; default: simulated")
    parser.add_argument("--pages", type=int, default=48)
    parser.add_argument("--seed", type=int, default=77, help="of the pages")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    records = None
    if arguments.records:
        records = read_records(arguments.records, folds={VALIDATION_FOLD})
    results: dict[tuple[str, str], list[Found]] = defaultdict(list)
    sides: list[dict[Facing, Facing]] = []
    networks = PageNetworks()
    for kind, page in drawn_pages(arguments.pages, records, seed=arguments.seed):
        for way, seeing in (("geometry", False), ("networks", True)):
            results[way, kind].append(scored(page, by_stage(page, networks=seeing)))
        if kind != "other":
            sides.append(laid(page, networks))
    for (way, kind), found in results.items():
        report(way, kind, found)
    report_sides(sides)


if __name__ == "__main__":
    main()

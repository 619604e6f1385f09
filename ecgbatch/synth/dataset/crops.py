"""Single leads cut from pages, each with the mask of its own ink alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ecgbatch.synth.dataset.draw import draw_page
from ecgbatch.synth.dataset.made import Made, index_row, printed, signal_rows, truth_file
from ecgbatch.synth.dataset.masks import Overlap, mask_of, overlap_of, whole_px
from ecgbatch.synth.dataset.picture import ENDINGS, encoded
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.sources import Source
from ecgbatch.synth.truth import PageTruth, RegionTruth, plain
from ecgbatch.types import ByteArray


@dataclass(frozen=True, slots=True, eq=False)
class _Crop:
    number: int
    region: RegionTruth
    box_px: tuple[int, int, int, int]
    mask: ByteArray
    overlap: Overlap


def make_crops(recipe: Recipe, source: Source, index: int) -> Made:
    """Make the crops of one page; of ``overlap`` only those that another trace runs into."""
    choice = draw_page(recipe, source, index)
    made_page = printed(recipe, source, choice)
    truth, pixels = made_page.page.truth, made_page.page.pixels
    folder = f"{choice.split}/{index // recipe.shard:05d}/{choice.page_id}"
    made = Made(pages=1, signals=signal_rows(choice.page_id, made_page))
    row = index_row(choice, truth)
    facts = {key: row[key] for key in row if key != "item_id"}
    made.add(f"truth/{folder}.json", truth_file(facts, truth, polylines=False))
    for crop in _crops(truth, recipe):
        left, top, right, bottom = crop.box_px
        path = f"{folder}_{crop.number:02d}_{crop.region.lead}"
        image = made.add(
            f"images/{path}.{ENDINGS[recipe.image]}",
            encoded(
                pixels[top:bottom, left:right], form=recipe.image, jpeg_quality=recipe.jpeg_quality
            ),
        )
        mask = made.add(
            f"masks/{path}.png",
            encoded(crop.mask, form="png", jpeg_quality=recipe.jpeg_quality),
        )
        shares = [None if np.isnan(share) else float(share) for share in crop.overlap.touched]
        item = {
            **row,
            "item_id": path.rpartition("/")[2],
            "width_px": right - left,
            "height_px": bottom - top,
            "image": image["path"],
            "image_sha256": image["sha256"],
            "region": crop.number,
            "lead": crop.region.lead,
            "role": crop.region.role,
            "mask": mask["path"],
            "mask_sha256": mask["sha256"],
            "overlap": crop.overlap.share,
            "overlap_per_s": shares,
        }
        known = made.add(f"truth/{path}.json", _truth(item, crop, truth))
        item |= {"truth": known["path"], "truth_sha256": known["sha256"]}
        made.index.append(item)
    return made


def _crops(truth: PageTruth, recipe: Recipe) -> Iterator[_Crop]:
    margin_px = recipe.crop_margin_mm * truth.px_per_mm_x
    for number, region in enumerate(truth.regions):
        left, top, right, bottom = whole_px(
            region.box_px, margin_px=margin_px, width_px=truth.width_px, height_px=truth.height_px
        )
        if not np.isfinite(region.polyline_px).any() or right <= left or bottom <= top:
            continue  # the paper it was on is gone
        box = (left, top, right, bottom)
        others = np.zeros((bottom - top, right - left), np.uint8)
        for other in truth.regions:
            # Left and right of it in its row others begin and end, and no two lie over each other.
            if other.row != region.row and _meet(other.box_px, box):
                np.maximum(others, mask_of(other, box), out=others)
        overlap = overlap_of(region, others, origin_px=(left, top), fs_hz=truth.fs_hz)
        if recipe.kind == "overlap" and overlap.share == 0:
            continue
        yield _Crop(number, region, box, mask_of(region, box), overlap)


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _truth(item: dict[str, Any], crop: _Crop, truth: PageTruth) -> bytes:
    """Return what is known of a crop, in its own pixels."""
    left, top, _, _ = crop.box_px
    region = crop.region
    inner = replace(
        region,
        baseline_px=region.baseline_px - [left, top],
        polyline_px=region.polyline_px - [left, top],
        box_px=_moved(region.box_px, left, top),
        name_box_px=None if region.name_box_px is None else _moved(region.name_box_px, left, top),
    )
    facts = {key: item[key] for key in item if not key.endswith("sha256")}
    facts |= {
        "crop_box_px": list(crop.box_px),
        "px_per_mm_x": truth.px_per_mm_x,
        "px_per_mm_y": truth.px_per_mm_y,
        "region_truth": plain(inner),
    }
    return json.dumps(facts, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _moved(box_px: tuple[float, ...], left: int, top: int) -> tuple[float, float, float, float]:
    return (box_px[0] - left, box_px[1] - top, box_px[2] - left, box_px[3] - top)

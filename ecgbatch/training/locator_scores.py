"""How good a locator is on pages that it never learned from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from ecgbatch.evaluation.detection import FoundBoxes, average_precision
from ecgbatch.imaging.strips import find_strips
from ecgbatch.models.finding import read_maps
from ecgbatch.models.locator import PX_PER_MM, padded, prepared
from ecgbatch.training.examples import Example
from ecgbatch.types import DoubleArray, Findings, Strip

_NEAR_MM = 3.0


def measured(
    network: torch.nn.Module, examples: Iterable[Example], *, device: torch.device
) -> Mapping[str, float]:
    """Measure a locator; distances in mm, the rest from 0 to 1.

    Args:
        network: In evaluation mode.
        examples: Upright pages.
        device: On which the network lies.

    Returns:
        Average precisions at half an overlap, the errors of the ends of traces, the share of ends
        within half a millimetre, and how often ECGs are told. ``score`` is their mean.
    """
    boxes: dict[str, list[FoundBoxes]] = {"region": [], "name": [], "pulse": [], "line": []}
    errors: list[float] = []
    ends = told = count = 0
    for example in examples:
        with torch.inference_mode():
            pages = prepared(padded(example.pixels).to(device))
            maps, sides = network(pages)
        found = read_maps(maps[0].float().cpu(), sides[0].float().cpu(), px_per_mm=PX_PER_MM)
        count += 1
        told += (found.ecg > 0.5) == (example.layout != "none")
        strips = find_strips(found, px_per_mm=PX_PER_MM)
        boxes["region"].append(_regions(strips, example))
        for kind, true in (
            ("name", example.names),
            ("pulse", example.pulses),
            ("line", example.lines[example.lines[:, 4] > 0, :4]),
        ):
            seen: DoubleArray = getattr(found, f"{kind}s")
            boxes[kind].append(FoundBoxes(seen[:, :4], seen[:, 4], true.astype(np.float64)))
        found_errors = end_errors_mm(strips, example)
        errors += found_errors
        ends += 2 * len(example.regions)
    figures = {f"{kind}_ap50": average_precision(pages) for kind, pages in boxes.items()}
    near = sum(error <= 0.5 for error in errors) / max(ends, 1)
    figures |= {
        "ends_within_half_mm": near,
        "end_error_median_mm": float(np.median(errors)) if errors else float("nan"),
        "ecg_told": told / max(count, 1),
    }
    parts = ("region_ap50", "name_ap50", "pulse_ap50", "line_ap50", "ends_within_half_mm")
    return figures | {"score": float(np.nanmean([figures[name] for name in parts]))}


def _regions(strips: list[Strip], example: Example) -> FoundBoxes:
    found = [
        (
            strip.left_px,
            min(strip.left_zero_px, strip.right_zero_px) - strip.above_px,
            strip.right_px,
            max(strip.left_zero_px, strip.right_zero_px) + strip.below_px,
        )
        for strip in strips
    ]
    return FoundBoxes(
        np.array(found, np.float64).reshape(-1, 4),
        np.array([strip.likelihood for strip in strips]),
        example.regions[:, [0, 4, 2, 5]].astype(np.float64),
    )


def end_errors_mm(strips: list[Strip], example: Example) -> list[float]:
    """Return how far the ends of found traces are from the true ones, for those that are found."""
    errors = []
    for region in example.regions.astype(np.float64):
        near = [
            strip
            for strip in strips
            if abs(strip.left_zero_px - region[1]) < _NEAR_MM * PX_PER_MM
            and abs(strip.right_zero_px - region[3]) < _NEAR_MM * PX_PER_MM
            and min(strip.right_px, region[2]) - max(strip.left_px, region[0])
            > 0.5 * (region[2] - region[0])
        ]
        if near:
            best = min(near, key=lambda strip: abs(strip.left_px - region[0]))
            errors += [abs(best.left_px - region[0]), abs(best.right_px - region[2])]
    return [error / PX_PER_MM for error in errors]


def findings_of(network: torch.nn.Module, example: Example) -> Findings:
    """Return what a network sees on an example."""
    with torch.inference_mode():
        maps, sides = network(prepared(padded(example.pixels)))
    return read_maps(maps[0], sides[0], px_per_mm=PX_PER_MM)

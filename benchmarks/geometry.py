"""What it costs to stand a page upright, and how well it is done, on pages made by the renderer.

Run: ``python benchmarks/geometry.py [pages]``. One thread; times are CPU milliseconds.
"""

from __future__ import annotations

import sys
import time

import cv2
import numpy as np

from ecgbatch.errors import ConfigError, PageError
from ecgbatch.imaging.upright import stand_upright
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.synth.paper import render
from ecgbatch.synth.patient import condition_names
from ecgbatch.synth.style import drawn_style
from ecgbatch.types import Page

DPI = (100.0, 150.0, 200.0, 300.0)


def main(pages: int = 40) -> None:
    """Print one line per resolution."""
    cv2.setNumThreads(1)
    print(
        f"{'dpi':>5} {'pages':>6} {'refused':>8} {'grid':>5}"
        f" {'pitch off %':>14} {'sides':>6} {'ms':>7}"
    )
    for dpi in DPI:
        rng = np.random.default_rng(int(dpi))
        refused, with_grid, sides = 0, 0, 0
        off, spent = [], []
        for number in range(pages):
            pixels = drawn_page(rng, dpi, number)
            turns = number % 4
            turned = np.ascontiguousarray(np.rot90(pixels, -turns))
            started = time.process_time()
            try:
                upright = stand_upright(Page(turned), px_per_mm=10.0)
            except PageError:
                refused += 1
                continue
            spent.append(1000 * (time.process_time() - started))
            skew = (upright.warp.rotation_deg - 90 * turns + 180) % 360 - 180
            sides += abs(skew) < 1
            if upright.grid.source == "grid":
                with_grid += 1
                pitches = np.array([upright.grid.px_per_mm_x, upright.grid.px_per_mm_y])
                off.append(100 * float(np.abs(pitches * 25.4 / dpi - 1).max()))
        answered = pages - refused
        print(
            f"{dpi:5.0f} {pages:6d} {refused:8d} {with_grid:5d} {np.median(off):7.3f} median"
            f" {sides / max(answered, 1):6.2f} {np.median(spent):7.1f}"
            f"   over 0.5 %: {int((np.array(off) > 0.5).sum())}"
        )


def drawn_page(rng: np.random.Generator, dpi: float, seed: int) -> np.ndarray:
    """Return the pixels of a page with layout, look and patient drawn at random."""
    while True:
        condition = str(rng.choice(condition_names()))
        record = simulate(int(rng.integers(1 << 30)), condition=condition)
        chosen = layout(str(rng.choice(layout_names())))
        try:
            page = render(
                record.by_name(),
                fs_hz=record.fs_hz,
                layout=chosen,
                style=drawn_style(rng),
                dpi=dpi,
                seed=seed,
            )
        except ConfigError:  # a layout that this paper cannot hold
            continue
        return page.pixels


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

"""What a rendered page costs on one core, clean and damaged.

    OMP_NUM_THREADS=1 python benchmarks/render.py [pages]

The records are simulated beforehand; their cost stands in the first row.
"""

import sys
import time
from collections.abc import Callable

import cv2
import numpy as np

from ecgbatch.synth.damage import damaged, profile_names
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style


def cost_ms(job: Callable[[int], object], count: int) -> tuple[float, float]:
    """Return the least and the median CPU time of a job."""
    job(0)
    spent = []
    for number in range(count):
        begin = time.process_time()
        job(number)
        spent.append(1000 * (time.process_time() - begin))
    return min(spent), float(np.median(spent))


def main() -> None:
    """Print one row per kind of page."""
    cv2.setNumThreads(1)
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    leads = [simulate(seed).by_name() for seed in range(4)]
    print("CPU ms, least / median of", count)
    rows: dict[str, Callable[[int], object]] = {"record of 10 s": simulate}
    for dpi in (100, 200, 300):
        for name, kind in (("pink_letter", "3x4+1R"), ("red_a4", "12x1")):
            rows[f"clean {name} {kind} {dpi} dpi"] = lambda seed, dpi=dpi, name=name, kind=kind: (
                render(
                    leads[seed % 4],
                    fs_hz=500.0,
                    layout=layout(kind),
                    style=style(name),
                    dpi=dpi,
                    seed=seed,
                )
            )
    page = render(leads[0], fs_hz=500.0, layout=layout("3x4+1R"), style=style("pink_letter"))
    for profile in profile_names():
        rows[f"damage {profile} 200 dpi"] = lambda seed, profile=profile: damaged(
            page, profile=profile, seed=seed
        )
    for name, job in rows.items():
        least, median = cost_ms(job, count)
        print(f"{name:36s} {least:7.1f} {median:7.1f}")


if __name__ == "__main__":
    main()

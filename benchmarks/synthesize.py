"""What a data set costs as a whole: signals, printing, damage, truth, encoding, writing.

    OMP_NUM_THREADS=1 python benchmarks/synthesize.py [--count N] [--profiles] [--workers]

Each kind with its default recipe, in this process; with ``--profiles`` instead pages of one layout,
style and resolution (200 dpi) through each damage profile; with ``--workers`` such pages, clean, on
Ray with one and with two workers.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2

from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.flow.synthesize import SynthSummary, synthesize
from ecgbatch.synth.damage import profile_names
from ecgbatch.synth.dataset.recipe import KINDS, make_recipe


def make(*, workers: int = 0, **values: Any) -> SynthSummary:
    """Make a data set in a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="ecgbatch-bench-") as folder:
        pools = PoolSettings(cpu_workers_max=workers or None)
        return synthesize(
            str(Path(folder, "out")),
            make_recipe({"seed": 1, **values}),
            config=RunConfig(pools=pools),
            local=workers == 0,
        )


def costs(name: str, count: int, **values: Any) -> None:
    """Print what a page costs on this core."""
    began, cpu = time.perf_counter(), time.process_time()
    summary = make(count=count, **values)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    ms = 1000 * cpu_s / summary.pages
    size = summary.size_bytes / 1e6 / summary.pages
    print(
        f"{name:22s} {summary.pages:6d} {ms:8.0f} {1000 / ms:8.2f} "
        f"{summary.pages / wall_s:8.2f} {size:8.2f}",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--profiles", action="store_true")
    parser.add_argument("--workers", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    one = {"layouts": ["3x4+1R"], "styles": ["pink_letter"], "dpi": ["200"], "speeds": ["25"]}
    if arguments.workers:
        scaling(arguments.count, profiles=["clean"], **one)
        return
    make(kind="pages", count=1)  # fonts and tables are read once
    print(f"{'':22s} {'pages':>6s} {'CPU ms':>8s} {'/s core':>8s} {'/s wall':>8s} {'MB/page':>8s}")
    if not arguments.profiles:
        for kind in KINDS:
            costs(kind, arguments.count, kind=kind)
        return
    for profile in profile_names():
        costs(f"pages {profile}", arguments.count, kind="pages", profiles=[profile], **one)


def scaling(count: int, **values: Any) -> None:
    """Print how fast two workers are against one; each makes 16 shards of ``count`` pages."""
    rates = []
    for workers in (1, 2):
        pages = 16 * workers * count
        summary = make(workers=workers, kind="pages", count=pages, shard=count, **values)
        rates.append(summary.pages_per_s)
        print(f"{workers} workers: {summary.pages} pages, {rates[-1]:.2f} pages/s", flush=True)
    print(f"2 workers are {rates[1] / rates[0]:.3f} times as fast as 1")


if __name__ == "__main__":
    main()

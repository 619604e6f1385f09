"""Where the time of one page goes: every stage and the parts of it, next to decoding its JPEG.

    python benchmarks/page_cost.py [--dpi 300] [--style pink_letter] [--layout 3x4+1R]
        [--rounds 15] [--no-networks]

One page goes through the stages of a conversion in this process, again and again; medians of wall
milliseconds on one thread. The sum is without ``measure``, which needs no pixels. Below it stand
the CPU time of this process, which a busy machine disturbs less and which the decoder's process is
no part of, and page faults: fresh memory, which costs as much as most steps that fill it.
"""

from __future__ import annotations

import argparse
import functools
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings, LocateSettings, RunConfig, TraceSettings
from ecgbatch.imaging import layout as layout_module
from ecgbatch.imaging import rectify as rectify_module
from ecgbatch.imaging import upright
from ecgbatch.imaging.cores import keep_memory, use_one_core
from ecgbatch.stages import locate
from ecgbatch.stages import rectify as rectify_stage
from ecgbatch.stages.base import chain
from ecgbatch.stages.measure import Measure
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from jobs.convert import stages

PARTS: tuple[tuple[Any, str], ...] = (
    (rectify_stage, "stand_upright"),
    *((upright, name) for name in ("reduce_page", "find_grid", "ink_weights")),
    *((upright, name) for name in ("find_ink", "find_orientation", "rectify")),
    (rectify_module, "to_grey"),
    (locate, "find_ink"),
    (locate, "find_regions"),
    *((layout_module, name) for name in ("find_marks", "find_uprights", "find_pulses")),
    *((layout_module, name) for name in ("find_hints", "divide", "match_rhythm")),
)
"""Functions whose calls are timed, under the module that calls them."""

Spent = dict[str, list[float]]


def timed(function: Callable[..., Any], into: list[float]) -> Callable[..., Any]:
    """Return the function with a clock around it; the calls of one page are added up."""

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        begun = time.perf_counter()
        result = function(*args, **keywords)
        into[-1] += 1000 * (time.perf_counter() - begun)
        return result

    return call


def watch_parts() -> Spent:
    """Put clocks around the parts and return where they write."""
    spent: Spent = {}
    for module, name in PARTS:
        key = f"{module.__name__.removeprefix('ecgbatch.')}: {name}"
        spent[key] = []
        setattr(module, name, timed(getattr(module, name), spent[key]))
    return spent


def plan_row(path: Path) -> pa.Table:
    """Return the plan of one scan."""
    values: dict[str, Any] = dict.fromkeys(schema.PLAN.names)
    values |= {"scan_id": "0" * 16, "uri": path.as_uri(), "size_bytes": path.stat().st_size}
    return pa.Table.from_pylist([values], schema=schema.PLAN)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dpi", type=float, default=300.0)
    parser.add_argument("--style", default="pink_letter")
    parser.add_argument("--layout", default="3x4+1R")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--no-networks", action="store_true", help="read by geometry alone")
    arguments = parser.parse_args()
    use_one_core()
    keep_memory()
    page = render(
        simulate(0, seconds=11.0).by_name(),
        fs_hz=500.0,
        layout=layout(arguments.layout),
        style=style(arguments.style),
        dpi=arguments.dpi,
        seed=0,
    )
    jpeg = simplejpeg.encode_jpeg(page.pixels, quality=90)
    parts = watch_parts()
    by_stage: Spent = defaultdict(list)
    faults, cpu_ms = [], []
    with tempfile.TemporaryDirectory(prefix="ecgbatch-cost-") as folder:
        path = Path(folder) / "page.jpg"
        path.write_bytes(jpeg)
        looking = not arguments.no_networks
        config = RunConfig(
            locate=LocateSettings(networks=looking),
            trace=TraceSettings(network=looking),
            diagnose=DiagnoseSettings(enabled=looking),
        )
        work = chain(stages(config, folder))
        for _ in range(arguments.rounds):
            for calls in parts.values():
                calls.append(0.0)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            begun_cpu = time.process_time()
            (result,) = work(plan_row(path))
            cpu_ms.append(1000 * (time.process_time() - begun_cpu))
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
            assert result["error"].null_count == 1, result["error"]
            for entry in result["stage_ms"][0].as_py():
                by_stage[entry["stage"]].append(entry["ms"])
    decode = []
    for _ in range(arguments.rounds):
        begun = time.perf_counter()
        simplejpeg.decode_jpeg(jpeg)
        decode.append(1000 * (time.perf_counter() - begun))
    print(
        f"{page.pixels.shape[1]} x {page.pixels.shape[0]} px, {arguments.layout}, {arguments.style}"
    )
    for name, values in parts.items():
        print(f"    {name:45}{np.median(values[2:]):7.1f} ms")
    total = 0.0
    for name, values in by_stage.items():
        total += float(np.median(values[2:])) if name != Measure.name else 0.0
        print(f"{name:49}{np.median(values[2:]):7.1f} ms")
    decode_ms = float(np.median(decode))
    ratio = f"{total / decode_ms:.2f} x JPEG, {decode_ms:.1f} ms"
    print(f"{'from the file to microvolts':49}{total:7.1f} ms = {ratio}")
    print(f"{'CPU of this process, measure too':49}{np.median(cpu_ms[2:]):7.1f} ms")
    print(f"{'page faults':49}{np.median(faults[2:]):7.0f}")


if __name__ == "__main__":
    main()

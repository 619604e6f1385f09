"""What Ray costs: the same stages, parts and pages through Ray and through a multiprocessing pool.

    python benchmarks/overhead.py [--pages N] [--workers N] [--dpi N]

Pages are 3x4 + rhythm on pink letter paper, JPEG, rendered once and copied under many names. Rates
and CPU times are those between the first pages and the last but some; starting up stands in its
own column. Networks are off: ``benchmarks/reading.py`` prints what they cost.
CPU time is that of the whole process tree, and the number to trust on a busy machine. The last
rows are a finished run again, and what one page costs next to decoding its JPEG.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import psutil
import pyarrow as pa
import simplejpeg

from ecgbatch.config import PoolSettings, RunConfig, TraceSettings
from ecgbatch.flow import run
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.progress import ProgressEvent
from ecgbatch.flow.summary import RunSummary
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.todo import PlanFile
from ecgbatch.flow.watch import Watch
from ecgbatch.imaging.cores import keep_memory, use_one_core
from ecgbatch.stages.base import Stage, TableFunction, batches, chain
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from jobs.convert import stages

DIFFERENT_PAGES = 8


def archive(folder: Path, *, pages: int, dpi: float) -> bytes:
    """Fill a folder with pages, and return the bytes of one of them."""
    files = []
    for seed in range(min(pages, DIFFERENT_PAGES)):
        page = render(
            simulate(seed, seconds=11.0).by_name(),
            fs_hz=500.0,
            layout=layout("3x4+1R"),
            style=style("pink_letter"),
            dpi=dpi,
            seed=seed,
        )
        files.append(simplejpeg.encode_jpeg(page.pixels, quality=90))
    for number in range(pages):
        (folder / f"{number:06d}.jpg").write_bytes(files[number % len(files)])
    return bytes(files[0])


@dataclass
class Clock:
    """Watches a run: wall and CPU time of the process tree when pages begin and end to come."""

    started_at: float = field(default_factory=time.monotonic)
    marks: list[tuple[int, float, float]] = field(default_factory=list)

    def update(self, event: ProgressEvent) -> None:
        """Note how many pages there are, and what they have cost so far."""
        pages = event.pages_published + event.pages_quarantined
        if event.phase == "converting" and pages and (not self.marks or pages > self.marks[-1][0]):
            self.marks.append((pages, time.monotonic(), tree_seconds()))

    def row(self) -> tuple[float, float, float]:
        """Return seconds until the first pages, pages per second and CPU ms per page after.

        The last pages are left out: workers that have nothing more to do end, and what they
        spent is no longer seen.
        """
        enough = [mark for mark in self.marks if mark[0] <= 0.85 * self.marks[-1][0]]
        (first, wall_0, cpu_0), (last, wall_1, cpu_1) = enough[0], enough[-1]
        pages = last - first
        return (
            wall_0 - self.started_at,
            pages / (wall_1 - wall_0),
            1000 * (cpu_1 - cpu_0) / pages,
        )


def tree_seconds() -> float:
    """Return the CPU seconds of this process and of all that it started and that still live."""
    spent = 0.0
    mine = psutil.Process()
    for process in (mine, *mine.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


_work: TableFunction


def open_stages(opened: Sequence[Stage]) -> None:
    """Make a pool's worker ready; Ray gives its workers the same low priority."""
    os.nice(15)
    use_one_core()
    keep_memory()
    global _work  # noqa: PLW0603  # a pool's worker has no other place for what it holds
    _work = chain(opened)


def convert_block(block: pa.Table) -> pa.Table:
    """Run the stages over one block in a pool's worker."""
    return pa.concat_tables(_work(block)).combine_chunks()


def convert_in_pool(
    todo: Sequence[PlanFile],
    *,
    stages: Sequence[Stage],
    committer: Committer,
    pools: PoolSettings,
    watch: Watch,
) -> None:
    """Do what ``flow.local`` and ``flow.cluster`` do, in a plain pool of processes."""
    store = committer.output.store()
    blocks = list(
        batches((file.read(store, committer.output) for file in todo), rows=pools.scans_per_block)
    )
    names = {stage.name for stage in stages}
    tally, waiting = Tally(), []
    session, number = secrets.token_hex(6), 0
    tally.begin()
    context = multiprocessing.get_context("spawn")
    with context.Pool(pools.cpu_workers_max, open_stages, (stages,)) as pool:
        for rows in pool.imap_unordered(convert_block, blocks):
            tally.add(rows, stages=names, last=True)
            watch.counted(tally)
            waiting.append(rows)
            if sum(table.num_rows for table in waiting) >= pools.scans_per_part:
                part = f"{committer.run.run_id}-{session}-{number:06d}"
                committer.commit(pa.concat_tables(waiting), part=part)
                waiting, number = [], number + 1
        if waiting:
            committer.commit(
                pa.concat_tables(waiting), part=f"{committer.run.run_id}-{session}-{number:06d}"
            )
        watch.counted(tally, now=True)


def measured(source: Path, out: Path, config: RunConfig, *, pool: bool) -> tuple[Clock, RunSummary]:
    """Convert once and return what it took."""
    here = run.convert_here
    clock = Clock()
    if pool:
        run.convert_here = convert_in_pool
    try:
        summary = run.convert(
            str(source),
            str(out),
            stages=stages(config, str(source)),
            config=config,
            local=pool,
            progress=clock,
        )
    finally:
        run.convert_here = here
    return clock, summary


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=192)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--dpi", type=float, default=300.0)
    parser.add_argument("--block", type=int, default=16, help="pages of a block")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # for the workers: one core each
    cv2.setNumThreads(1)
    config = RunConfig(
        trace=TraceSettings(network=False),
        pools=PoolSettings(
            cpu_workers_max=arguments.workers,
            cpu_workers_min=arguments.workers,
            scans_per_block=arguments.block,
            scans_per_part=4 * arguments.block,
        ),
    )
    folder = Path(tempfile.mkdtemp(prefix="ecgbatch-overhead-"))
    try:
        source = folder / "in"
        source.mkdir()
        jpeg = archive(source, pages=arguments.pages, dpi=arguments.dpi)
        print(f"{arguments.pages} pages, {arguments.workers} workers, {arguments.dpi:g} dpi")
        print(f"{'':18}{'start s':>9}{'pages/s/worker':>16}{'CPU ms/page':>13}")
        cpu_ms = {}
        for name, pool in (("pool", True), ("ray", False)):
            began = time.monotonic()
            clock, summary = measured(source, folder / name, config, pool=pool)
            whole_s = time.monotonic() - began
            start_s, rate, cpu_ms[name] = clock.row()
            print(f"{name:18}{start_s:9.1f}{rate / arguments.workers:16.2f}{cpu_ms[name]:13.1f}")
        print(f"cost of ray       {100 * (cpu_ms['ray'] / cpu_ms['pool'] - 1):+.1f} % CPU per page")
        began = time.monotonic()
        measured(source, folder / "ray", config, pool=False)
        again_s = time.monotonic() - began
        print(f"finished run again {again_s:.2f} s = {100 * again_s / whole_s:.2f} % of its time")
        stage_ms = {name: round(ms, 1) for name, ms in summary.stage_ms.items()}
        began = time.process_time()
        for _ in range(5):
            simplejpeg.decode_jpeg(jpeg)
        decode_ms = 1000 * (time.process_time() - began) / 5
        total_ms = sum(stage_ms.values()) - stage_ms["measure"]
        print(f"ms per stage       {stage_ms}")
        print(f"all but measure    {total_ms:.0f} ms = {total_ms / decode_ms:.1f} x JPEG decode")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

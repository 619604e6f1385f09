"""Many pages, one in a hundred hostile: does memory stay flat, and speed what it was?

::

    python benchmarks/soak.py --pages 2000 [--workers 2] [--dpi 100] [--hostile 0.01]
        [--no-networks]

Pages are 3x4 + rhythm, rendered and copied under many names; hostile ones are of seven kinds, each
with the one reason that it must end with. Every second the memory and the open files of every
process of the run are noted, decoders included, and how many pages are done.

Printed are, for each process that lived through the middle of the run, its memory after a tenth of
the pages and at the end; pages per second of the first tenth and of the last; and whether every
hostile page, and no other, stands in quarantine with its reason. The exit status is 1 if not.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import simplejpeg

from ecgbatch.config import DiagnoseSettings, LocateSettings, PoolSettings, RunConfig, TraceSettings
from ecgbatch.flow.progress import ProgressEvent
from ecgbatch.flow.run import convert
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from jobs.convert import stages

DIFFERENT_PAGES = 8
LOOK_EVERY_S = 1.0
MAX_GROWTH = 0.05
LEAST_SPEED = 0.95
JUDGED = ("ray::MapWorker", "ray::Conductor", "decoder")
"""What works on pages from the first to the last; Ray's own helpers fill up as they are used."""


def pages_of(dpi: float) -> list[bytes]:
    """Draw the pages that are copied."""
    drawn = []
    for seed in range(DIFFERENT_PAGES):
        page = render(
            simulate(seed, seconds=11.0).by_name(),
            fs_hz=500.0,
            layout=layout("3x4+1R"),
            style=style("pink_letter"),
            dpi=dpi,
            seed=seed,
        )
        drawn.append(simplejpeg.encode_jpeg(page.pixels, quality=90))
    return drawn


def hostile_files(healthy: bytes) -> list[tuple[str, bytes, str]]:
    """Return names' endings, bytes and the reason of each kind."""
    return [
        ("jpg", b"", "empty"),
        ("jpg", b"<html><body>503 Slow Down</body></html>", "not_an_image"),
        ("jpg", healthy[: len(healthy) // 2], "corrupt_image"),
        ("png", _png(20_000, 20_000), "too_large"),
        ("png", _png(64, 64)[:-20], "corrupt_image"),
        ("pdf", b"%PDF-1.7\n" + b"garbage" * 200, "corrupt_pdf"),
        ("gz", b"\x1f\x8b\x08\x00" + bytes(200), "unsupported_container"),
    ]


def _png(width: int, height: int) -> bytes:
    """Write a white bilevel PNG; a large one is a bomb of a few kilobytes."""
    row = b"\x00" + b"\xff" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    chunks = [(b"IHDR", struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)), (b"IDAT", data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [*chunks, (b"IEND", b"")]
    )


def fill(folder: Path, *, pages: int, share: float, dpi: float) -> Counter[str]:
    """Write the archive, and return how often each reason must occur."""
    healthy = pages_of(dpi)
    hostile = hostile_files(healthy[0])
    every = round(1 / share) if share else pages + 1
    wanted: Counter[str] = Counter()
    for number in range(pages):
        if number % every == every - 1:
            ending, data, reason = hostile[number // every % len(hostile)]
            wanted[reason] += 1
        else:
            ending, data = "jpg", healthy[number % DIFFERENT_PAGES]
        (folder / f"{number:07d}.{ending}").write_bytes(data)
    return wanted


@dataclass(slots=True)
class Look:
    """What was seen at one moment.

    Attributes:
        pages: Done by then.
        at_s: When.
        memory_mb: By process; proportional to what it shares.
        files: Open files and sockets of all of them.
    """

    pages: int
    at_s: float
    memory_mb: dict[str, float]
    files: int


@dataclass(slots=True)
class Watcher:
    """Looks at the processes of a run while it works, from a thread of its own."""

    looks: list[Look] = field(default_factory=list)
    done: int = 0
    began: bool = False
    _ended: threading.Event = field(default_factory=threading.Event)

    def update(self, event: ProgressEvent) -> None:
        """Take the progress of the run."""
        self.done = event.pages_published + event.pages_quarantined
        self.began = self.began or self.done > 0

    def watch(self) -> None:
        """Look every second until the end."""
        while not self._ended.wait(LOOK_EVERY_S):
            if self.began:
                self.looks.append(self._look())

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _look(self) -> Look:
        memory_mb, files = {}, 0
        for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
            try:
                name = process.name()
                command = " ".join(process.cmdline())
                if not (name.startswith("ray::") or "ecgbatch" in command or "soak" in command):
                    continue
                role = "decoder" if "sandbox" in command else name.partition("(")[0]
                memory_mb[f"{role} {process.pid}"] = process.memory_full_info().uss / 1e6
                files += process.num_fds()
            except psutil.Error:
                continue
        return Look(self.done, time.monotonic(), memory_mb, files)


def report(looks: list[Look], pages: int) -> bool:
    """Print the table, and say whether everything stayed as it was."""
    early = next(look for look in looks if look.pages >= pages // 10)
    late = [look for look in looks if look.pages < pages][-1]  # then Ray ends
    fine = True
    print(f"{'process':34}{'after 1/10':>12}{'at the end':>12}{'growth':>9}")
    for name in sorted(set(early.memory_mb) & set(late.memory_mb)):
        before, after = early.memory_mb[name], late.memory_mb[name]
        growth = after / before - 1
        fine = fine and (growth < MAX_GROWTH or not name.startswith(JUDGED))
        print(f"{name:34}{before:9.1f} MB{after:9.1f} MB{growth:9.1%}")
    print(f"{'open files of all':34}{early.files:12}{late.files:12}")
    first, last = _rate(looks, looks[0].pages, pages / 10), _rate(looks, 0.9 * pages, late.pages)
    fine = fine and last >= LEAST_SPEED * first
    print(f"pages/s: {first:.2f} in the first tenth, {last:.2f} in the last ({last / first:.1%})")
    return fine


def _rate(looks: list[Look], begin: float, end: float) -> float:
    """Return pages per second between two counts of pages; times in between are interpolated."""
    done, at_s = [look.pages for look in looks], [look.at_s for look in looks]
    began_s, ended_s = np.interp([begin, end], done, at_s)
    return (end - begin) / max(ended_s - began_s, 1e-9)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dpi", type=float, default=100.0)
    parser.add_argument("--hostile", type=float, default=0.01)
    parser.add_argument("--no-networks", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("RAY_worker_niceness", "0")  # or a busy machine starves its workers
    config = RunConfig(
        locate=LocateSettings(networks=not asked.no_networks),
        trace=TraceSettings(network=not asked.no_networks),
        diagnose=DiagnoseSettings(enabled=not asked.no_networks),
        pools=PoolSettings(cpu_workers_max=asked.workers, scans_per_block=16, scans_per_part=128),
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        source = Path(scratch, "in")
        source.mkdir()
        wanted = fill(source, pages=asked.pages, share=asked.hostile, dpi=asked.dpi)
        watcher = Watcher()
        thread = threading.Thread(target=watcher.watch, daemon=True)
        thread.start()
        summary = convert(
            str(source),
            f"{scratch}/out",
            stages=stages(config, str(source)),
            config=config,
            progress=watcher,
        )
        watcher.end()
        thread.join()
    print(
        f"{summary.pages_in:,} pages in {summary.seconds:.0f} s, {asked.workers} workers, "
        f"{summary.pages_per_s:.2f} pages/s"
    )
    flat = report(watcher.looks, asked.pages)
    exact = dict(summary.reasons) == dict(wanted)
    print(f"quarantined {dict(summary.reasons)}, expected {dict(wanted)}")
    sys.exit(0 if flat and exact else 1)

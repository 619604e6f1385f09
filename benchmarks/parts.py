"""A run of very many parts: what its books cost the driver, in memory and in time to resume.

::

    python benchmarks/parts.py 100000 --scratch /tmp

The pages are made up; plan, lease, receipts, settling and balancing are the real ones, on a local
disk. A run is begun and stopped at its first page; receipts of one scan each are written for all
scans but ``--left``; then the run is taken up, commits those for good, and ends; then it is asked
for once more with all done. Files are not forced to disk (``fsync``): this measures the program.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import psutil
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.errors import StorageError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.files import FileFacts
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.output import Output, part_paths
from ecgbatch.flow.plan import Plan, write_plan
from ecgbatch.flow.progress import ProgressEvent
from ecgbatch.flow.receipts import SCANS, Receipt, whole_scans
from ecgbatch.flow.run import perform
from ecgbatch.flow.runs import Run, release_of
from ecgbatch.flow.todo import plan_folder, planned_rows
from ecgbatch.flow.watch import Watch
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.storage import Store

SAMPLES_UV = np.arange(100, dtype=np.float32)


CONFIG = RunConfig(pools=PoolSettings(scans_per_block=1, scans_per_part=1))


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A stage that reads nothing and gives one page of one lead for each scan.

    Attributes:
        stop: Whether it pretends that storage is gone.
    """

    stop: bool

    name: ClassVar[str] = "made_up"
    needs: ClassVar[Needs] = Needs()
    reads: ClassVar[pa.Schema] = schema.PLAN
    writes: ClassVar[pa.Schema] = schema.READ

    def open(self) -> TableFunction:
        """Return the function that makes pages up."""

        def page(_: Row) -> Iterator[Values]:
            if self.stop:
                raise StorageError("stopped on purpose")
            yield _page()

        return partial(
            map_rows, function=page, stage=self.name, reads=self.reads, writes=self.writes
        )


def _page() -> Values:
    lead = {
        "lead": "II",
        "role": "rhythm",
        "name_source": "guessed",
        "t0_ms": 0.0,
        "fs_hz": 500.0,
        "native_fs_hz": 500.0,
        "signal_uv": SAMPLES_UV,
        "overlap": 0.0,
        "quality": 1.0,
        "box_px": [0.0, 0.0, 500.0, 100.0],
    }
    return {
        "page_no": 1,
        "page_count": 1,
        "source_kind": "raster",
        "source_format": "png",
        "content_id": "c" * 32,
        "flags": [],
        "layout": "1x1",
        "leads": [lead],
        "speed_mm_per_s": 25.0,
        "speed_source": "pulse",
        "gain_mm_per_mv": 10.0,
        "gain_source": "pulse",
        "px_per_mm_source": "grid",
        "quality_score": 1.0,
        "quality_class": "good",
    }


class Phases:
    """Prints how long each phase took and what memory it left, from the events of a run."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._name = "starting"
        self._since = time.perf_counter()

    def update(self, event: ProgressEvent) -> None:
        """Take an event."""
        if event.phase != self._name:
            self.end()
            self._name = event.phase

    def end(self) -> None:
        """Print the phase that ends now."""
        seconds = time.perf_counter() - self._since
        now_mb = psutil.Process().memory_info().rss / 1e6
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(
            f"{self._title:12} {self._name:12} {seconds:8.1f} s   "
            f"memory {now_mb:6.0f} MB, at most {peak_mb:6.0f} MB",
            flush=True,
        )
        self._since = time.perf_counter()


def run(out: Path, count: int, *, title: str, stop: bool = False) -> None:
    """Convert what is left, in parts of one scan."""

    def plan(store: Store, output: Output, run: Run, book: Book, watch: Watch) -> Plan:
        standing = whole_scans(book.receipts.scans())
        listing = (Entry(f"s3://made-up/{n:09d}.tif", f"{n}", 400_000) for n in range(count))
        return write_plan(
            watch.listing(listing),
            store=store,
            folder_uri=plan_folder(output, run.run_id),
            committed=[standing.filter(standing["whole"])],
        )

    phases = Phases(title)
    try:
        perform(
            "parts",
            ["s3://made-up"],
            plan,
            out=str(out),
            stages=[MadeUp(stop)],
            config=CONFIG,
            run_id=None,
            local=True,
            progress=phases,
        )
    except StorageError as error:
        print(error)
    phases.end()


def write_receipts(out: Path, *, left: int) -> None:
    """Write that every planned scan but some stands in a part of its own."""
    output = Output.at(str(out), CONFIG.storage)
    store = output.store()
    (planned,) = read_book(store, output, release=release_of(CONFIG)).runs
    rows = pa.concat_tables(planned_rows(store, output, planned.run_id))
    names = zip(rows["scan_id"].to_pylist(), rows["version"].to_pylist(), strict=True)
    for number, (scan_id, version) in enumerate(list(names)[left:]):
        part = f"{planned.run_id}-made-up-{number:06d}"
        paths = part_paths(part, release=planned.release, ingest_date=planned.ingest_date)
        Receipt(
            part=part,
            run_id=planned.run_id,
            release=planned.release,
            fingerprint=planned.fingerprint,
            files={table: FileFacts(path, 1, 4096, "0" * 64) for table, path in paths.items()},
            scans=pa.table([[scan_id], [version], [1], [1], [0]], schema=SCANS),
            reasons={},
            stages={"made_up": (1, 1.0)},
        ).create(store, output)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", type=int, nargs="?", default=1_000)
    parser.add_argument("--left", type=int, default=100, help="parts that are committed for good")
    parser.add_argument("--scratch", type=Path, help="where some 8 kB for each part find room")
    asked = parser.parse_args()
    os.fsync = lambda _: None  # see above
    with tempfile.TemporaryDirectory(prefix="parts-", dir=asked.scratch) as folder:
        run(Path(folder), asked.parts, title="begun", stop=True)
        write_receipts(Path(folder), left=asked.left)
        run(Path(folder), asked.parts, title="taken up")
        run(Path(folder), asked.parts, title="again")

"""Small archives and stages that stand in for real ones: a scan says what happens to it.

A scan is a JSON file. ``pages`` rows come out of it, whose samples follow from ``seed``; the other
keys break it on purpose.
"""

import ctypes
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch import schema
from ecgbatch.config import PoolSettings, RunConfig, StorageSettings
from ecgbatch.errors import PageError, Reason, StorageError
from ecgbatch.flow.commit import Committer
from ecgbatch.flow.output import Output
from ecgbatch.stages.base import Needs, TableFunction
from ecgbatch.stages.rows import Row, Values, map_rows
from ecgbatch.storage import Store, open_store

KEY, OTHER = "the first secret of the two", "the second secret of the two"


def scan(folder, name, *, pages=1, seed=0, **trouble):
    """Write one scan; the keys that ``_fetch`` knows break it on purpose."""
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pages": pages, "seed": seed, **trouble}))
    return path


def archive(folder, count, *, slow_s=0.0, **others):
    """Write ``count`` healthy scans, every fifth of three pages, an empty one, and ``others``."""
    for number in range(count):
        pages = 3 if number % 5 == 4 else 1
        scan(folder, f"{number:04d}.scan", pages=pages, seed=number, slow_s=slow_s)
    Path(folder, "empty.scan").write_bytes(b"")
    for name, trouble in others.items():
        scan(folder, f"{name}.scan", **trouble)
    return str(folder)


def settings(**pools):
    """Return settings with small blocks and parts, so that little data makes many of them."""
    return RunConfig(pools=PoolSettings(**{"scans_per_block": 4, "scans_per_part": 8, **pools}))


@dataclass(frozen=True, slots=True)
class Fetch:
    """From a scan to its pages."""

    root: str

    name: ClassVar[str] = "fetch"
    needs: ClassVar[Needs] = Needs(rows_per_batch=2)
    reads: ClassVar[pa.Schema] = schema.PLAN
    writes: ClassVar[pa.Schema] = schema.READ

    def open(self) -> TableFunction:
        store = open_store(self.root, StorageSettings())
        return partial(
            map_rows,
            function=partial(_fetch, store=store),
            stage=self.name,
            reads=self.reads,
            writes=self.writes,
        )


@dataclass(frozen=True, slots=True)
class Judge:
    """Gives every page its class, and kills its worker once, where a marker says so."""

    marker: str = ""

    name: ClassVar[str] = "judge"
    needs: ClassVar[Needs] = Needs()
    reads: ClassVar[pa.Schema] = schema.READ
    writes: ClassVar[pa.Schema] = schema.READ

    def open(self) -> TableFunction:
        return partial(
            map_rows,
            function=partial(_judge, marker=self.marker),
            stage=self.name,
            reads=self.reads,
            writes=self.writes,
        )


def stages(source, *, judge_dies=""):
    return [Fetch(str(source)), Judge(str(judge_dies))]


def _fetch(row: Row, *, store: Store) -> Iterator[Values]:
    data = store.read(row["uri"], version=row["version"])
    if not data:
        raise PageError(Reason.EMPTY)
    asked = json.loads(data)
    if "slow_s" in asked:
        time.sleep(asked["slow_s"])
    if "until" in asked:
        _wait_for(Path(asked["until"]))
    if "hungry" in asked:
        _eat_until_killed(asked["hungry"])
    if "crash" in asked:
        ctypes.string_at(0)
    if "die_once" in asked and not Path(asked["die_once"]).exists():
        Path(asked["die_once"]).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if "stop" in asked:
        raise StorageError("the store is full")
    for page in range(1, asked["pages"] + 1):
        if page == asked.get("defect_page"):
            raise ValueError("SMITH^JOHN")
        signal_uv = np.zeros(asked["flat_samples"], np.float32) if "flat_samples" in asked else None
        yield _page(page, asked["pages"], seed=asked["seed"], signal_uv=signal_uv)


def _wait_for(path: Path) -> None:
    """Be the slowest page of all, but not for ever."""
    for _ in range(10_000):
        if path.exists():
            return
        time.sleep(0.02)
    raise TimeoutError


def _eat_until_killed(size_bytes: int) -> None:
    """Take memory, and keep it until Ray's watcher of memory kills the process."""
    eaten = np.ones(size_bytes, np.uint8)
    time.sleep(600)
    raise TimeoutError(f"nobody minds {eaten.nbytes} bytes")


def _page(page_no: int, page_count: int, *, seed: int, signal_uv=None) -> Values:
    if signal_uv is None:
        noise = np.random.default_rng((seed, page_no))
        signal_uv = noise.normal(0, 300, 1000).round().astype(np.float32)
    lead = {
        "lead": "II",
        "role": "rhythm",
        "name_source": "guessed",
        "t0_ms": 0.0,
        "fs_hz": 500.0,
        "native_fs_hz": 500.0,
        "signal_uv": signal_uv,
        "overlap": 0.0,
        "quality": 1.0,
        "box_px": [0.0, 0.0, 500.0, 100.0],
    }
    return {
        "page_no": page_no,
        "page_count": page_count,
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
    }


def _judge(row: Row, *, marker: str) -> Iterator[Values]:
    if marker and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield {"quality_score": 1.0, "quality_class": "good"}


@dataclass(frozen=True, slots=True)
class DeadlyOutput(Output):
    """An output whose store kills the process, once, after the ``kill_after``-th write.

    Writes of a part are those of ``PART_TABLES``; the receipt, made after them, counts as well.
    """

    kill_after: int = 0
    marker: str = ""

    def store(self) -> Store:
        return _DeadlyStore(self.root, self.settings, self.kill_after, Path(self.marker))


class _DeadlyStore(Store):
    def __init__(self, root_uri, settings, kill_after, marker):
        super().__init__(root_uri, settings)
        self._left, self._marker = kill_after, marker

    def write(self, uri, data):
        version = super().write(uri, data)
        self._count()
        return version

    def create(self, uri, data):
        created = super().create(uri, data)
        self._count()
        return created

    def _count(self):
        self._left -= 1
        if self._left == 0 and not self._marker.exists():
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Deadly:
    """Stands in for ``Committer`` where a writer is to die."""

    kill_after: int
    marker: str

    def __call__(self, output: Output, run, fence) -> Committer:
        deadly = DeadlyOutput(output.root, output.settings, self.kill_after, self.marker)
        return Committer(deadly, run, fence)


def rows_of(out, table):
    """Return what a plain glob finds of a table, without what differs from run to run."""
    files = sorted(Path(out, "tables", table).glob("**/*.parquet"))
    found = pa.concat_tables(
        [
            schema.PUBLISHED[table].empty_table(),
            *(pq.read_table(f, partitioning=None) for f in files),
        ]
    )
    rows = found.drop_columns(["run_id"]).to_pylist()
    return sorted(rows, key=lambda row: (row["scan_id"], row["page_no"], row.get("segment", 0)))


def tables_of(out):
    return {table: rows_of(out, table) for table in ("pages", "signals", "quarantine")}

"""How fast and in how much memory a listing becomes a plan: python benchmarks/plan.py [KEYS].

The lister is a counter: it measures the planning, not somebody's object store. The second line
plans the same keys when nine in ten of them are committed already.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.plan import Plan, write_plan
from ecgbatch.storage import open_store, scan_id

COMMITTED_ROWS = 50_000


def keys(count: int) -> Iterator[Entry]:
    """Give addresses of the length and shape that hospital archives have."""
    for number in range(count):
        uri = f"s3://archive/ecg/{2000 + number % 25}/{number % 12 + 1:02d}/scan-{number:09d}.tif"
        yield Entry(uri, f"{number:032x}", 400_000 + number % 100_000)


def committed(count: int) -> Iterator[pa.Table]:
    """Give the first ``count`` keys as receipts hold them."""
    rows: dict[str, list[str]] = {"scan_id": [], "version": []}
    for number, entry in enumerate(keys(count), start=1):
        rows["scan_id"].append(scan_id(entry.uri))
        rows["version"].append(entry.version)
        if number % COMMITTED_ROWS == 0 or number == count:
            yield pa.table(rows)
            rows = {"scan_id": [], "version": []}


def measure(name: str, count: int, done: int) -> Plan:
    """Plan once and print a line."""
    with tempfile.TemporaryDirectory() as out:
        store = open_store(out)
        started = time.perf_counter()
        plan = write_plan(
            keys(count), store=store, folder_uri=store.root_uri, committed=committed(done)
        )
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(out).iterdir())
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        f"{name:12} {count:>10,} keys {plan.scans_planned:>10,} planned {seconds:7.1f} s "
        f"{len(plan.files):4d} files {size / 1e6:7.1f} MB   peak memory {peak_mb:5.0f} MB"
    )
    return plan


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    measure("new", wanted, 0)
    measure("nine in ten", wanted, wanted * 9 // 10)

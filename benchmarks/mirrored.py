"""How often a page that was scanned through its back is noticed, and a right one called mirrored.

    python benchmarks/mirrored.py [--pages N] [--seed N]

Pages have layouts, looks and patients drawn at random. Each is read as it is and mirrored, through
all stages; what counts is the class under which a mirrored page would be published.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import simplejpeg

from benchmarks.geometry import drawn_page
from ecgbatch import schema
from ecgbatch.config import RunConfig
from ecgbatch.flags import Flag
from ecgbatch.imaging.cores import use_one_core
from ecgbatch.stages.base import chain
from jobs.convert import stages

DPI = (150.0, 200.0, 300.0)


def plan(folder: Path) -> pa.Table:
    """Return a plan of the files of a folder."""
    rows = []
    for number, path in enumerate(sorted(folder.iterdir())):
        row = dict.fromkeys(schema.PLAN.names)
        row |= {"scan_id": f"{number:032x}", "uri": path.as_uri()}
        rows.append(row | {"size_bytes": path.stat().st_size})
    return pa.Table.from_pylist(rows, schema=schema.PLAN)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    use_one_core()
    rng = np.random.default_rng(arguments.seed)
    outcomes: dict[str, Counter[str]] = {"as printed": Counter(), "mirrored": Counter()}
    flagged: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="ecgbatch-mirrored-") as name:
        folder = Path(name)
        for number in range(arguments.pages):
            pixels = drawn_page(rng, float(rng.choice(DPI)), number + 1000 * arguments.seed)
            for way, picture in ((0, pixels), (1, pixels[:, ::-1])):
                jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(picture), quality=90)
                (folder / f"{number:05d}-{way}.jpg").write_bytes(jpeg)
        work = chain(stages(RunConfig(), name))
        for page in work(plan(folder)):
            way = ("as printed", "mirrored")[int(page["scan_id"][0].as_py(), 16) % 2]
            error = page["error"][0].as_py()
            outcomes[way][error["reason"] if error else page["quality_class"][0].as_py()] += 1
            flagged[way] += Flag.MIRRORED in (page["flags"][0].as_py() or ())
    for way, counts in outcomes.items():
        print(f"{way:12}flag on {flagged[way]:4d} of {arguments.pages}   {dict(counts)}")


if __name__ == "__main__":
    main()

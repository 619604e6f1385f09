"""What a run has to do: its plan without what stands already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch import schema
from ecgbatch.errors import ChecksumError
from ecgbatch.flow.files import get_bytes
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import read_plan
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class PlanFile:
    """One file of a plan, and which of its rows are left to do; small enough to travel.

    Attributes:
        path: Relative to the output.
        rows: How many rows are left.
        left: One bit per row of the file, as ``numpy.packbits`` orders them; None: all are left.
    """

    path: str
    rows: int
    left: bytes | None

    def read(self, store: Store, output: Output) -> pa.Table:
        """Return the rows that are left, with the columns of ``schema.PLAN``."""
        rows = read_plan_file(store, output, self.path)
        if self.left is None:
            return rows
        bits = np.unpackbits(np.frombuffer(self.left, np.uint8), count=rows.num_rows)
        return rows.filter(pa.array(bits.astype(bool)))


def plan_folder(output: Output, run_id: str) -> str:
    """Return the address of the folder that holds a run's plan."""
    return output.uri("runs", run_id, "plan")


def plan_paths(store: Store, output: Output, run_id: str) -> list[str]:
    """Return the paths of a run's plan files, in the order of their names.

    Raises:
        ChecksumError: The plan of a run that began is not there.
    """
    plan = read_plan(store, plan_folder(output, run_id))
    if plan is None:
        raise ChecksumError(f"run {run_id} has lost its plan")
    return [f"runs/{run_id}/plan/{PurePosixPath(uri).name}" for uri in plan.files]


def read_plan_file(store: Store, output: Output, path: str) -> pa.Table:
    """Return the rows of one plan file.

    Raises:
        ChecksumError: It is not there.
        StorageError: Storage did not answer.
    """
    data = get_bytes(store, output, path)
    if data is None:
        raise ChecksumError(f"{path} is not there any more")
    rows = pq.read_table(pa.BufferReader(data), page_checksum_verification=True, partitioning=None)
    return schema.require(rows, schema.PLAN, stage="plan")


def left_to_do(
    store: Store, output: Output, run_id: str, standing: pa.Table
) -> tuple[list[PlanFile], pa.Array]:
    """Compare a run's plan with what stands whole in the tables.

    Args:
        store: Where the output stands.
        output: The output.
        run_id: Whose plan it is.
        standing: ``scan_id``, ``version`` and ``done``; scans that are not ``done`` stand by an
            older version or another run and are to be replaced.

    Returns:
        The plan files with rows left to do, and the ids of standing scans that they replace.
    """
    files: list[PlanFile] = []
    replaced: list[pa.Array] = []
    for path in plan_paths(store, output, run_id):
        rows = read_plan_file(store, output, path)
        place = pc.index_in(rows["scan_id"], value_set=standing["scan_id"].combine_chunks())
        stands = pc.is_valid(place)
        same = pc.equal(rows["version"], pc.take(standing["version"], place))
        done = pc.fill_null(pc.and_(same, pc.take(standing["done"], place)), fill_value=False)
        replaced.append(rows["scan_id"].filter(pc.and_not(stands, done)).combine_chunks())
        left = pc.invert(done).to_numpy()
        count = int(left.sum())
        if count:
            bits = None if count == rows.num_rows else np.packbits(left).tobytes()
            files.append(PlanFile(path=path, rows=count, left=bits))
    return files, pa.concat_arrays([pa.array([], pa.string()), *replaced])


def planned_rows(store: Store, output: Output, run_id: str) -> Iterator[pa.Table]:
    """Yield the rows of a run's plan, file by file."""
    for path in plan_paths(store, output, run_id):
        yield read_plan_file(store, output, path)

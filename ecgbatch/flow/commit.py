"""A part: one file per table and one receipt, so that a page stands in the tables once or not.

The order of writing is the whole protocol. All other tables of a part come before ``pages``, so a
page that stands in ``pages`` has all its rows; the receipt comes last, so what has one is whole.
The names follow from the part, so whoever repeats the work overwrites it with the same.
What is left behind when a writer dies anywhere in between is told apart by ``settle``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ecgbatch import schema
from ecgbatch.errors import BalanceError, LeaseError
from ecgbatch.flow.files import FileFacts, put_table
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.output import Output, part_paths
from ecgbatch.flow.receipts import Receipt, receipt_of
from ecgbatch.flow.runs import Run
from ecgbatch.stages.publish import published
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class Committer:
    """Turns finished rows into parts of one run; picklable, it works in any process.

    Attributes:
        output: Where the tables stand.
        run: Whose parts they are.
        fence: The lease under which they are written.
    """

    output: Output
    run: Run
    fence: Fence

    def commit(self, rows: pa.Table, *, part: str) -> Receipt:
        """Publish rows of ``schema.READ`` as one part; on return it is safe.

        Raises:
            BalanceError: A row is in neither or in both of ``pages`` and ``quarantine``.
            ChecksumError: The store did not keep what it was given.
            LeaseError: Another run took over; nothing of this part stands.
            SchemaError: ``rows`` has other columns.
            StorageError: The store refused or is full.
        """
        store = self.output.store()
        schema.require(rows, schema.READ, stage="commit")
        ordered = rows.sort_by([("scan_id", "ascending"), ("page_no", "ascending")])
        tables = published(
            ordered,
            run_id=self.run.run_id,
            fingerprint=self.run.fingerprint,
            software_version=self.run.software_version,
            models=self.run.models,
            key_id=self.run.key_id,
        )
        if tables["pages"].num_rows + tables["quarantine"].num_rows != rows.num_rows:
            raise BalanceError(f"{part}: pages in are not pages published + quarantined")
        return self.put(store, tables, part=part, stages=stage_sums(rows))

    def put(
        self,
        store: Store,
        tables: Mapping[str, pa.Table],
        *,
        part: str,
        stages: Mapping[str, tuple[int, float]],
    ) -> Receipt:
        """Write the rows of a part by table, and its receipt; see ``commit``."""
        paths = part_paths(part, release=self.run.release, ingest_date=self.run.ingest_date)
        files: dict[str, FileFacts] = {}
        for table, path in paths.items():
            try:
                self.fence.check(store)  # the last moment before what comes next can be seen
            except LeaseError:
                if store.head(self.output.uri(paths["pages"])) is None:
                    for facts in files.values():
                        store.delete(self.output.uri(facts.path))
                raise
            files[table] = put_table(store, self.output, path, tables[table])
        receipt = receipt_of(
            tables,
            files,
            part=part,
            run_id=self.run.run_id,
            release=self.run.release,
            fingerprint=self.run.fingerprint,
            stages=stages,
        )
        receipt.create(store, self.output)  # False: an earlier try of this task got this far
        return receipt


def stage_sums(rows: pa.Table) -> dict[str, tuple[int, float]]:
    """Return pages and milliseconds by stage, in the order in which rows met the stages."""
    spent = rows["stage_ms"].combine_chunks().flatten()
    if len(spent) == 0:
        return {}
    names, ms = spent.field("stage"), spent.field("ms")
    grouped = (
        pa.table({"stage": names, "ms": ms})
        .group_by("stage", use_threads=False)
        .aggregate([("ms", "count"), ("ms", "sum")])
    )
    return {
        row["stage"]: (row["ms_count"], float(row["ms_sum"] or 0.0)) for row in grouped.to_pylist()
    }

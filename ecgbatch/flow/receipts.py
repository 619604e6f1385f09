"""What one part holds, kept beside the tables: to resume is to leave out what receipts hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.flow.files import FileFacts
from ecgbatch.flow.output import Output, as_json
from ecgbatch.storage import Store

SCANS = pa.schema(
    [
        pa.field("scan_id", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),  # in pages and quarantine of this part
        pa.field("announced", pa.int64(), nullable=False),  # rows that its pages announce
        pa.field("closing", pa.int64(), nullable=False),  # rows that the file's own row announces
    ]
)
"""The scans of a part. A scan is whole with one row for each page that its rows announce.

A row with ``page_no`` 0 speaks for the file: it announces itself and the pages that came before
it, and it overrules what those expected. A file of many pages may be spread over parts.
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One part that stands in the tables.

    Attributes:
        part: Its name.
        run_id: The run that wrote it.
        release: The partition it stands in.
        fingerprint: Hash of every setting that can change a row.
        files: Facts of its files, by table.
        scans: Rows as in ``SCANS``.
        reasons: Quarantined pages by reason.
        stages: Pages and milliseconds by stage; empty when the part was adopted from a dead run.
    """

    part: str
    run_id: str
    release: str
    fingerprint: str
    files: Mapping[str, FileFacts]
    scans: pa.Table
    reasons: Mapping[str, int]
    stages: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    def rows(self, table: str) -> int:
        """Return how many rows of ``table`` the part holds."""
        return self.files[table].rows

    @property
    def size_bytes(self) -> int:
        """Size of the part's files."""
        return sum(facts.size_bytes for facts in self.files.values())

    def encoded(self) -> bytes:
        """Return the receipt as its file holds it."""
        return as_json({**self.without_scans(), "scans": self.scans.to_pydict()})

    def without_scans(self) -> dict[str, Any]:
        """Return everything but the scans, as it stands in the file."""
        return {
            "part": self.part,
            "run_id": self.run_id,
            "release": self.release,
            "fingerprint": self.fingerprint,
            "files": {name: facts.as_json() for name, facts in self.files.items()},
            "reasons": dict(self.reasons),
            "stages": {name: list(spent) for name, spent in self.stages.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any], *, scans: pa.Table | None = None) -> Receipt:
        """Take up what ``encoded`` gave, or ``without_scans`` and the scans beside it."""
        return cls(
            part=value["part"],
            run_id=value["run_id"],
            release=value["release"],
            fingerprint=value["fingerprint"],
            files={name: FileFacts.from_json(facts) for name, facts in value["files"].items()},
            scans=pa.table(value["scans"], schema=SCANS) if scans is None else scans,
            reasons=value["reasons"],
            stages={name: (spent[0], spent[1]) for name, spent in value["stages"].items()},
        )

    def create(self, store: Store, output: Output) -> bool:
        """Put the receipt where none is; False where there is one."""
        return store.create(output.uri(*self.address), self.encoded())

    def replace(self, store: Store, output: Output) -> None:
        """Put the receipt in the place of an older one."""
        store.write(output.uri(*self.address), self.encoded())

    def delete(self, store: Store, output: Output) -> None:
        """Remove the receipt of a part that is no more."""
        store.delete(output.uri(*self.address))

    @property
    def address(self) -> tuple[str, ...]:
        """Where the receipt stands below the output's root."""
        return ("runs", self.run_id, "receipts", f"{self.part}.json")


def receipt_of(
    tables: Mapping[str, pa.Table],
    files: Mapping[str, FileFacts],
    *,
    part: str,
    run_id: str,
    release: str,
    fingerprint: str,
    stages: Mapping[str, tuple[int, float]],
) -> Receipt:
    """Draw up the receipt of a part from its rows; the same from a worker or from found files."""
    counted = pc.value_counts(tables["quarantine"]["reason"])
    return Receipt(
        part=part,
        run_id=run_id,
        release=release,
        fingerprint=fingerprint,
        files=dict(files),
        scans=scans_of(tables["pages"], tables["quarantine"]),
        reasons={item["values"]: item["counts"] for item in counted.to_pylist()},
        stages=dict(stages),
    )


def scans_of(pages: pa.Table, quarantine: pa.Table) -> pa.Table:
    """Count the rows of each scan and what they announce, as rows of ``SCANS``."""
    columns = ["scan_id", "version", "page_no", "page_count"]
    rows = pa.concat_tables([pages.select(columns), quarantine.select(columns)])
    of_file = pc.equal(rows["page_no"], 0)
    count = pc.cast(rows["page_count"], pa.int64())
    marked = rows.append_column("announced", pc.if_else(of_file, 0, count)).append_column(
        "closing", pc.if_else(of_file, pc.add(count, 1), 0)
    )
    grouped = marked.group_by(["scan_id", "version"]).aggregate(
        [("page_no", "count"), ("announced", "max"), ("closing", "max")]
    )
    names = ["scan_id", "version", "page_no_count", "announced_max", "closing_max"]
    return pa.table([grouped[name] for name in names], schema=SCANS).sort_by("scan_id")


def whole_scans(scans: pa.Table) -> pa.Table:
    """Return ``scan_id``, ``version`` and whether it is ``whole``, over all parts of a release.

    Args:
        scans: Rows of ``SCANS``. A scan that has rows of two versions is whole in neither.
    """
    grouped = scans.group_by("scan_id").aggregate(
        [
            ("version", "min"),
            ("version", "max"),
            ("rows", "sum"),
            ("announced", "max"),
            ("closing", "max"),
        ]
    )
    closed = pc.greater(grouped["closing_max"], 0)
    expected = pc.if_else(closed, grouped["closing_max"], grouped["announced_max"])
    one_version = pc.equal(grouped["version_min"], grouped["version_max"])
    whole = pc.and_(pc.equal(grouped["rows_sum"], expected), one_version)
    return pa.table(
        {"scan_id": grouped["scan_id"], "version": grouped["version_min"], "whole": whole}
    )

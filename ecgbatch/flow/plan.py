"""From a listing to the files of a plan: every scan once, without those that are done already."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch.errors import ChecksumError
from ecgbatch.flow.manifest import Entry, read_manifest
from ecgbatch.flow.output import FOLDERS
from ecgbatch.flow.reviews import verdicts, with_verdicts
from ecgbatch.flow.sieve import Sieve
from ecgbatch.flow.tombstones import without_deleted
from ecgbatch.storage import Store, inside, is_manifest, join


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run has to do, in numbers.

    Attributes:
        files: Addresses of the plan's Parquet files; none when it was only estimated.
        scans_listed: Different scans that the listing or manifest holds.
        scans_skipped: Those among them that are committed in the same version.
        scans_refused: Rows of a manifest that go to quarantine without a request.
        duplicates: Rows that named a scan again.
        markers: Empty objects that only stand for a folder.
        size_bytes: Bytes to be read, as far as the sizes are known.
        extensions: Scans to be read by the ending of their names; ``other`` for unusual ones.
    """

    files: tuple[str, ...] = ()
    scans_listed: int = 0
    scans_skipped: int = 0
    scans_refused: int = 0
    duplicates: int = 0
    markers: int = 0
    size_bytes: int = 0
    extensions: Mapping[str, int] = field(default_factory=dict)

    @property
    def scans_planned(self) -> int:
        """Scans that the run will account for: those to be read and those refused."""
        return self.scans_listed - self.scans_skipped


def source_entries(store: Store, *, leave_out: str | None = None) -> Iterator[Entry]:
    """Yield what an input holds: the rows of a manifest, or what lies in a folder.

    Args:
        store: Opened at the input; ``*.csv`` and ``*.parquet`` are manifests.
        leave_out: An output; its tables and runs are no part of the archive that they lie in.

    Raises:
        ConfigError: The manifest is none.
        StorageError: The input cannot be listed.
    """
    if is_manifest(store.root_uri) and store.head(store.root_uri) is not None:
        yield from read_manifest(store)
        return
    ours = [] if leave_out is None else [join(leave_out, name) for name in FOLDERS]
    for found in store.list():
        if not any(inside(found.uri, folder_uri) for folder_uri in ours):
            yield Entry(found.uri, found.version, found.size_bytes, modified_s=found.modified_s)


def write_plan(
    entries: Iterable[Entry],
    *,
    store: Store,
    folder_uri: str,
    committed: Iterable[pa.Table] = (),
    sieve: Sieve | None = None,
) -> Plan:
    """Write the plan of a run: Parquet files with the columns of ``schema.PLAN``, and its numbers.

    Args:
        entries: From ``source_entries``; read once, in bounded memory.
        store: Opened at the output.
        folder_uri: Where the files go; what stands there is overwritten.
        committed: Tables with ``scan_id`` and ``version`` of what need not be done again.
        sieve: A new one, where it is to look at more than what is committed.

    Raises:
        StorageError: No space, no access, no answer.
    """
    sieve = sieve or Sieve()
    files = []
    wanted, given = without_deleted(iter(entries), store), verdicts(store)
    for number, sifted in enumerate(sieve.sift(wanted, committed=committed)):
        table = with_verdicts(sifted, given)
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
        files.append(join(folder_uri, f"{number:06d}.parquet"))
        store.write(files[-1], sink.getvalue())
    plan = _numbers(sieve, files)
    store.write(_summary_uri(folder_uri), json.dumps(asdict(plan)).encode())
    return plan


def read_plan(store: Store, folder_uri: str) -> Plan | None:
    """Return the numbers of a plan; None where none was written to its end.

    Raises:
        ChecksumError: The file is not what ``write_plan`` wrote.
        StorageError: Storage did not answer.
    """
    if store.head(_summary_uri(folder_uri)) is None:
        return None
    try:
        value = json.loads(store.read(_summary_uri(folder_uri)))
        return Plan(**{**value, "files": tuple(value["files"])})
    except (ValueError, TypeError, KeyError):
        raise ChecksumError("the summary of a plan is not whole") from None


def estimate(
    entries: Iterable[Entry],
    *,
    committed: Iterable[pa.Table] = (),
    sieve: Sieve | None = None,
) -> Plan:
    """Count what a run would do, without writing anything but to the temporary folder.

    Raises:
        StorageError: No space for temporary files, or the listing fails.
    """
    sieve = sieve or Sieve()
    for _ in sieve.sift(entries, committed=committed):
        pass
    return _numbers(sieve, ())


def _numbers(sieve: Sieve, files: Iterable[str]) -> Plan:
    return Plan(files=tuple(files), extensions=sieve.extensions, **sieve.counts)


def _summary_uri(folder_uri: str) -> str:
    return join(folder_uri, "plan.json")  # written last: it says that the plan is whole

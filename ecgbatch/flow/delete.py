"""Deletion on request: every row, name and picture of some scans, and the proof that it is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import Output
from ecgbatch.flow.settle import settle
from ecgbatch.flow.todo import planned_rows
from ecgbatch.flow.tombstones import Tombstone, finish_deletions, still_named
from ecgbatch.storage import Store, key_id, scan_id, secret
from ecgbatch.storage.keys import OLD

_SCAN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a deletion did.

    Attributes:
        scans: How many ids were named, those under other keys included.
        rows: How many rows of ``pages`` and ``quarantine`` they had, over all releases.
        releases: Releases that were looked at.
        left: Paths that still hold one of the ids; none, or it is not done.
    """

    scans: int
    rows: int
    releases: int
    left: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """0 where nothing is left, 1 otherwise."""
        return 1 if self.left else 0


def delete(out: str, scan_ids: Sequence[str], *, config: RunConfig) -> Deleted:
    """Take some scans out of an output, and keep them out.

    The files of the archive are not touched: delete them there first, or keep them knowingly.
    A deletion that was cut off is finished by the same command, or by whatever run comes next.

    Args:
        out: Address or path of the output.
        scan_ids: Of the tables, 32 hexadecimal digits each; ones that stand nowhere are kept out
            all the same. In releases of another key the same scans are forgotten, too.
        config: How to reach the output.

    Raises:
        ConfigError: One of them is no id, no run has written to ``out``, or ids that stand nowhere
            are named without the key from which those of the output are derived.
        LeaseError: A run writes to ``out``.
        StorageError: Storage refused or did not answer.
    """
    wanted = tuple(sorted(set(scan_ids)))
    for number, scan in enumerate(scan_ids, start=1):
        if not _SCAN_ID.fullmatch(scan):
            raise ConfigError(f"number {number} of the ids is none: 32 hexadecimal digits")
    if not wanted:
        raise ConfigError("no scan is named: give --scan-id or --ids FILE")
    output = Output.at(out, config.storage)
    store = output.store()
    with Lease(output, run_id="delete") as lease:
        releases = sorted(read_book(store, output, release="").releases)
        if not releases:
            raise ConfigError("no run has written to this output")
        rows = 0
        books = {release: settle(store, lease.fence, release=release).book for release in releases}
        keys = {book.runs[0].key_id for book in books.values()}  # all runs of a release share it
        by_key = _under_each_key(store, output, list(books.values()), wanted)
        wanted = tuple(sorted(set(wanted).union(*by_key.values())))
        for book in books.values():
            key = book.runs[0].key_id
            scans = book.receipts.scans()
            asked = pc.is_in(scans["scan_id"], value_set=pa.array(wanted, pa.string()))
            named = scans.filter(asked)
            rows += pc.sum(named["rows"], min_count=0).as_py()
            by_key.setdefault(key, set()).update(named["scan_id"].to_pylist())
        unseen = set(wanted).difference(*by_key.values())
        if unseen:
            by_key.setdefault(_key_at_hand(keys), set()).update(unseen)
        asked_at = datetime.now(tz=UTC).isoformat(timespec="seconds")
        for key, ids in sorted(by_key.items()):
            if ids:
                Tombstone(tuple(sorted(ids)), key, asked_at).save(store)
        finish_deletions(store, lease.fence)
        left = still_named(store, output, frozenset(wanted))
    return Deleted(scans=len(wanted), rows=rows, releases=len(releases), left=tuple(left))


def _under_each_key(
    store: Store, output: Output, books: Sequence[Book], scan_ids: Sequence[str]
) -> dict[str, set[str]]:
    """Return the ids of the same scans under every key of an output that has several.

    A scan has another id in a release of another key, and is to be forgotten there, too.

    Raises:
        ConfigError: One of these keys is not at hand.
    """
    keys = {book.runs[0].key_id for book in books}
    if len(keys) == 1:
        return {}
    asked = pa.array(scan_ids, pa.string())
    addresses: set[str] = set()
    for run in (run for book in books for run in book.runs):
        for rows in planned_rows(store, output, run.run_id):
            addresses.update(rows["uri"].filter(pc.is_in(rows["scan_id"], asked)).to_pylist())
    at_hand = {key_id(key): key for key in (b"", secret(OLD), secret())}
    if addresses and keys - at_hand.keys():
        raise ConfigError(
            "these scans have other ids in releases of another key: give that key "
            f"({', '.join(sorted(keys - at_hand.keys()))}) as {OLD}, or delete those releases"
        )
    return {key: {scan_id(uri, key=at_hand[key]) for uri in addresses} for key in keys if addresses}


def _key_at_hand(keys: set[str]) -> str:
    """Return the name of the secret at hand, which must be one that ids are derived from.

    A record under another key would keep nothing away: the next run would derive other ids.
    """
    here = key_id(secret())
    if here not in keys:
        known = ", ".join(sorted(key or "(none)" for key in keys))
        raise ConfigError(f"ids of this output are derived with the key {known}: give that key")
    return here

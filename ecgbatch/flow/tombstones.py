"""Scans that were deleted on request, and are to stay away: ids, and nothing else of them.

A record ``restricted/deleted/<name>.json`` is written before anything is taken out, so that no run
brings a scan back in between, and whoever holds the lease next finishes what was cut off. It is
kept for good: a file of the archive that has one of its ids is never planned again.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.flow.book import read_book
from ecgbatch.flow.files import encode, get_bytes
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.output import PART_TABLES, SCRAP, Output, as_json, decode_json
from ecgbatch.flow.removal import remove_scans
from ecgbatch.storage import Store, join, key_id, scan_id, secret
from ecgbatch.storage.keys import OLD

FOLDER = "restricted/deleted/"
_IDS = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One request.

    Attributes:
        scan_ids: What is to be forgotten, in their order.
        key_id: Names the secret from which these ids are derived; empty for none.
        asked_at: ISO 8601 in UTC.
        done: Whether nothing of them stood any more when it was last looked.
    """

    scan_ids: tuple[str, ...]
    key_id: str
    asked_at: str
    done: bool = False

    def save(self, store: Store) -> None:
        """Write the record; the same request again is the same record."""
        name = hashlib.sha256("\n".join((self.key_id, *self.scan_ids)).encode()).hexdigest()[:16]
        store.write(join(store.root_uri, f"{FOLDER}{name}.json"), as_json(asdict(self)))


def tombstones(store: Store) -> list[Tombstone]:
    """Read every record of an output; ``store`` is opened at its root.

    Raises:
        ChecksumError: A record is not whole.
        StorageError: Storage did not answer.
    """
    found = []
    for listed in store.list(join(store.root_uri, FOLDER)):
        if listed.uri.endswith(".json"):
            value = decode_json(store.read(listed.uri), "a record of a deletion")
            found.append(Tombstone(**{**value, "scan_ids": tuple(value["scan_ids"])}))
    return found


def deleted_ids(store: Store) -> pa.Array:
    """Return the ids of all scans that were deleted, of whatever key."""
    ids = {scan for tombstone in tombstones(store) for scan in tombstone.scan_ids}
    return pa.array(sorted(ids), pa.string())


def without_deleted(entries: Iterator[Entry], store: Store) -> Iterator[Entry]:
    """Pass on the entries of a listing that were not deleted.

    Raises:
        ConfigError: Records were made with another secret, which is not at hand.
    """
    by_key: dict[str, set[str]] = {}
    for tombstone in tombstones(store):
        by_key.setdefault(tombstone.key_id, set()).update(tombstone.scan_ids)
    at_hand = {key_id(key): key for key in (b"", secret(OLD), secret())}
    if by_key.keys() - at_hand.keys():
        raise ConfigError(
            "scans were deleted from this output under another key, and would be converted again: "
            f"give that key ({', '.join(sorted(by_key.keys() - at_hand.keys()))}) as {OLD}"
        )
    known = [(at_hand[name], ids) for name, ids in by_key.items()]
    for entry in entries:
        if not any(scan_id(entry.uri, key=key) in ids for key, ids in known):
            yield entry


def finish_deletions(store: Store, fence: Fence) -> None:
    """Do what records ask that are not done; one that was cut off ends here.

    Raises:
        LeaseError: Another run took over.
        StorageError: Storage refused or did not answer.
    """
    for tombstone in tombstones(store):
        if not tombstone.done:
            _forget(store, fence, tombstone.scan_ids)
            replace(tombstone, done=True).save(store)


def _forget(store: Store, fence: Fence, scan_ids: Sequence[str]) -> None:
    ids = pa.array(scan_ids, pa.string())
    releases = read_book(store, fence.output, release="").releases
    for release in sorted(releases):
        book = read_book(store, fence.output, release=release)
        remove_scans(store, fence, book.receipts, ids)
    for path in _beside_tables(store, fence):
        fence.check(store)
        if path.endswith(".parquet"):
            _rewrite(store, fence, path, ids)
        elif "/receipts/" not in path and _names(store, fence.output, path, frozenset(scan_ids)):
            # A picture, page or list that a command makes anew from the tables.
            store.delete(fence.output.uri(path))


def _beside_tables(store: Store, fence: Fence) -> Iterator[str]:
    """Yield the paths of whatever is not a part: plans, marks, reviews, reports."""
    parts = tuple(f"tables/{table}/" for table in (*PART_TABLES, "runs"))
    for listed in store.list():
        path = fence.output.relative(listed.uri)
        if not path.startswith((*parts, FOLDER, "runs/lease/")):
            yield path


def _rewrite(store: Store, fence: Fence, path: str, ids: pa.Array) -> None:
    data = get_bytes(store, fence.output, path)
    if data is None:
        return
    rows = _decoded(data, path)
    if "scan_id" not in rows.schema.names:
        return
    kept = rows.filter(pc.invert(pc.is_in(rows["scan_id"], value_set=ids)))
    if kept.num_rows < rows.num_rows:
        store.write(fence.output.uri(path), encode(kept))


def _decoded(data: bytes, path: str) -> pa.Table:
    try:
        return pq.read_table(io.BytesIO(data), page_checksum_verification=True, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise ChecksumError(f"{path} is not a whole Parquet file") from error


def _names(store: Store, output: Output, path: str, ids: frozenset[str]) -> bool:
    if any(found.decode() in ids for found in _IDS.findall(path.encode())):
        return True
    data = get_bytes(store, output, path) or b""
    return any(found.decode() in ids for found in _IDS.findall(data))


def still_named(store: Store, output: Output, scan_ids: frozenset[str]) -> list[str]:
    """Return the paths of all files of an output that still hold one of these ids.

    Every file is read. Receipts and tables count; the records of deletions do not.
    """
    ids = pa.array(sorted(scan_ids), pa.string())
    found = []
    for listed in store.list():
        path = output.relative(listed.uri)
        if path.startswith((FOLDER, "runs/lease/")) or path.endswith(SCRAP):
            continue
        if not path.endswith(".parquet"):
            holds = _names(store, output, path, scan_ids)
        else:
            data = get_bytes(store, output, path)
            holds = data is not None and _holds(_decoded(data, path), ids)
        if holds:
            found.append(path)
    return found


def _holds(rows: pa.Table, ids: pa.Array) -> bool:
    if "scan_id" not in rows.schema.names:
        return False
    return bool(pc.any(pc.is_in(rows["scan_id"], value_set=ids), min_count=0).as_py())

"""Where everything stands below one output address.

::

    tables/<table>/release=<release>/ingest_date=<date>/<part>.parquet
    runs/<run>/run.json, plan/*.parquet, receipts/<part>.json, summary.json
    runs/lease/<number>.json
    runs/slots/<release>/<archive>/<slot>.json
    runs/removal.json
    restricted/deleted/<request>.json
    restricted/reports/<run>.html

Readers glob ``tables/``; nothing but whole Parquet files of the tables is ever put there. ``runs/``
holds the addresses of scans, which can name patients, and is not for analysts; neither is
``restricted/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ChecksumError, PageError, Reason, StorageError
from ecgbatch.storage import Store, open_store, to_uri

PART_TABLES = ("signals", "measurements", "beats", "labels", "quarantine", "pages")
"""The tables of a part in the order of writing: a page in ``pages`` has all its other rows."""

NO_RUNS = frozenset({"lease", "slots"})
"""Names below ``runs/`` that are not those of runs."""

FOLDERS = ("tables", "runs", "restricted", "review")
"""What stands below an output, and is no part of an archive that the output lies in."""

SCRAP = ".tmp"
"""Ending of a file that a local writer had not finished when it was killed."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output address and the settings to reach it; picklable, so that workers have it too.

    Attributes:
        root: ``s3://`` or ``file://`` address without a slash at its end.
        settings: How storage is approached.
    """

    root: str
    settings: StorageSettings

    @classmethod
    def at(cls, address: str, settings: StorageSettings) -> Output:
        """Name an output by an address or a path; limits on the archive do not concern it."""
        unlimited = dict.fromkeys(
            ("archive_requests_per_s", "archive_bytes_per_s", "archive_requests_at_once")
        )
        return cls(root=to_uri(address).rstrip("/"), settings=settings.model_copy(update=unlimited))

    def store(self) -> Store:
        """Open the store; cheap, and to be done once per process."""
        return open_store(self.root, self.settings)

    def uri(self, *names: str) -> str:
        """Return the address of what stands at ``names`` below the root."""
        return "/".join((self.root, *names))

    def relative(self, uri: str) -> str:
        """Return the path of an address below the root."""
        return uri.removeprefix(self.root + "/")


def table_path(table: str, *, release: str, ingest_date: str, part: str) -> str:
    """Return the path of one table file, relative to the root."""
    return f"tables/{table}/release={release}/ingest_date={ingest_date}/{part}.parquet"


def part_paths(part: str, *, release: str, ingest_date: str) -> dict[str, str]:
    """Return the paths of a part's files by table, in the order of writing."""
    return {
        table: table_path(table, release=release, ingest_date=ingest_date, part=part)
        for table in PART_TABLES
    }


def part_of(path: str) -> str:
    """Return the name of the part that a file belongs to."""
    return PurePosixPath(path).stem


def table_files(store: Store, output: Output, table: str, *, release: str) -> Iterator[str]:
    """Yield the path, relative to the root, of whatever lies in one table of a release."""
    for listed in store.list(output.uri("tables", table, f"release={release}")):
        yield output.relative(listed.uri)


def as_json(value: Any) -> bytes:
    """Write a small file of ours."""
    return json.dumps(value, indent=1, ensure_ascii=True).encode()


def read_json(store: Store, output: Output, *names: str) -> Any | None:
    """Read a small file of ours; None where there is none.

    Raises:
        ChecksumError: The file is not JSON.
    """
    try:
        data = store.read(output.uri(*names))
    except PageError as error:
        if error.reason is Reason.SOURCE_GONE:
            return None
        raise StorageError(f"{'/'.join(names)} of the output cannot be read: {error}") from error
    return decode_json(data, "/".join(names))


def decode_json(data: bytes, name: str) -> Any:
    """Return what a small file of ours holds.

    Raises:
        ChecksumError: It is not JSON.
    """
    try:
        return json.loads(data)
    except ValueError as error:
        raise ChecksumError(f"{name} of the output is not whole JSON") from error

"""Published tables, read part by part in bounded memory.

A part is one file per table under one name; a page's rows of every table stand in files of the
same name, so whoever reads ``pages`` knows where the signals are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch.errors import ConfigError, PageError, StorageError
from ecgbatch.schema import READ_FROM_INK
from ecgbatch.storage import Store, join
from ecgbatch.types import Lead


@dataclass(frozen=True, slots=True)
class Part:
    """One committed part of a release.

    Attributes:
        name: File name without its ending.
        release: Value of the Hive partition.
        folder: ``release=…/ingest_date=…``, the same for every table.
    """

    name: str
    release: str
    folder: str


def parts(store: Store, *, table: str, release: str | None = None) -> list[Part]:
    """List the parts of one table of one release, always in the same order.

    Args:
        store: The output that holds the tables.
        table: Name of a published table.
        release: Which release; may be left out where there is only one that none supersedes.

    Raises:
        ConfigError: There is nothing, or there are several releases and none was named.
    """
    root = join(store.root_uri, f"tables/{table}/")
    found = []
    for listed in store.list(root):
        folder, _, file = listed.uri.removeprefix(root).rpartition("/")
        partition, _, value = folder.partition("/")[0].partition("=")
        if file.endswith(".parquet") and partition == "release":
            found.append(Part(file.removesuffix(".parquet"), value, folder))
    releases = sorted({part.release for part in found})
    if release is None and len(releases) > 1:
        releases = current(store, releases)
    if not releases:
        raise ConfigError("no tables stand there: name the OUT of a finished `ecgbatch convert`")
    if release is None and len(releases) > 1:
        raise ConfigError(f"several releases stand there; choose by --release: {releases}")
    if release not in {None, *releases}:
        raise ConfigError(f"there is no such release; there are: {releases}")
    chosen = [part for part in found if part.release == (release or releases[0])]
    return sorted(chosen, key=lambda part: (part.folder, part.name))


def current(store: Store, releases: Sequence[str]) -> list[str]:
    """Leave out releases of which it is written that a newer one has all of their files."""
    root = join(store.root_uri, "tables/superseded/")
    old = {
        listed.uri.removeprefix(root).partition("/")[0].removeprefix("release=")
        for listed in store.list(root)
        if listed.uri.endswith(".parquet")
    }
    return [release for release in releases if release not in old]


def address(store: Store, part: Part, *, table: str) -> str:
    """Return where the file of one table of a part stands."""
    return join(store.root_uri, f"tables/{table}/{part.folder}/{part.name}.parquet")


def read(store: Store, part: Part, *, table: str) -> pa.Table:
    """Read one file of a part whole; its page checksums are verified.

    Raises:
        StorageError: The file went away or changed while it was read.
    """
    with _standing():
        source = pa.BufferReader(store.read(address(store, part, table=table)))
    return pq.ParquetFile(source, page_checksum_verification=True).read()


def rows_of_scan(store: Store, part: Part, *, table: str, scan_id: str) -> pa.Table:
    """Read the rows of one scan; row groups that cannot hold it are not fetched.

    Raises:
        StorageError: The file went away or changed while it was read.
    """
    with _standing(), store.open(address(store, part, table=table)) as file:
        return pq.read_table(
            file,
            filters=[("scan_id", "=", scan_id)],
            partitioning=None,
            page_checksum_verification=True,
        )


@contextmanager
def _standing() -> Iterator[None]:
    """A run that replaces rows may take a part away between listing and reading it."""
    try:
        yield
    except PageError as error:
        raise StorageError(
            "a table changed while it was read: wait for the run that changes it, then try again"
        ) from error


def pages_with_leads(
    store: Store, part: Part, pages: Sequence[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], list[Lead]]]:
    """Give each row of ``pages`` its leads, in the order of the rows; all are of one part."""
    if not pages:
        return
    signals = read(store, part, table="signals")
    keys = zip(
        signals.column("scan_id").to_pylist(), signals.column("page_no").to_pylist(), strict=True
    )
    rows_of: dict[tuple[str, int], list[int]] = {}
    for index, key in enumerate(keys):
        rows_of.setdefault(key, []).append(index)
    for page in pages:
        chosen = rows_of.get((page["scan_id"], page["page_no"]), [])
        yield page, leads(signals.take(pa.array(chosen, pa.int64())))  # none has no type of its own


def leads(signals: pa.Table) -> list[Lead]:
    """Turn rows of ``signals`` into leads; null samples become NaN."""
    return [
        Lead(
            lead=row["lead"],
            role=row["role"],
            name_source=row["name_source"],
            t0_ms=row["t0_ms"],
            fs_hz=row["fs_hz"],
            native_fs_hz=row["native_fs_hz"],
            signal_uv=_microvolts(samples),
            overlap=row["overlap"],
            quality=row["quality"],
            box_px=_places(row["box_px"]),
            origin_px=_places(row["origin_px"]),
            **{name: _or_nan(row.get(name)) for name in READ_FROM_INK},
        )
        for row, samples in zip(
            signals.drop_columns(["samples_uv"]).to_pylist(),
            signals.column("samples_uv"),
            strict=True,
        )
    ]


def _microvolts(samples: pa.ListScalar) -> Any:
    values = pc.cast(samples.values, pa.float32())
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)


def _or_nan(values: list[float | None] | None) -> Any:
    return None if values is None else np.array(values, np.float32)


def _places(values: list[float] | None) -> Any:
    return None if values is None else tuple(values)

"""Quarantined scans once more: their rows are replaced, those of other pages of the file too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.config import RunConfig
from ecgbatch.errors import ChecksumError, ConfigError, PageError, Reason
from ecgbatch.flow.book import Book, read_book
from ecgbatch.flow.files import decode, get_bytes
from ecgbatch.flow.manifest import Entry
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import Plan, write_plan
from ecgbatch.flow.progress import Progress
from ecgbatch.flow.run import perform
from ecgbatch.flow.runs import Run, release_of
from ecgbatch.flow.summary import RunSummary
from ecgbatch.flow.todo import plan_folder, planned_rows
from ecgbatch.flow.watch import Watch
from ecgbatch.stages.base import Stage
from ecgbatch.storage import Store, open_store


def retry(
    out: str,
    *,
    stages: Sequence[Stage],
    reasons: Sequence[Reason],
    config: RunConfig,
    run_id: str | None = None,
    local: bool = False,
    progress: Progress | None = None,
) -> RunSummary:
    """Convert again every scan that has a page in quarantine for one of ``reasons``.

    Args:
        out: Address or path of the output.
        stages: As for ``convert``; see ``archives``.
        reasons: Whose scans to try again.
        config: As of the run that put them there: a release has one configuration.
        run_id: As for ``convert``.
        local: As for ``convert``.
        progress: As for ``convert``.

    Raises:
        RunError: As for ``convert``.
    """
    wanted = sorted({reason.value for reason in reasons})

    def plan(store: Store, output: Output, run: Run, book: Book, watch: Watch) -> Plan:
        scans = _quarantined(store, output, book, wanted)
        return write_plan(
            watch.listing(_entries(store, output, book, scans)),
            store=store,
            folder_uri=plan_folder(output, run.run_id),
        )

    return perform(
        f"retry {' '.join(wanted)}",
        archives(out, config=config),
        plan,
        out=out,
        stages=stages,
        config=config,
        run_id=run_id,
        local=local,
        progress=progress,
        again=True,
    )


def archives(out: str, *, config: RunConfig) -> tuple[str, ...]:
    """Return the addresses below which the scans of a release lie, to build stages with.

    Raises:
        ConfigError: No run of this release has written to ``out``.
    """
    output = Output.at(out, config.storage)
    book = read_book(output.store(), output, release=release_of(config))
    if not book.runs:
        raise ConfigError(
            f"no run of release {release_of(config)} has written to this output; it has "
            f"{', '.join(sorted(book.releases)) or 'none'}"
        )
    return tuple(sorted({archive for run in book.runs for archive in run.archives}))


def _quarantined(store: Store, output: Output, book: Book, reasons: Sequence[str]) -> pa.Array:
    """Return the ids of scans with a row in quarantine for one of ``reasons``."""
    found = [pa.array([], pa.string())]
    for receipt in book.receipts.values():
        if receipt.reasons.keys().isdisjoint(reasons):
            continue
        path = receipt.files["quarantine"].path
        data = get_bytes(store, output, path)
        if data is None:
            raise ChecksumError(f"{path} has a receipt and is not there")
        rows = decode(data, path, table="quarantine")
        chosen = rows.filter(pc.is_in(rows["reason"], value_set=pa.array(reasons, pa.string())))
        found.append(chosen["scan_id"].combine_chunks())
    return pc.unique(pa.concat_arrays(found))


def _entries(store: Store, output: Output, book: Book, scans: pa.Array) -> Iterator[Entry]:
    """Yield the scans as they were planned last, in the version that is there today."""
    for run in reversed(book.runs):
        stores = [open_store(archive, output.settings) for archive in run.archives]
        for rows in planned_rows(store, output, run.run_id):
            chosen = rows.filter(pc.is_in(rows["scan_id"], value_set=scans))
            for row in chosen.to_pylist():
                yield _today(row, stores)
            scans = pc.filter(
                scans, pc.invert(pc.is_in(scans, value_set=chosen["scan_id"].combine_chunks()))
            )


def _today(row: Mapping[str, Any], stores: Sequence[Store]) -> Entry:
    planned = Entry(row["uri"], row["version"], row["size_bytes"])
    if row["error"] is not None:
        return planned._replace(reason=Reason(row["error"]["reason"]))
    if not planned.version:  # of a manifest that names none: whatever is there is taken
        return planned
    for store in stores:
        with suppress(PageError):  # it lies in another archive
            found = store.head(planned.uri)
            if found is not None:
                return Entry(found.uri, found.version, found.size_bytes)
    return planned

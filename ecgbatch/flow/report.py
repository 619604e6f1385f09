"""What a run was, gathered from its receipts and tables for the page that shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecgbatch.config import RunConfig
from ecgbatch.errors import StorageError
from ecgbatch.flow.book import chosen_release, read_book
from ecgbatch.flow.files import get_bytes
from ecgbatch.flow.finish import totals_of
from ecgbatch.flow.lease import holder
from ecgbatch.flow.output import Output
from ecgbatch.flow.packed import Receipts
from ecgbatch.flow.receipts import Receipt
from ecgbatch.flow.status import chosen_run, state_of
from ecgbatch.report.run_page import CLASSES, Pages, RunFacts, Sample
from ecgbatch.storage import Store

BINS = 25  # of the quality score
_TRIES = 3  # a source that is gone or quarantined has no picture

_COLUMNS = {
    "layout": "Layouts",
    "flags": "Flags",
    "source_format": "Formats",
    "speed_source": "How the speed was known",
    "gain_source": "How the gain was known",
}

Sampler = Callable[[Store, str, int, str], bytes | None]
"""Draws a page by scan id, number and release, as JPEG; None where there is nothing to show."""


def gather(
    out: str,
    *,
    config: RunConfig,
    run_id: str | None = None,
    sampler: Sampler | None = None,
    samples: int = 0,
    restricted: bool = False,
) -> RunFacts:
    """Collect what there is to say about a run, part by part, in bounded memory.

    Args:
        out: Address or path of the output.
        config: Its release is looked at, or the only one that the output has.
        run_id: The run; by default the one that started last.
        sampler: Draws sample pages.
        samples: How many of each class of quality and of each reason.
        restricted: Whether ``sampler`` shows paper as it is.

    Raises:
        ConfigError: There is no such run.
        StorageError: Storage did not answer, or a table went away.
    """
    output = Output.at(out, config.storage)
    store = output.store()
    book = read_book(store, output, release=chosen_release(store, output, config, None))
    run = chosen_run(book, run_id)
    receipts = book.receipts.of_run(run.run_id)
    totals = totals_of(receipts)
    counting = _Counting()
    for receipt in receipts.values():
        counting.add(_rows(store, output, receipt, "pages", list(_PAGE_COLUMNS)))
    told: Mapping[str, Any] = book.summaries.get(run.run_id, {})
    return RunFacts(
        run_id=run.run_id,
        task_kind=run.task.split(" ", 1)[0],
        state=state_of(run, book, holder(store, output)),
        started_at=run.started_at,
        resumed=run.resumed,
        scans_planned=run.scans_listed - run.scans_skipped,
        scans_skipped=run.scans_skipped,
        scans_done=totals.scans,
        published=totals.published,
        quarantined=totals.quarantined,
        signals=totals.signals,
        reasons=totals.reasons,
        stages=totals.stages,
        pages=counting.pages(),
        throughput=[(float(s), int(pages)) for s, pages in told.get("throughput", ())],
        bytes_read=int(told.get("bytes_read", 0)),
        bytes_written=int(told.get("bytes_written", 0)),
        made_by={
            "release": run.release,
            "settings": run.fingerprint,
            "ecgbatch": run.software_version,
            "networks": ", ".join(run.models) or "none",
        },
        samples=[] if sampler is None else _samples(store, output, receipts, sampler, samples),
        restricted=restricted and sampler is not None,
    )


def publish(
    out: str, page: str, *, config: RunConfig, run_id: str, restricted: bool = False
) -> str:
    """Write the page of a run beside its summary, and return its address.

    Args:
        out: Address or path of the output.
        page: The HTML.
        config: How to reach the output.
        run_id: The run.
        restricted: Whether the page shows paper as it is: it then stands below ``restricted/``,
            beside the page that does not and never in its place.

    Raises:
        StorageError: Storage refused.
    """
    output = Output.at(out, config.storage)
    if restricted:
        uri = output.uri("restricted", "reports", f"{run_id}.html")
    else:
        uri = output.uri("runs", run_id, "report.html")
    output.store().write(uri, page.encode())
    return uri


_PAGE_COLUMNS = ("quality_class", "quality_score", *_COLUMNS)


class _Counting:
    """Counts the published pages of a run."""

    def __init__(self) -> None:
        self._quality = {name: np.zeros(BINS, dtype=np.int64) for name in CLASSES}
        self._counted: dict[str, Counter[str]] = {name: Counter() for name in _COLUMNS.values()}

    def add(self, rows: pa.Table) -> None:
        for name in CLASSES:
            scores = rows.filter(pc.equal(rows["quality_class"], name))["quality_score"]
            self._quality[name] += np.histogram(scores.to_numpy(), bins=BINS, range=(0.0, 1.0))[0]
        for column, heading in _COLUMNS.items():
            values = rows[column]
            if pa.types.is_list(values.type):
                values = pc.list_flatten(values)
            for item in pc.value_counts(values.combine_chunks()).to_pylist():
                self._counted[heading][item["values"] or "not known"] += item["counts"]

    def pages(self) -> Pages:
        return Pages(
            quality={name: bins.tolist() for name, bins in self._quality.items()},
            counted=self._counted,
        )


def _rows(
    store: Store, output: Output, receipt: Receipt, table: str, columns: Sequence[str]
) -> pa.Table:
    path = receipt.files[table].path
    data = get_bytes(store, output, path)
    if data is None:
        raise StorageError(f"{path} changed while it was read: try again")
    return pq.read_table(pa.BufferReader(data), columns=list(columns), partitioning=None)


def _samples(
    store: Store, output: Output, receipts: Receipts, sampler: Sampler, each: int
) -> list[Sample]:
    """Draw the first pages of every class and reason; parts are named by hashes, so by chance."""
    tried: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    drawn = []
    for receipt in receipts.values():
        for table, column in (("pages", "quality_class"), ("quarantine", "reason")):
            rows = _rows(store, output, receipt, table, ["scan_id", "page_no", column])
            for row in rows.to_pylist():
                kind = row[column]
                if shown[kind] == each or tried[kind] == _TRIES * each:
                    continue
                tried[kind] += 1
                jpeg = sampler(store, row["scan_id"], max(1, row["page_no"]), receipt.release)
                if jpeg is None:
                    continue
                shown[kind] += 1
                caption = f"{kind}: scan {row['scan_id']}, page {row['page_no']}"
                drawn.append((kind, Sample(caption, jpeg)))
    order = {name: place for place, name in enumerate(CLASSES)}
    drawn.sort(key=lambda item: (order.get(item[0], len(order)), item[0]))
    return [sample for _, sample in drawn]

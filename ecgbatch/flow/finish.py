"""The end of a run: its books are balanced, then closed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch import schema
from ecgbatch.flow.files import put_table
from ecgbatch.flow.output import Output, as_json, table_path
from ecgbatch.flow.packed import Receipts
from ecgbatch.flow.runs import Run
from ecgbatch.flow.summary import RESUMABLE, RunSummary, exit_status_of_pages
from ecgbatch.flow.tally import Tally
from ecgbatch.flow.trend import Trend
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class Totals:
    """The receipts of one run, added up.

    Attributes:
        scans: Scans.
        published: Rows in ``pages``.
        quarantined: Rows in ``quarantine``.
        signals: Rows in ``signals``.
        reasons: Quarantined pages by reason, most frequent first.
        stages: Pages and milliseconds by stage.
    """

    scans: int = 0
    published: int = 0
    quarantined: int = 0
    signals: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def pages_in(self) -> int:
        """Pages that were found; a file that cannot be opened counts as one."""
        return self.published + self.quarantined

    @property
    def busy_seconds(self) -> float:
        """Time that workers were busy."""
        return sum(ms for _, ms in self.stages.values()) / 1000


def totals_of(receipts: Receipts) -> Totals:
    """Add up the receipts of one run."""
    reasons: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    busy_ms: dict[str, float] = defaultdict(float)
    rows: Counter[str] = Counter()
    for receipt in receipts.values():
        rows.update({table: facts.rows for table, facts in receipt.files.items()})
        reasons.update(receipt.reasons)
        for stage, (count, ms) in receipt.stages.items():
            pages[stage] += count
            busy_ms[stage] += ms
    return Totals(
        scans=pc.count_distinct(receipts.scans()["scan_id"]).as_py(),
        published=rows["pages"],
        quarantined=rows["quarantine"],
        signals=rows["signals"],
        reasons=dict(reasons.most_common()),
        stages={stage: (pages[stage], busy_ms[stage]) for stage in pages},
    )


def summarise(
    run: Run,
    totals: Totals,
    *,
    state: str,
    max_quarantined_share: float,
    tally: Tally,
    trend: Trend,
) -> RunSummary:
    """Say what a run is by its receipts; how fast it was by what passed in this start of it."""
    status = exit_status_of_pages(
        totals.reasons, pages_in=totals.pages_in, max_share=max_quarantined_share
    )
    return RunSummary(
        run_id=run.run_id,
        release=run.release,
        fingerprint=run.fingerprint,
        state=state,
        scans_listed=run.scans_listed,
        scans_skipped=run.scans_skipped,
        scans_done=totals.scans,
        pages_in=totals.pages_in,
        pages_published=totals.published,
        pages_quarantined=totals.quarantined,
        signals=totals.signals,
        reasons=totals.reasons,
        stage_ms={stage: ms / count for stage, (count, ms) in totals.stages.items() if count},
        seconds=tally.seconds,
        pages_per_s=tally.all_pages / tally.seconds if tally.seconds > 0 else 0.0,
        bytes_read=tally.bytes_read,
        bytes_written=tally.bytes_written,
        throughput=trend.points(),
        resumed=run.resumed,
        without_gpu=tally.without_gpu,
        exit_status=RESUMABLE if state == "interrupted" else status,
    )


def close(store: Store, output: Output, run: Run, totals: Totals, summary: RunSummary) -> None:
    """Write the row of ``runs``, then the summary, with which the run has ended."""
    row = {
        "run_id": run.run_id,
        "key_id": run.key_id or None,
        "fingerprint": run.fingerprint,
        "settings": run.settings,
        "software_version": run.software_version,
        "models": list(run.models),
        "started_at": datetime.fromisoformat(run.started_at),
        "ended_at": datetime.now(tz=UTC),
        "resumed": run.resumed,
        "scans_listed": run.scans_listed,
        "scans_skipped": run.scans_skipped,
        "pages_in": totals.pages_in,
        "pages_published": totals.published,
        "pages_quarantined": totals.quarantined,
        "signals": totals.signals,
        "reasons": list(totals.reasons.items()),
        "seconds": totals.busy_seconds,
    }
    path = table_path("runs", release=run.release, ingest_date=run.ingest_date, part=run.run_id)
    put_table(store, output, path, pa.Table.from_pylist([row], schema=schema.RUNS))
    store.write(output.uri("runs", run.run_id, "summary.json"), as_json(summary.as_json()))

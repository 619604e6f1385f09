"""Counting pages while they pass, for whoever watches. The receipts keep the books."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from ecgbatch.flow.progress import ProgressEvent, StageProgress


@dataclass(slots=True)
class Tally:
    """Counts of one run; those of several workers add up.

    Attributes:
        scans: Scans whose last page went through every stage.
        published: Pages that became an ECG.
        quarantined: Pages that did not, by reason.
        pages: Pages by stage.
        busy_ms: Milliseconds by stage.
        bytes_read: Bytes of scans that were taken up, as they were listed.
        bytes_written: Bytes of table files that were committed.
        parts: Parts that were committed.
        began_at: Unix time when the first worker was ready; None before that.
        last_at: Unix time when the last page was counted.
        without_gpu: Workers that were given a GPU and found none that torch can use.
    """

    scans: int = 0
    published: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    busy_ms: defaultdict[str, float] = field(default_factory=partial(defaultdict, float))
    bytes_read: int = 0
    bytes_written: int = 0
    parts: int = 0
    began_at: float | None = None
    last_at: float = 0.0
    without_gpu: int = 0

    @property
    def all_pages(self) -> int:
        """Pages that went through every stage."""
        return self.published + self.quarantined.total()

    @property
    def seconds(self) -> float:
        """From the first worker ready to the last page counted; 0 before that."""
        return max(0.0, self.last_at - self.began_at) if self.began_at is not None else 0.0

    def note_gpu(self, gpus: float) -> None:
        """Note where a worker computes that was given a share of a GPU."""
        if gpus > 0:
            from ecgbatch.models.devices import gpu_is_usable  # torch: on workers alone

            self.without_gpu += not gpu_is_usable()

    def begin(self) -> None:
        """Note that a worker is ready."""
        if self.began_at is None:
            self.began_at = self.last_at = time.time()

    def take_up(self, rows: pa.Table) -> None:
        """Count the bytes of scans that are about to be read; ``rows`` are of a plan."""
        self.bytes_read += pc.sum(rows["size_bytes"]).as_py() or 0

    def commit(self, *, size_bytes: int) -> None:
        """Count a part that stands in the tables."""
        self.parts += 1
        self.bytes_written += size_bytes

    def add(self, rows: pa.Table, *, stages: Collection[str], last: bool) -> None:
        """Count rows that came out of ``stages``; ``last`` if these end the list of stages."""
        self.last_at = time.time()
        spent = rows["stage_ms"].combine_chunks().flatten()
        for name, ms in zip(
            spent.field("stage").to_pylist(), spent.field("ms").to_pylist(), strict=True
        ):
            if name in stages:
                self.pages[name] += 1
                self.busy_ms[name] += ms
        if not last:
            return
        page_no = rows["page_no"]
        ends = pc.or_(pc.equal(page_no, 0), pc.equal(page_no, rows["page_count"]))
        self.scans += pc.sum(ends).as_py() or 0
        reasons = pc.struct_field(rows["error"], "reason")
        self.quarantined.update(reasons.drop_null().to_pylist())
        self.published += reasons.null_count

    def merge(self, other: Tally) -> None:
        """Add what another worker counted."""
        self.scans += other.scans
        self.published += other.published
        self.quarantined += other.quarantined
        self.pages += other.pages
        for stage, ms in other.busy_ms.items():
            self.busy_ms[stage] += ms
        self.bytes_read += other.bytes_read
        self.bytes_written += other.bytes_written
        self.parts += other.parts
        self.last_at = max(self.last_at, other.last_at)
        self.without_gpu += other.without_gpu

    def event(self, *, stages: Collection[str], scans_total: int) -> ProgressEvent:
        """Return what to tell now."""
        scans = min(self.scans, scans_total)
        rate = self.all_pages / self.seconds if self.seconds > 0 else 0.0
        return ProgressEvent(
            phase="converting",
            scans_total=scans_total,
            scans_done=scans,
            pages_published=self.published,
            pages_quarantined=self.quarantined.total(),
            pages_per_s=rate,
            eta_s=self.seconds * (scans_total - scans) / scans if scans else None,
            stages=tuple(
                StageProgress(name, self.pages[name], self.busy_ms[name]) for name in stages
            ),
            reasons=dict(self.quarantined.most_common()),
        )

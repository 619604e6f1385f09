"""The metrics of a run: what each is called and what it counts, known without a cluster.

Every label has a closed set of values (outcomes, reasons, stages), so no series can name a page.
Ray puts ``ray_`` before each name, and ``_total`` behind that of a counter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ecgbatch.flow.tally import Tally

PREFIX = "ecgbatch_"


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric.

    Attributes:
        name: As Ray is told.
        kind: ``counter`` or ``gauge``.
        text: What it says.
        labels: Names of its labels.
    """

    name: str
    kind: str
    text: str
    labels: tuple[str, ...] = ()

    @property
    def exported(self) -> str:
        """The name that Prometheus sees."""
        return f"ray_{self.name}{'_total' if self.kind == 'counter' else ''}"


PAGES = Measure(
    PREFIX + "pages",
    "counter",
    "Pages that went through every stage, by outcome (published, quarantined) and reason.",
    ("outcome", "reason"),
)
SCANS = Measure(PREFIX + "scans", "counter", "Files whose last page went through every stage.")
STAGE_PAGES = Measure(
    PREFIX + "stage_pages", "counter", "Pages that a stage has worked on.", ("stage",)
)
STAGE_SECONDS = Measure(
    PREFIX + "stage_seconds", "counter", "Seconds that workers spent in a stage.", ("stage",)
)
BYTES_READ = Measure(
    PREFIX + "bytes_read",
    "counter",
    "Bytes of files that were taken up, as the archive lists them.",
)
BYTES_WRITTEN = Measure(PREFIX + "bytes_written", "counter", "Bytes of committed table files.")
PARTS = Measure(PREFIX + "parts", "counter", "Parts that were committed.")
SCANS_LEFT = Measure(PREFIX + "scans_left", "gauge", "Files of the plan that are not done yet.")
IN_HAND = Measure(PREFIX + "in_hand", "gauge", "Files and pages in workers' hands right now.")
WITHOUT_GPU = Measure(
    PREFIX + "workers_without_gpu", "gauge", "Workers that were given a GPU and found none."
)

MEASURES = (
    *(PAGES, SCANS, STAGE_PAGES, STAGE_SECONDS, BYTES_READ, BYTES_WRITTEN, PARTS),
    *(SCANS_LEFT, IN_HAND, WITHOUT_GPU),
)

Series = dict[tuple[str, tuple[str, ...]], float]
"""From the name of a metric and the values of its labels, in their order, to its value."""


def series_of(tally: Tally) -> Series:
    """Return the counters of a run that has counted so much."""
    found: Series = {
        (PAGES.name, ("published", "")): tally.published,
        (SCANS.name, ()): tally.scans,
        (BYTES_READ.name, ()): tally.bytes_read,
        (BYTES_WRITTEN.name, ()): tally.bytes_written,
        (PARTS.name, ()): tally.parts,
    }
    for reason, count in tally.quarantined.items():
        found[PAGES.name, ("quarantined", reason)] = count
    for stage, count in tally.pages.items():
        found[STAGE_PAGES.name, (stage,)] = count
    for stage, ms in tally.busy_ms.items():
        found[STAGE_SECONDS.name, (stage,)] = ms / 1000
    return found


def grown(before: Mapping[tuple[str, tuple[str, ...]], float], now: Series) -> Series:
    """Return by how much counters have grown, without those that have not."""
    change = {key: value - before.get(key, 0.0) for key, value in now.items()}
    return {key: value for key, value in change.items() if value > 0}

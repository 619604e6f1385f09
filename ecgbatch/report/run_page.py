"""A run on one page of HTML: it opens anywhere, without a network, and loads nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ecgbatch.errors import Reason
from ecgbatch.report import charts
from ecgbatch.report.charts import Bar

CLASSES = ("good", "review", "poor")
_MOST_BARS = 16


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture of one page, and what it is a sample of."""

    caption: str
    jpeg: bytes

    @property
    def jpeg_base64(self) -> str:
        """The picture as it stands in the page."""
        return base64.b64encode(self.jpeg).decode()


@dataclass(frozen=True, slots=True)
class Pages:
    """What the published pages of a run are like, in counts.

    Attributes:
        quality: Pages per bin of the quality score from 0 to 1, by class.
        counted: By heading: pages by value, such as those of each layout.
    """

    quality: Mapping[str, Sequence[int]] = field(default_factory=dict)
    counted: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything that the page of a run says.

    Attributes:
        run_id: The run.
        task_kind: ``convert``, ``retry`` or ``backfill``, without the addresses behind it.
        state: ``done``, ``running`` or ``unfinished``.
        started_at: ISO 8601 in UTC.
        resumed: How often it was taken up again.
        scans_planned: Files that it has to convert.
        scans_skipped: Files that stood before.
        scans_done: Files whose rows stand.
        published: Rows in ``pages``.
        quarantined: Rows in ``quarantine``.
        signals: Rows in ``signals``.
        reasons: Quarantined pages by reason.
        stages: Pages and milliseconds by stage, in their order.
        pages: What the published pages are like.
        throughput: ``(seconds, pages)`` of the last start; empty while none has ended.
        bytes_read: Of that start.
        bytes_written: Of that start.
        made_by: Names and values: release, fingerprint, version, models.
        samples: Pictures.
        restricted: Whether the pictures show paper as it is.
    """

    run_id: str
    task_kind: str
    state: str
    started_at: str
    resumed: int = 0
    scans_planned: int = 0
    scans_skipped: int = 0
    scans_done: int = 0
    published: int = 0
    quarantined: int = 0
    signals: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    pages: Pages = Pages()
    throughput: Sequence[tuple[float, int]] = ()
    bytes_read: int = 0
    bytes_written: int = 0
    made_by: Mapping[str, str] = field(default_factory=dict)
    samples: Sequence[Sample] = ()
    restricted: bool = False

    @property
    def pages_in(self) -> int:
        """Pages that went in: rows of both tables."""
        return self.published + self.quarantined

    @property
    def balanced(self) -> bool:
        """Whether the rows of the tables are those that the receipts count."""
        classified = sum(map(sum, self.pages.quality.values()))
        return classified == self.published and sum(self.reasons.values()) == self.quarantined


def html(run: RunFacts) -> str:
    """Return the page."""
    environment = Environment(
        loader=PackageLoader("ecgbatch.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("run.html").render(
        run=run,
        state=run.state,
        restricted=run.restricted,
        balanced=run.balanced,
        counts={
            "pages_in": run.pages_in,
            "published": run.published,
            "quarantined": run.quarantined,
            "scans": run.scans_done,
            "planned": run.scans_planned,
            "skipped": run.scans_skipped,
            "signals": run.signals,
        },
        balance=_balance(run),
        classes=_classes(run.pages),
        quality=_quality(run.pages),
        reasons=_reasons(run),
        stages=_stages(run.stages),
        slowest=slowest(run.stages),
        throughput=_throughput(run.throughput),
        speed=_speed(run),
        charts=[
            (heading, charts.bars(_most(counts, of=run.published), title=heading))
            for heading, counts in run.pages.counted.items()
            if counts
        ],
        facts=list(run.made_by.items()),
        samples=run.samples,
    )


def slowest(stages: Mapping[str, tuple[int, float]]) -> str:
    """Return the stage that took most of all workers' time; empty without any."""
    return max(stages, key=lambda stage: stages[stage][1], default="")


def _balance(run: RunFacts) -> Markup:
    parts = [
        Bar("published", run.published, f"{run.published:,}", "good"),
        Bar("quarantined", run.quarantined, f"{run.quarantined:,}", "poor"),
    ]
    return charts.share(parts, title="published and quarantined pages")


def _classes(pages: Pages) -> Markup:
    sums = {name: sum(pages.quality.get(name, ())) for name in CLASSES}
    whole = sum(sums.values()) or 1
    rows = [Bar(name, n, f"{n:,} · {n / whole:.1%}", name) for name, n in sums.items()]
    return charts.bars(rows, title="pages by class of quality")


def _quality(pages: Pages) -> Markup | None:
    if not any(map(sum, pages.quality.values())):
        return None
    return charts.stacked(pages.quality, upto=1.0, title="pages by quality score")


def _reasons(run: RunFacts) -> Markup | None:
    if not run.reasons:
        return None
    rows = []
    for name, count in sorted(run.reasons.items(), key=lambda item: -item[1]):
        again = " again" if name in set(Reason) and Reason(name).retriable else ""
        rows.append(Bar(name, count, f"{count:,} · {count / run.pages_in:.1%}{again}", "poor"))
    return charts.bars(rows, title="quarantined pages by reason")


def _stages(stages: Mapping[str, tuple[int, float]]) -> Markup | None:
    if not stages:
        return None
    whole = sum(ms for _, ms in stages.values()) or 1.0
    rows = [
        Bar(
            name,
            ms / max(1, pages),
            f"{ms / max(1, pages):.0f} ms · {ms / whole:.0%}",
            "slow" if name == slowest(stages) else "bar",
        )
        for name, (pages, ms) in stages.items()
    ]
    return charts.bars(rows, title="milliseconds per page of each stage")


def _throughput(points: Sequence[tuple[float, int]]) -> Markup | None:
    rates = [
        (later, (more - pages) / (later - earlier))
        for (earlier, pages), (later, more) in pairwise(points)
        if later > earlier
    ]
    if not rates:
        return None
    return charts.line(rates, x_unit="s", y_unit="pages/s", title="pages per second over time")


def _speed(run: RunFacts) -> str:
    if not run.throughput:
        return ""
    seconds, pages = run.throughput[-1]
    rate = f"{pages / seconds:.3g} pages/s" if seconds else "no time at all"
    return (
        f"Last start: {pages:,} pages in {seconds:,.0f} s ({rate}); "
        f"{run.bytes_read / 1e6:,.1f} MB of scans read, {run.bytes_written / 1e6:,.1f} MB written."
    )


def _most(counts: Mapping[str, int], *, of: int) -> list[Bar]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(count for _, count in ordered[_MOST_BARS:])
    shown = ordered[:_MOST_BARS] + ([("others", rest)] if rest else [])
    return [Bar(name, count, f"{count:,} · {count / max(1, of):.1%}") for name, count in shown]

"""What a run will take, from what it has to read and what earlier runs have shown."""

from __future__ import annotations

from dataclasses import dataclass

from ecgbatch.config import StorageSettings
from ecgbatch.flow.output import Output, read_json
from ecgbatch.flow.plan import Plan
from ecgbatch.storage import Store

RUNS_ASKED = 20
"""So many of the newest runs say how fast pages pass: machines and archives change."""

_LEAST_S = 5.0  # a shorter run was spent on starting


@dataclass(frozen=True, slots=True)
class Pace:
    """What runs over an output have shown.

    Attributes:
        pages_per_s: Of all their pages together; None where no run lasted long enough.
        pages_per_scan: Pages in a file; 1 where no run has ended.
        given: Whether the rate was given by the caller instead.
    """

    pages_per_s: float | None = None
    pages_per_scan: float = 1.0
    given: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will take.

    Attributes:
        scans: Files to be read.
        pages: Pages in them, by the mean of earlier runs.
        size_bytes: Their length, as far as it is known.
        hours: None while nobody knows how fast pages pass.
        bytes_per_s: What the archive will have to deliver meanwhile; None as for ``hours``.
        limited_by: ``pages``, or the throttle that takes longer: ``requests`` or ``bytes``.
        cost: Of the machines, in the currency of their price; None without price or time.
        pace: What this rests on.
    """

    scans: int
    pages: float
    size_bytes: int
    hours: float | None
    bytes_per_s: float | None
    limited_by: str
    cost: float | None
    pace: Pace


def estimate_of(
    plan: Plan, pace: Pace, storage: StorageSettings, *, price_per_hour: float | None = None
) -> Estimate:
    """Say what a plan will take.

    Args:
        plan: What is to be read.
        pace: What earlier runs have shown.
        storage: Its limits on the archive count.
        price_per_hour: Of all machines together.
    """
    pages = plan.scans_planned * pace.pages_per_scan
    seconds = {
        "pages": None if pace.pages_per_s is None else pages / pace.pages_per_s,
        "requests": _over(plan.scans_planned, storage.archive_requests_per_s),
        "bytes": _over(plan.size_bytes, storage.archive_bytes_per_s),
    }
    known = {name: value for name, value in seconds.items() if value is not None}
    limited_by = max(known, key=lambda name: known[name], default="pages")
    longest_s = known.get(limited_by) if seconds["pages"] is not None else None
    hours = None if longest_s is None else longest_s / 3600
    return Estimate(
        scans=plan.scans_planned,
        pages=pages,
        size_bytes=plan.size_bytes,
        hours=hours,
        bytes_per_s=plan.size_bytes / longest_s if longest_s else None,
        limited_by=limited_by,
        cost=None if hours is None or price_per_hour is None else hours * price_per_hour,
        pace=pace,
    )


def shown_by_runs(store: Store, output: Output) -> Pace:
    """Read how fast the newest runs over an output were, whatever release they made.

    Raises:
        StorageError: Storage did not answer.
    """
    ends = sorted(
        (listed for listed in store.list(output.uri("runs")) if _is_summary(listed.uri)),
        key=lambda listed: listed.modified_s,
    )
    pages = seconds = 0.0
    found = scans = 0
    for listed in ends[-RUNS_ASKED:]:
        value = read_json(store, output, *output.relative(listed.uri).split("/"))
        if value is None:
            continue
        found += value["pages_in"]
        scans += value["scans_done"]
        if value["seconds"] >= _LEAST_S:
            pages += value["seconds"] * value["pages_per_s"]
            seconds += value["seconds"]
    return Pace(
        pages_per_s=pages / seconds if pages else None,
        pages_per_scan=found / scans if scans else 1.0,
    )


def _is_summary(uri: str) -> bool:
    return uri.endswith("/summary.json")


def _over(amount: float, rate: float | None) -> float | None:
    return None if rate is None else amount / rate

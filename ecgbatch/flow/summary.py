"""What a run was: counts that balance, and the exit status that follows from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ecgbatch.errors import (
    CapacityError,
    ClusterError,
    ConfigError,
    LeaseError,
    QuarantineError,
    Reason,
    StorageError,
)

DONE = 0
DEFECTS = 1
USAGE = 2
TOO_MANY_QUARANTINED = 3
RESUMABLE = 75  # EX_TEMPFAIL of sysexits.h: the same command later may succeed


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One execution of ``convert`` or ``retry``, as it is printed and kept in ``summary.json``.

    ``pages_in = pages_published + pages_quarantined``, always. Counts are those of the whole run,
    earlier starts of it included; speed, bytes and throughput are those of this start.

    Attributes:
        run_id: The run.
        release: Partition of the tables that it wrote to.
        fingerprint: Hash of every setting that can change a row.
        state: ``done``, ``interrupted``, or ``nothing_to_do`` when every scan stood already.
        scans_listed: Files in the listing.
        scans_skipped: Files that an earlier run of the release holds.
        scans_done: Files that this run converted.
        pages_in: Pages found in them; a file that cannot be opened counts as one.
        pages_published: Rows written to ``pages``.
        pages_quarantined: Rows written to ``quarantine``.
        signals: Rows written to ``signals``.
        reasons: Quarantined pages by reason, most frequent first.
        stage_ms: Mean time per page of each stage, in the order of the stages.
        seconds: From the first page to the last, start-up left out.
        pages_per_s: Pages of this start in that time; 0 without any.
        bytes_read: Bytes of the files of this start, as the archive lists them.
        bytes_written: Bytes of table files that it committed.
        throughput: Pages done after so many seconds, at most some hundred points of this start.
        resumed: How often the run was taken up again.
        without_gpu: Workers of this start that were given a GPU, found none that torch can use, and
            computed on CPUs.
        exit_status: 0, 1, 3 or 75, as named above.
    """

    run_id: str
    release: str
    fingerprint: str
    state: str
    scans_listed: int = 0
    scans_skipped: int = 0
    scans_done: int = 0
    pages_in: int = 0
    pages_published: int = 0
    pages_quarantined: int = 0
    signals: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    pages_per_s: float = 0.0
    bytes_read: int = 0
    bytes_written: int = 0
    throughput: tuple[tuple[float, int], ...] = ()
    resumed: int = 0
    without_gpu: int = 0
    exit_status: int = DONE

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, strings and numbers."""
        return {**asdict(self), "throughput": [list(point) for point in self.throughput]}


def exit_status_of_pages(reasons: Mapping[str, int], *, pages_in: int, max_share: float) -> int:
    """Say how a finished run ends: quarantine is normal, defects and too much of it are not."""
    if reasons.get(Reason.DEFECT, 0):
        return DEFECTS
    if pages_in and sum(reasons.values()) / pages_in > max_share:
        return TOO_MANY_QUARANTINED
    return DONE


def exit_status_of(error: Exception) -> int:
    """Say how a run ends that could not finish.

    What the surroundings may mend by themselves is resumable; the rest needs a person first.
    """
    if isinstance(error, (ConfigError, CapacityError)):
        return USAGE
    if isinstance(error, (StorageError, LeaseError, ClusterError)):
        return RESUMABLE
    if isinstance(error, QuarantineError):
        return TOO_MANY_QUARANTINED
    return DEFECTS

"""The proof: every planned page stands exactly once, and every file is whole."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: ``missing_scan``, ``missing_pages``, ``duplicate_page``, ``missing_file``,
            ``damaged_file``, ``wrong_rows``, ``orphan_file`` or ``unfinished_run``.
        name: A path relative to the output, a scan id, or a run id; never a key of the archive.
        count: How many rows or pages are concerned.
    """

    kind: str
    name: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What ``verify`` looked at, and what it found.

    Attributes:
        release: The partition that was checked.
        runs: Runs of the release.
        files: Table files that were read whole.
        scans_planned: Scans of their plans, each counted once.
        scans_whole: Those whose pages are all there, exactly once.
        pages_published: Rows in ``pages``.
        pages_quarantined: Rows in ``quarantine``.
        findings: What is wrong, at most ``MAX_FINDINGS`` of each kind by name.
        exit_status: 0 without findings, 1 with any.
    """

    release: str
    runs: int
    files: int
    scans_planned: int
    scans_whole: int
    pages_published: int
    pages_quarantined: int
    findings: tuple[Finding, ...]

    @property
    def exit_status(self) -> int:
        """0 where everything is whole, 1 otherwise."""
        return 1 if self.findings else 0

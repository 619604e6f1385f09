"""What the commands print: plain aligned lines, the same in a terminal, a file and a job log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from ecgbatch.cli.progress import duration
from ecgbatch.errors import EcgbatchError, Reason
from ecgbatch.flow import summary as ends
from ecgbatch.flow.summary import RunSummary
from ecgbatch.report.text import printable

if TYPE_CHECKING:  # they bring storage and its clients, for which `--help` need not wait
    from ecgbatch.flow.foresee import Estimate
    from ecgbatch.flow.plan import Plan
    from ecgbatch.flow.status import RunStatus
    from ecgbatch.flow.synthesize import SynthSummary
    from ecgbatch.flow.verify import VerifyReport

_NAME_WIDTH = 14


def complain(error: EcgbatchError) -> None:
    """Print an error as one line that says what to do."""
    typer.secho(f"ecgbatch: {printable(str(error))}", err=True, fg=typer.colors.RED)


def say(lines: Iterable[str]) -> None:
    """Print lines on standard output; nothing in them moves a cursor."""
    for line in lines:
        typer.echo(printable(line))


def summary_lines(summary: RunSummary, *, out: str) -> list[str]:
    """Describe a run: counts that balance, reasons, speed, and what to do next."""
    lines = [_headline(summary), ""]
    files = f"{summary.scans_listed:,} listed, {summary.scans_skipped:,} already there"
    lines += _fact("files", f"{files}, {summary.scans_done:,} converted")
    lines += _fact(
        "pages",
        f"{summary.pages_in:,} in = {summary.pages_published:,} published "
        f"+ {summary.pages_quarantined:,} quarantined",
    )
    if summary.pages_per_s:
        lines += _fact("speed", f"{summary.pages_per_s:.3g} pages/s")
    if summary.without_gpu:
        lines += _fact(
            "GPU", f"{summary.without_gpu} workers found none: their networks ran on CPUs"
        )
    if summary.stage_ms:
        stages = "   ".join(f"{name} {ms:.0f}" for name, ms in summary.stage_ms.items())
        lines += _fact("ms per page", stages)
    if summary.reasons:
        lines += ["", *reason_lines(summary.reasons)]
    lines += ["", *_fact("tables", f"{out}/tables", f"release {summary.release}")]
    return [*lines, "", *_next_steps(summary, out=out)]


def reason_lines(reasons: Mapping[str, int]) -> list[str]:
    """List quarantined pages by reason, most frequent first."""
    rows = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    width = max(len(name) for name, _ in rows)
    return _fact("quarantined", *(f"{name:<{width}}  {count:>9,}" for name, count in rows))


def plan_lines(plan: Plan, *, pages_per_s: float | None) -> list[str]:
    """Describe what a conversion would read."""
    files = f"{plan.scans_listed:,} listed, {plan.scans_skipped:,} already there"
    lines = _fact("files", f"{files}, {plan.scans_planned:,} to read")
    lines += _fact("size", f"{plan.size_bytes / 1e9:,.3f} GB to read")
    left_out = {
        "named twice": plan.duplicates,
        "folder markers": plan.markers,
        "refused rows of the list": plan.scans_refused,
    }
    for name, count in left_out.items():
        if count:
            lines += _fact("besides", f"{count:,} {name}")
    kinds = sorted(plan.extensions.items(), key=lambda item: (-item[1], item[0]))
    if kinds:
        lines += _fact("endings", *(f"{name:<8}{count:>12,}" for name, count in kinds))
    if pages_per_s:
        time = duration(plan.scans_planned / pages_per_s)
        lines += _fact("time", f"{time} at {pages_per_s:g} pages/s, one page per file")
    return lines


def estimate_lines(known: Estimate) -> list[str]:
    """Describe what a run will take, and what that rests on."""
    lines = _fact("to read", f"{known.scans:,} files, {known.size_bytes / 1e9:,.3f} GB")
    lines += _fact("pages", f"{known.pages:,.0f}, at {known.pace.pages_per_scan:.3g} per file")
    if known.hours is None:
        return [*lines, *_fact("time", "unknown before the first run: give --pages-per-s")]
    by = "as given" if known.pace.given else "as earlier runs had"
    rate = f"{known.pace.pages_per_s:.3g} pages/s, {by}"
    if known.limited_by != "pages":
        rate = f"the limit on {known.limited_by} of the archive"
    lines += _fact("time", f"{duration(known.hours * 3600)} by {rate}")
    if known.bytes_per_s:
        lines += _fact("load", f"{known.bytes_per_s / 1e6:,.3g} MB/s from the archive, on average")
    if known.cost is not None:
        lines += _fact("cost", f"{known.cost:,.2f} at the price given")
    return lines


def status_lines(status: RunStatus) -> list[str]:
    """Describe where a run stands."""
    planned = max(1, status.scans_planned)
    share = f"{status.scans_committed / planned:.1%}" if status.scans_planned else "no scans"
    lines = [f"run {status.run_id}  {status.state}  since {status.started_at}", ""]
    if status.heartbeat_age_s is not None:
        lines += _fact("heartbeat", f"{status.heartbeat_age_s:.0f} s ago")
    lines += _fact("release", f"{status.release}  (settings {status.fingerprint})")
    lines += _fact(
        "files",
        f"{status.scans_committed:,} of {status.scans_planned:,} committed ({share}) "
        f"in {status.parts:,} parts",
    )
    pages = f"{status.pages_published:,} published, {status.pages_quarantined:,} quarantined"
    lines += _fact("pages", pages)
    if status.reasons:
        lines += reason_lines(status.reasons)
    if status.state == "unfinished":
        lines += ["", "run the same convert command again: it goes on where it stopped"]
    return lines


def verify_lines(report: VerifyReport) -> list[str]:
    """Describe a check; every finding is a line."""
    whole = f"{report.scans_whole:,} of {report.scans_planned:,} have every page exactly once"
    pages = f"{report.pages_published:,} published, {report.pages_quarantined:,} quarantined"
    lines = [f"release {report.release}: {'NOT whole' if report.findings else 'whole'}", ""]
    lines += _fact("files", f"{report.files:,} read whole (runs: {report.runs:,})")
    lines += _fact("scans", whole)
    lines += _fact("pages", pages)
    if report.scans_deleted:
        lines += _fact("deleted", f"{report.scans_deleted:,} scans on request")
    if report.findings:
        found = [f"{item.kind:<16}  {item.name}  ({item.count:,})" for item in report.findings]
        lines += ["", *_fact("findings", *found)]
    return lines


def synth_lines(summary: SynthSummary, *, out: str) -> list[str]:
    """Describe a data set: what it holds, speed, and what to do next."""
    words = {
        "done": f"done in {summary.seconds:.1f} s",
        "interrupted": "stopped",
        "nothing_to_do": "nothing to do: all of it stands",
    }
    archive = summary.kind == "archive"
    lines = [f"{summary.kind}  {words[summary.state]}", ""]
    asked = f"{summary.units_done:,} of {summary.units:,} {'files' if archive else 'pages'}"
    lines += _fact("made", f"{asked} ({summary.pages:,} pages printed)" if archive else asked)
    width = max(map(len, summary.items), default=0)
    lines += _fact(
        "formats" if archive else "splits",
        *(f"{name:<{width}}  {number:>9,}" for name, number in summary.items.items()),
    )
    lines += _fact("size", f"{summary.files:,} files, {summary.size_bytes / 1e6:,.1f} MB")
    if summary.pages_per_s:
        lines += _fact("speed", f"{summary.pages_per_s:.3g} pages/s")
    if summary.exit_status == ends.RESUMABLE:
        steps = ["run the same command again: it goes on where it stopped"]
    elif archive:
        steps = [f"ecgbatch convert {out}/archive {out}-tables"]
    else:
        steps = [f"read_parquet('{out}/index/*.parquet')    what each picture shows, in DuckDB"]
    return [*lines, "", *_fact("next", *steps)]


def _headline(summary: RunSummary) -> str:
    words = {
        "done": f"done in {summary.seconds:.1f} s",
        "interrupted": "stopped",
        "nothing_to_do": "nothing to do: every file of the listing stands in the tables",
    }
    again = f", taken up {summary.resumed} times" if summary.resumed > 1 else ""
    return f"run {summary.run_id}  {words.get(summary.state, summary.state)}{again}"


def _next_steps(summary: RunSummary, *, out: str) -> list[str]:
    if summary.exit_status == ends.RESUMABLE:
        return _fact("next", "run the same command again: it goes on where it stopped")
    steps = [f"ecgbatch show {out} SCAN_ID -o page.png    one page with what was read from it"]
    again = [reason for reason in summary.reasons if _retriable(reason)]
    if again:
        steps.append(f"ecgbatch retry {out} {' '.join(again)}    pages that may succeed now")
    steps.append(f"ecgbatch views {out}    SQL for the tables")
    lines = _fact("next", *steps)
    if summary.exit_status == ends.DEFECTS:
        lines += ["", "exit status 1: pages met a defect of ecgbatch; quarantine.where says where"]
    if summary.exit_status == ends.TOO_MANY_QUARANTINED:
        lines += ["", "exit status 3: more pages are quarantined than max_quarantined_share allows"]
    return lines


def _retriable(reason: str) -> bool:
    return reason in set(Reason) and Reason(reason).retriable


def _fact(name: str, *values: str) -> list[str]:
    """Give ``name`` and its first value on a line, further values below the first."""
    names: Sequence[str] = (name, *[""] * (len(values) - 1))
    return [f"{left:<{_NAME_WIDTH}}{value}" for left, value in zip(names, values, strict=True)]

"""``convert``, ``plan`` and ``retry``: what changes an output, or would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from ecgbatch.cli.application import (
    ConfigFile,
    Local,
    NewRelease,
    Out,
    RunId,
    Workers,
    app,
    settings,
)
from ecgbatch.cli.printing import plan_lines, say, summary_lines
from ecgbatch.cli.progress import watching
from ecgbatch.errors import Reason
from ecgbatch.flow.summary import RESUMABLE, RunSummary
from ecgbatch.report.text import printable

Source: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="IN", help="Folder, s3://bucket/prefix, or a .csv or .parquet list with `uri`."
    ),
]
Summary: TypeAlias = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Also write the summary as JSON.")
]


@app.command()
def convert(
    source: Source,
    out: Out,
    *,
    config: ConfigFile = None,
    release: NewRelease = None,
    workers: Workers = None,
    run_id: RunId = None,
    without_digitizing: Annotated[
        bool,
        typer.Option(
            "--without-digitizing",
            help="Say what scanned pages show, from their pixels alone; they have no signals.",
        ),
    ] = False,
    local: Local = False,
    summary_file: Summary = None,
) -> None:
    """Convert an archive: read every page of IN and publish tables below OUT.

    The same command again goes on where it stopped, and does nothing where all is done. With
    RAY_ADDRESS set it runs on that cluster, otherwise on the CPUs of this machine.
    """
    from ecgbatch.flow.run import convert as run
    from jobs.convert import stages

    chosen = settings(config, release=release, workers=workers, digitizing=not without_digitizing)
    with resumable(), watching() as progress:
        summary = run(
            source,
            out,
            stages=stages(chosen, source),
            config=chosen,
            run_id=run_id,
            local=local,
            progress=progress,
        )
    _finish(summary, out=out, file=summary_file)


@app.command()
def plan(
    source: Source,
    out: Annotated[
        str | None,
        typer.Argument(metavar="[OUT]", help="Leave out what stands below this output."),
    ] = None,
    *,
    config: ConfigFile = None,
    release: NewRelease = None,
    pages_per_s: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="RATE", help="Your rate on a sample, to estimate time."),
    ] = None,
) -> None:
    """Count what a conversion would read, without reading it: files, bytes, formats, time."""
    from ecgbatch.flow.preview import preview

    counted = preview(source, out, config=settings(config, release=release))
    say(plan_lines(counted, pages_per_s=pages_per_s))


@app.command()
def retry(
    out: Out,
    reasons: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REASON]...", help="Reasons to try again, such as `timeout`."),
    ] = None,
    *,
    config: ConfigFile = None,
    release: NewRelease = None,
    workers: Workers = None,
    local: Local = False,
    summary_file: Summary = None,
) -> None:
    """Try quarantined pages again; without REASON those that may succeed another time."""
    from ecgbatch.flow.retry import archives
    from ecgbatch.flow.retry import retry as run
    from jobs.convert import stages

    wanted = _reasons(reasons)
    chosen = settings(config, release=release, workers=workers)
    with resumable(), watching() as progress:
        summary = run(
            out,
            stages=stages(chosen, *archives(out, config=chosen)),
            reasons=wanted,
            config=chosen,
            local=local,
            progress=progress,
        )
    _finish(summary, out=out, file=summary_file)


@contextmanager
def resumable() -> Iterator[None]:
    """Turn Ctrl-C into the sentence that says how to go on, and its exit status."""
    try:
        yield
    except KeyboardInterrupt:
        say(["stopped; what was committed stays", "run the same command again: it goes on"])
        raise typer.Exit(RESUMABLE) from None


def _reasons(names: list[str] | None) -> list[Reason]:
    if not names:
        return [reason for reason in Reason if reason.retriable]
    known = {reason.value for reason in Reason}
    for name in names:
        if name not in known:
            raise typer.BadParameter(
                f"{printable(name)!r} is no reason; they are: {', '.join(sorted(known))}"
            )
    return [Reason(name) for name in names]


def _finish(summary: RunSummary, *, out: str, file: Path | None) -> None:
    say(summary_lines(summary, out=out))
    if file is not None:
        file.write_text(json.dumps(summary.as_json(), indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(summary.exit_status)

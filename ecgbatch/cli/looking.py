"""``status``, ``verify``, ``report``, ``show`` and ``views``: what only looks at an output."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ecgbatch.cli.application import ConfigFile, Out, Release, RunId, app, settings
from ecgbatch.cli.printing import say, status_lines, verify_lines


@app.command()
def status(out: Out, *, config: ConfigFile = None, run_id: RunId = None) -> None:
    """Say where a run stands, from what it has committed; the newest run by default."""
    from ecgbatch.flow.status import status as state_of

    say(status_lines(state_of(out, config=settings(config), run_id=run_id)))


@app.command()
def verify(out: Out, *, config: ConfigFile = None, release: Release = None) -> None:
    """Prove that every planned page stands exactly once and that every file is whole."""
    from ecgbatch.flow.verify import verify as check

    report = check(out, config=settings(config), release=release)
    say(verify_lines(report))
    raise typer.Exit(report.exit_status)


@app.command()
def report(
    out: Out,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Name of the run; default: the newest.")
    ] = None,
    *,
    page: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="HTML", help="A file; default: beside the run."),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=0, metavar="N", help="Pictures of each class and each reason.")
    ] = 2,
    paper: Annotated[
        bool,
        typer.Option("--paper", help="Show their paper with its text: it can name a patient."),
    ] = False,
    config: ConfigFile = None,
    release: Release = None,
) -> None:
    """Show a run on one page of HTML: counts, reasons, quality, speed, and where the time went.

    The page loads nothing and opens without a network. Its pictures show of the paper what `show`
    does. With `--paper` they are whole, those of quarantined pages of every reason with them; that
    page stands apart, below OUT/restricted.
    """
    from ecgbatch.flow.report import gather, publish
    from ecgbatch.report.run_page import html
    from ecgbatch.report.sample import sample_jpeg

    chosen = settings(config, release=release)
    facts = gather(
        out,
        config=chosen,
        run_id=run_id,
        sampler=partial(sample_jpeg, settings=chosen.read, whole_paper=paper) if samples else None,
        samples=samples,
        restricted=paper,
    )
    text = html(facts)
    if page is None:
        beside = publish(out, text, config=chosen, run_id=facts.run_id, restricted=facts.restricted)
        say([f"run {facts.run_id}: {beside}"])
        return
    page.write_text(text, encoding="utf-8")
    say([f"run {facts.run_id}: {page}"])


@app.command()
def show(
    out: Out,
    scan: Annotated[
        str, typer.Argument(metavar="SCAN", help="A scan_id of the tables, or the file itself.")
    ],
    *,
    page: Annotated[int, typer.Option(min=1, metavar="N", help="Page within the file.")] = 1,
    picture: Annotated[
        Path, typer.Option("--output", "-o", metavar="PNG", help="Where the picture goes.")
    ] = Path("page.png"),
    paper: Annotated[
        bool,
        typer.Option("--paper", help="Show the paper with its text: it can name a patient."),
    ] = False,
    config: ConfigFile = None,
    release: Release = None,
) -> None:
    """Draw one page with what was read over it, and its leads beside it.

    Of the paper it shows the ink of traces, pulses and lead names and nothing else, so it can be
    passed on; `--paper` shows everything. A quarantined page is drawn with its reason.
    """
    from ecgbatch.report.page import draw_page
    from ecgbatch.report.source import source_pixels
    from ecgbatch.storage import open_store

    chosen = settings(config)
    drawn = draw_page(
        open_store(out, chosen.storage),
        scan,
        page_no=page,
        decode=partial(source_pixels, settings=chosen.read),
        release=release,
        whole_paper=paper,
    )
    picture.write_bytes(drawn.png)
    note = f", without the paper: {drawn.without_paper}" if drawn.without_paper else ""
    say([f"{drawn.verdict}{note}: {picture}"])
    if drawn.without_paper == "quarantined":
        say(["--paper shows it; the picture can then name a patient"])


@app.command()
def views(
    out: Out,
    *,
    release: Release = None,
    reader: Annotated[
        str, typer.Option(metavar="NAME", help="`duckdb` (SQL) or `pyarrow` (Python).")
    ] = "duckdb",
) -> None:
    """Print what reads the tables: SQL for DuckDB, or Python for pyarrow."""
    from ecgbatch.report import views as report

    say(report.lines(out, reader=reader, release=release))


@app.command()
def query(
    out: Out,
    question: Annotated[str, typer.Argument(metavar="SQL", help="For DuckDB, over the tables.")],
    *,
    release: Release = None,
) -> None:
    """Answer one SQL question: SELECT layout, count(*) FROM pages GROUP BY layout."""
    from ecgbatch.report import views as report

    say(report.ask(out, question, release=release))

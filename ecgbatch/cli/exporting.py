"""``export`` and ``evaluate``: signals for other tools, and how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgbatch.cli.application import ConfigFile, Out, Release, app, settings
from ecgbatch.cli.printing import say


@app.command()
def export(
    out: Out,
    dest: Annotated[str, typer.Argument(metavar="DEST", help="Folder or s3:// address to fill.")],
    *,
    form: Annotated[
        str, typer.Option("--format", metavar="NAME", help="`wfdb`, `csv` or `npz`.")
    ] = "wfdb",
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="Condition on columns of pages: quality_class = 'good'."),
    ] = None,
    config: ConfigFile = None,
    release: Release = None,
) -> None:
    """Write the signals of a release as one record per page, missing samples as missing."""
    from ecgbatch.export import write
    from ecgbatch.storage import open_store

    if form not in write.FORMATS:
        raise typer.BadParameter(f"--format is one of: {', '.join(write.FORMATS)}")
    storage = settings(config).storage
    summary = write.export(
        open_store(out, storage),
        open_store(dest, storage),
        form=form,
        release=release,
        where=where,
    )
    records = f"{summary.records:,} records of {summary.pages:,} pages"
    say([f"{records} in {summary.files:,} files, {summary.size_bytes / 1e6:,.1f} MB"])


@app.command()
def evaluate(
    pages: Annotated[str, typer.Argument(metavar="PAGES", help="Folder or s3:// address.")],
    *,
    truth: Annotated[
        Path, typer.Option(metavar="RECORDS", help="Folder with WFDB records of what they show.")
    ],
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Columns page,record; default: pairs of equal names."),
    ] = None,
    config: ConfigFile = None,
    results_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Also write every lead as JSON.")
    ] = None,
) -> None:
    """Measure a conversion against recorded signals: Pearson r, RMSE, SNR, gain per folder."""
    from ecgbatch.evaluation.pages import summarize
    from ecgbatch.evaluation.text import as_json, table_lines
    from ecgbatch.flow.evaluate import evaluate as measure
    from jobs.convert import stages

    chosen = settings(config)
    results = measure(pages, truth, stages=stages(chosen, pages), config=chosen, pairs=pairs)
    summaries = summarize(results)
    say(table_lines(summaries))
    if results_file is not None:
        results_file.write_text(as_json(summaries, results) + "\n", encoding="utf-8")

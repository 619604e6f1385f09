"""``export`` and ``evaluate``: signals for other tools, and how good they are."""

from __future__ import annotations

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

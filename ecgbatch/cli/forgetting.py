"""``delete``, ``ids`` and ``rekey``: scans that are to be forgotten, and ids of another key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecgbatch.cli.application import ConfigFile, Out, app, settings
from ecgbatch.cli.printing import say
from ecgbatch.errors import ConfigError


@app.command()
def delete(
    out: Out,
    *,
    scan_id: Annotated[
        list[str] | None, typer.Option("--scan-id", metavar="ID", help="Of the tables; repeatable.")
    ] = None,
    ids: Annotated[
        Path | None, typer.Option("--ids", metavar="FILE", help="One id per line.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Delete scans on request: their rows in every release, names, receipts and pictures.

    They are never converted again. Nothing of the archive is touched. The end is a proof: every
    file of OUT is read, and what still holds one of the ids is named.
    """
    from ecgbatch.flow.delete import delete as forget

    wanted = [*(scan_id or []), *_lines(ids)]
    done = forget(out, wanted, config=settings(config))
    scans = f"{done.scans:,} scans, {done.rows:,} pages of {done.releases:,} releases"
    say([f"deleted       {scans}", *(f"still holds   {path}" for path in done.left)])
    if not done.left:
        say(["proved        no file of this output holds one of these ids any more"])
    raise typer.Exit(done.exit_status)


@app.command(name="ids")
def translate(out: Out, *, config: ConfigFile = None) -> None:
    """Print each scan's id of the old key and of the present one, as CSV.

    The keys are ECGBATCH_ID_KEY_OLD and ECGBATCH_ID_KEY, or files that these name with _FILE
    behind them. It reads names of files from the plans, and prints none.
    """
    from ecgbatch.flow.ids import translated

    say(["old_scan_id,scan_id"])
    for old, new in translated(out, config=settings(config)):
        say([f"{old},{new}"])


@app.command()
def rekey(
    out: Out,
    *,
    into: Annotated[
        str, typer.Option("--into", metavar="RELEASE", help="Name of the release to write.")
    ],
    release: Annotated[
        str | None, typer.Option("--release", help="Whose rows are taken; else the only one.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Change the key: write a release again with ids of ECGBATCH_ID_KEY, from its own tables.

    No file of the archive is read. The old release stands until you delete it, marked as
    superseded. The end is a proof: every file of the new release is read and counted.
    """
    from ecgbatch.flow.rekey import rekey as derive
    from ecgbatch.flow.verify import verify

    chosen = settings(config)
    done = derive(out, into, config=chosen, release=release)
    report = verify(out, config=chosen, release=into)
    say(
        [
            f"rekeyed       {done.scans:,} scans, {done.rows:,} pages, {done.verdicts:,} verdicts",
            f"ids           {done.old_release}: key {done.old_key or '(none)'}",
            f"              {done.release}: key {done.key}",
            *(f"found         {each.kind} {each.name}" for each in report.findings),
        ]
    )
    if not report.findings:
        say([f"proved        every file of {done.release} is whole, every scan there once"])
    raise typer.Exit(report.exit_status)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{file} cannot be read: it holds one id per line") from None
    return [line.strip() for line in text.splitlines() if line.strip()]

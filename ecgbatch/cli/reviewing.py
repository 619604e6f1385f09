"""``review``: what waits for a person, and what that person said."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ecgbatch.cli.application import ConfigFile, Out, Release, app, settings
from ecgbatch.cli.printing import say
from ecgbatch.errors import ConfigError


@app.command()
def review(
    out: Out,
    *,
    verdicts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take in what a reviewer said: .json or .csv."),
    ] = None,
    reviewer: Annotated[
        str, typer.Option(metavar="NAME", help="Who gave these verdicts.")
    ] = "unnamed",
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="Pages with a picture, the worst first.")
    ] = 100,
    config: ConfigFile = None,
    release: Release = None,
) -> None:
    """Write the queue of pages that a person should see, or take in what that person said.

    The queue is a table, a page of HTML that opens without a network, and tasks for Label Studio,
    below OUT/review. The next run converts corrected pages again, once, with what was given.
    """
    chosen = settings(config)
    if verdicts is not None:
        from ecgbatch.flow.take_in import take_in
        from ecgbatch.report.verdict_file import read_verdicts

        try:
            data = verdicts.read_bytes()
        except OSError:
            raise ConfigError(f"{verdicts} cannot be read") from None
        found = read_verdicts(data, verdicts.name)
        new = take_in(out, found, reviewer=reviewer, config=chosen, release=release)
        say([f"verdicts      {new:,} taken in" if new else "verdicts      taken in before"])
        return
    from ecgbatch.flow.queue import write_queue
    from ecgbatch.report.page import review_picture
    from ecgbatch.report.source import source_pixels

    draw = partial(review_picture, decode=partial(source_pixels, settings=chosen.read))
    queued = write_queue(out, config=chosen, draw=draw, limit=limit, release=release)
    say([f"waiting       {queued.waiting:,} pages, {queued.shown:,} of them with a picture"])
    say([f"queue         {queued.folder}"])

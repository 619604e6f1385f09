"""``backfill`` and ``schedule``: conversions by the calendar."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import click
import typer

from ecgbatch.cli.application import ConfigFile, Local, NewRelease, Out, Workers, app, settings
from ecgbatch.cli.converting import Source, Summary, resumable
from ecgbatch.cli.printing import estimate_lines, say, summary_lines
from ecgbatch.cli.progress import watching
from ecgbatch.config import RunConfig

if TYPE_CHECKING:
    from ecgbatch.flow.backfill import Backfilled, Order
    from ecgbatch.flow.foresee import Estimate
    from ecgbatch.flow.slots import Slot

Zone: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="Zone of midnights and times, such as Europe/Berlin.")
]


@app.command()
def backfill(
    source: Source,
    out: Out,
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Leave out what changed before; default: nothing."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Leave out what changes from then on; default: today."),
    ] = None,
    window: Annotated[
        str, typer.Option(metavar="N[h|d|w]", help="How long slots are: hours, days or weeks.")
    ] = "1d",
    zone: Zone = "UTC",
    catch_up: Annotated[
        str,
        typer.Option(metavar="NAME", help="Missed slots: `all`, `last` (one run), or `none`."),
    ] = "last",
    max_slots: Annotated[
        int, typer.Option(min=1, metavar="N", help="Most runs in one call; the next goes on.")
    ] = 31,
    deleted: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Rows of deleted files: `keep`, `mark` (in `withdrawn`), `remove`."
        ),
    ] = "mark",
    max_missing_share: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Stop if more files are missing."),
    ] = 0.1,
    supersede: Annotated[
        bool,
        typer.Option("--supersede", help="Mark older releases once this one has all their files."),
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say what is due and what it takes; do nothing.")
    ] = False,
    pages_per_s: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="RATE", help="To estimate with; default: earlier runs."),
    ] = None,
    price_per_hour: Annotated[
        float | None, typer.Option(min=0, metavar="PRICE", help="Of all machines together.")
    ] = None,
    requests_per_s: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="RATE", help="Most requests to IN, of all workers."),
    ] = None,
    bytes_per_s: Annotated[
        float | None, typer.Option(min=1, metavar="RATE", help="Most bytes from IN, the same.")
    ] = None,
    requests_at_once: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Most requests in flight, the same.")
    ] = None,
    config: ConfigFile = None,
    release: NewRelease = None,
    workers: Workers = None,
    local: Local = False,
    summary_file: Summary = None,
) -> None:
    """Convert what changed, slot by slot, each once, however often this is called.

    A slot reads what changed before its end and does not stand yet. Which slots are settled is
    kept with OUT, so a scheduler may fire twice, late, or not at all for some days.
    """
    from ecgbatch.flow import backfill as work
    from ecgbatch.flow.slots import Window, instant_of, zone_of
    from jobs.convert import stages

    for value, names, option in (
        (catch_up, work.CATCH_UP, "--catch-up"),
        (deleted, work.DELETED, "--deleted"),
    ):
        if value not in names:
            raise typer.BadParameter(f"{option} is one of: {', '.join(names)}")
    place = zone_of(zone)
    order = work.Order(
        window=Window.parse(window, zone),
        since=None if since is None else instant_of(since, place),
        until=None if until is None else instant_of(until, place),
        catch_up=catch_up,
        max_slots=max_slots,
        deleted=deleted,
        max_missing_share=max_missing_share,
        supersede=supersede,
        pages_per_s=pages_per_s,
        price_per_hour=price_per_hour,
    )
    chosen = _limited(
        settings(config, release=release, workers=workers),
        archive_requests_per_s=requests_per_s,
        archive_bytes_per_s=bytes_per_s,
        archive_requests_at_once=requests_at_once,
    )
    if estimate:
        _estimate(source, out, order, chosen)
        return
    with resumable(), watching() as progress:
        done = work.backfill(
            source,
            out,
            order,
            stages=stages(chosen, source),
            config=chosen,
            local=local,
            progress=progress,
            tell=_tell,
        )
    _finish(done, out=out, file=summary_file)


@app.command()
def schedule(
    source: Source,
    out: Out,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTION...]", help="Of `backfill`, such as `--window 6h`."),
    ] = None,
    *,
    at: Annotated[
        str, typer.Option(metavar="CRON", help="When to call, in cron's five fields.")
    ] = "30 2 * * *",
    zone: Zone = "UTC",
    cron_line: Annotated[
        bool, typer.Option("--cron-line", help="Print a line for a crontab instead.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Hand the CronJob to kubectl instead of printing it.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Submit to this Ray cluster; default: work in the pod."),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the CronJob.")] = (
        "ecgbatch-backfill"
    ),
    namespace: Annotated[str, typer.Option(metavar="NAME", help="Where it stands.")] = "default",
    image: Annotated[str, typer.Option(metavar="IMAGE", help="What it runs.")] = "ecgbatch:latest",
    secret: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Secret whose keys become environment variables."),
    ] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Service account of the pod.")
    ] = None,
    token_secret: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Secret with the Ray cluster's token (`auth_token`)."),
    ] = None,
    submission_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="Of submissions; see `submit`."),
    ] = None,
) -> None:
    """Print the CronJob, or the crontab line, that calls `ecgbatch backfill IN OUT`."""
    from ecgbatch.flow.schedule import Schedule
    from ecgbatch.flow.schedule import apply as apply_manifest

    if cron_line and address is None:  # cron starts in another folder than this one
        source, out = (_from_anywhere(place) for place in (source, out))
    arguments = [source, out, *(options or []), "--zone", zone]
    _require_valid(arguments)
    job = ["backfill", *arguments]
    if address is not None:
        same = [] if submission_id is None else ["--id", submission_id]
        job = ["submit", "--address", address, *same, "backfill", "--", *arguments]
    elif token_secret is not None or submission_id is not None:
        raise typer.BadParameter("--token-secret and --id belong to --address")
    command = ["ecgbatch", *job]
    planned = Schedule(
        at=at,
        zone=zone,
        command=command,
        name=name,
        namespace=namespace,
        image=image,
        secret=secret,
        account=account,
        submits=address is not None,
        token_secret=token_secret,
    )
    if cron_line:
        sys.stdout.write(planned.cron_line())
    elif apply:
        say([apply_manifest(planned.cron_job())])
    else:
        sys.stdout.write(planned.cron_job())


def _from_anywhere(place: str) -> str:
    """Return an address, or a path that does not depend on where it is used."""
    return place if "://" in place else str(Path(place).expanduser().absolute())


def _limited(chosen: RunConfig, **limits: Any) -> RunConfig:
    """Return settings with the limits that were given on the command line."""
    given = {name: value for name, value in limits.items() if value is not None}
    return chosen.model_copy(update={"storage": chosen.storage.model_copy(update=given)})


def _require_valid(arguments: list[str]) -> None:
    """Refuse options that ``backfill`` would refuse every night."""
    command = typer.main.get_command(app).commands["backfill"]  # type: ignore[attr-defined]
    with click.Context(command) as context:
        command.make_context("backfill", list(arguments), parent=context)


def _estimate(source: str, out: str, order: Order, chosen: RunConfig) -> None:
    from ecgbatch.flow.backfill import preview

    due, known = preview(source, out, order, config=chosen)
    say([f"{len(due):,} slots due", *(f"  {slot.name}" for slot in due), *estimate_lines(known)])


def _tell(slot: Slot, known: Estimate) -> None:
    say([f"slot {slot.name}", *estimate_lines(known), ""])


def _finish(done: Backfilled, *, out: str, file: Path | None) -> None:
    for slot, summary in done.runs:
        say([f"slot {slot.name}", *summary_lines(summary, out=out), ""])
    if not done.runs:
        say(["nothing is due: every slot up to now is settled"])
    if done.withdrawn:
        say([f"{done.withdrawn:,} files are no longer in the archive: see the table withdrawn"])
    for name in done.superseded:
        say([f"release {name} is superseded: readers use the new one unless they name it"])
    if done.left:
        say([f"{done.left:,} slots are left to the next call"])
    if file is not None:
        value = {
            "slots": [{"slot": slot.name, **summary.as_json()} for slot, summary in done.runs],
            **{name: item for name, item in asdict(done).items() if name != "runs"},
        }
        file.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(done.exit_status)

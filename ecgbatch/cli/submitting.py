"""``submit``: the jobs of ``jobs/``, on a cluster."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from ecgbatch.cli.application import app
from ecgbatch.cli.printing import say
from ecgbatch.flow.summary import RESUMABLE


@app.command()
def submit(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[JOB]", help="Such as `convert`, `verify` or `train_segmenter`."),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGUMENT...]", help="Of the job, as it takes them by itself."),
    ] = None,
    *,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Of the dashboard; default: RAY_API_SERVER_ADDRESS, or this machine.",
        ),
    ] = None,
    submission_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="The same again is the same job, and goes on; `%Y-%m-%d` in it is today in UTC.",
        ),
    ] = None,
    working_dir: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Send this folder along; default: what the image has."),
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME=VALUE", help="For the job; no secrets. Repeatable."),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return at once instead of following the log.")
    ] = False,
    follow: Annotated[
        str | None, typer.Option(metavar="ID", help="Follow a job that is there.")
    ] = None,
    stop: Annotated[str | None, typer.Option(metavar="ID", help="Stop a job.")] = None,
    without_token: Annotated[
        bool, typer.Option("--without-token", help="Also to a remote cluster that anybody may use.")
    ] = False,
) -> None:
    """Run a job on a Ray cluster, follow its log, and end with its exit status.

    Ctrl-C leaves the job alone: the last lines say how to follow or stop it. A job that is
    submitted again goes on where it stopped.
    """
    if sum(given is not None for given in (name, follow, stop)) != 1:
        raise typer.BadParameter("give a JOB, --follow ID or --stop ID")
    if name is not None and name not in jobs():
        raise typer.BadParameter(f"JOB is one of: {', '.join(jobs())}")
    chosen = _variables(variables or ())
    from ecgbatch.flow import job_server
    from ecgbatch.flow import submit as work

    job = None if name is None else work.Job(name, tuple(arguments or ()), working_dir, chosen)
    server = job_server.server_address(address)
    client = job_server.open_client(server, without_token=without_token)
    if stop is not None:
        ended = "was stopped" if work.stop(client, stop) else "had ended before"
        say([f"job {stop} {ended}"])
        return
    if job is not None:
        today = None if submission_id is None else datetime.now(UTC).strftime(submission_id)
        follow = work.submit(client, job, submission_id=today)
        say([f"job {follow} on {server}"])
    if follow is None or detach:
        say(_how_to_go_on(str(follow), server))
        return
    try:
        status = work.follow(client, follow, lambda text: typer.echo(text, nl=False))
        say([work.end_line(client, follow)])
    except KeyboardInterrupt:
        say(["", f"job {follow} goes on without you", *_how_to_go_on(follow, server)])
        status = RESUMABLE
    raise typer.Exit(status)


def jobs() -> list[str]:
    """Return the names of what can be submitted: the modules of ``jobs/``."""
    import jobs as package

    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def _variables(texts: Sequence[str]) -> dict[str, str]:
    variables = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name:
            raise typer.BadParameter("--env is NAME=VALUE, such as AWS_DEFAULT_REGION=eu-central-1")
        variables[name] = value
    return variables


def _how_to_go_on(submission_id: str, server: str) -> list[str]:
    return [
        f"follow it: ecgbatch submit --address {server} --follow {submission_id}",
        f"stop it:   ecgbatch submit --address {server} --stop {submission_id}",
    ]

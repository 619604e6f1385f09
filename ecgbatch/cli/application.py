"""The application that commands add themselves to, and the arguments that they share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from pydantic import ValidationError

import ecgbatch
from ecgbatch import config
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError

app = typer.Typer(
    name="ecgbatch",
    help="Turn archives of scanned paper ECGs into Parquet tables of signals.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",  # the one mode that fills paragraphs
    pretty_exceptions_enable=False,  # a stranger's traceback shows locals, and those show pages
    context_settings={"help_option_names": ["-h", "--help"]},
)

Out: TypeAlias = Annotated[
    str, typer.Argument(metavar="OUT", help="Folder or s3:// address that holds the tables.")
]
ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings, TOML.")
]
Release: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Release of the tables; default: the only one there is."),
]
NewRelease: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--release", metavar="NAME", help="Release to write; default: version and settings."
    ),
]
Local: TypeAlias = Annotated[
    bool, typer.Option("--local", help="Work in this process, one page at a time, without Ray.")
]
Workers: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Most CPU workers at once; default: all CPUs."),
]
RunId: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Name of the run; default: made from the time."),
]


@app.callback(invoke_without_command=True)
def version(
    *, show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False
) -> None:
    """Turn archives of scanned paper ECGs into Parquet tables of signals."""
    if show:
        typer.echo(ecgbatch.__version__)
        raise typer.Exit


def settings(
    file: Path | None,
    *,
    release: str | None = None,
    workers: int | None = None,
    digitizing: bool = True,
) -> RunConfig:
    """Read the settings of a run; what stands on the command line wins over the file.

    Raises:
        ConfigError: The file or a value is not valid.
    """
    chosen = config.load(file)
    values = chosen.model_dump()
    if release is not None:
        values["release"] = release
    if not digitizing:
        values["trace"]["enabled"] = False
    if workers is not None:
        values["pools"]["cpu_workers_max"] = workers
        values["pools"]["cpu_workers_min"] = min(workers, chosen.pools.cpu_workers_min)
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{option}: {first['msg']}") from error

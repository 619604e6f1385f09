"""``synth``: data sets of printed pages, and archives of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ecgbatch.cli.application import ConfigFile, Local, Workers, app, settings
from ecgbatch.cli.converting import Summary, resumable
from ecgbatch.cli.printing import say, synth_lines
from ecgbatch.cli.progress import watching
from ecgbatch.errors import ConfigError


@app.command()
def synth(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help="`pages`, `boxes`, `crops`, `overlap` or `archive`."),
    ],
    out: Annotated[str, typer.Argument(metavar="OUT", help="Folder or s3:// address, of its own.")],
    *,
    count: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Pages; of an archive, files. Default: 1000."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Another seed, other pages. Default: 0.")
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Everything else, TOML; options win."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Records to print: WFDB folder or RECORDS, NPZ, or OUT of a conversion. "
            "Default: `simulator`.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(metavar="CSV", help="Columns patient_id and ecg_id (or record_id)."),
    ] = None,
    layouts: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Such as `3x4+1R,6x2`, or `all`.")
    ] = None,
    styles: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Such as `red_a4,no_grid`, or `all`.")
    ] = None,
    profiles: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Such as `clean,stained+phone_photo`, or `all`."),
    ] = None,
    dpi: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Such as `150,200,300`.")
    ] = None,
    image: Annotated[
        str | None, typer.Option(metavar="FORMAT", help="`jpeg` or `png`; masks are always PNG.")
    ] = None,
    splits: Annotated[
        str | None,
        typer.Option(metavar="SHARES", help="Of patients, such as `train=0.8,val=0.1,test=0.1`."),
    ] = None,
    damaged: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Of an archive's files; default 0.02."),
    ] = None,
    config: ConfigFile = None,
    workers: Workers = None,
    local: Local = False,
    summary_file: Summary = None,
) -> None:
    """Print ECGs on paper whose truth is known: data sets to train on, archives to try.

    `pages` have signals, `boxes` YOLO and COCO labels, `crops` single leads with masks, `overlap`
    those that another trace runs into, `archive` what a hospital would have.

    Every page follows from recipe, seed and number. The same command again goes on where it
    stopped, and does nothing where all is done.
    """
    from ecgbatch.flow.synthesize import synthesize
    from ecgbatch.synth.dataset.recipe import KINDS, make_recipe, read_recipe
    from ecgbatch.synth.sources import source_address

    if kind not in KINDS:
        raise typer.BadParameter(f"KIND is one of: {', '.join(KINDS)}")
    values: dict[str, Any] = {"count": 1000, **(read_recipe(recipe) if recipe else {})}
    values["kind"] = kind
    values |= _given(count=count, seed=seed, image=image)
    values |= _given(layouts=_list(layouts), styles=_list(styles), profiles=_list(profiles))
    values |= _given(dpi=_list(dpi), splits=_shares(splits))
    values["source"] = _table(values, "source") | _given(address=source, labels=labels)
    values["archive"] = _table(values, "archive") | _given(damaged=damaged)
    for name, locate in (("address", source_address), ("labels", source_address)):
        if name in values["source"]:
            values["source"][name] = locate(str(values["source"][name]))
    chosen = make_recipe(values)
    with resumable(), watching() as progress:
        summary = synthesize(
            out,
            chosen,
            config=settings(config, workers=workers),
            local=local,
            progress=progress,
        )
    say(synth_lines(summary, out=out))
    if summary_file is not None:
        summary_file.write_text(json.dumps(summary.as_json(), indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(summary.exit_status)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _table(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{name}: must be a table")
    return dict(found)


def _list(text: str | None) -> list[str] | str | None:
    if text is None or text == "all":
        return text
    return [name.strip() for name in text.split(",") if name.strip()]


def _shares(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    shares = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            raise typer.BadParameter(
                f"--splits: {part.strip()!r} is not NAME=SHARE, such as train=0.8"
            ) from None
    return shares

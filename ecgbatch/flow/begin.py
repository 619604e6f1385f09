"""Which run it is: a new one, one that did not end, or none because all is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import Book
from ecgbatch.flow.output import NO_RUNS, Output
from ecgbatch.flow.plan import Plan
from ecgbatch.flow.runs import Run, new_run
from ecgbatch.flow.todo import plan_folder
from ecgbatch.flow.watch import Watch
from ecgbatch.storage import Store, secret

PlanMaker: TypeAlias = Callable[[Store, Output, Run, Book, Watch], Plan]
"""Writes the plan of a new run, without what the book says is done."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Begun:
    """A run, and whether there is anything to do for it.

    Attributes:
        run: The run; one with nothing to do was not recorded.
        work: False if every scan stands already.
    """

    run: Run
    work: bool


def begin(
    task: str,
    archives: Sequence[str],
    make_plan: PlanMaker,
    *,
    store: Store,
    output: Output,
    book: Book,
    config: RunConfig,
    run_id: str | None,
    watch: Watch,
) -> Begun:
    """Take up the run of this task that did not end, or plan and record a new one.

    Raises:
        ConfigError: Other settings, other networks or another version made the release, or the name
            is taken.
    """
    fresh = new_run(task, archives, config=config, run_id=_checked(run_id))
    return begin_as(fresh, make_plan, store, output, book=book, run_id=run_id, watch=watch)


def begin_as(
    fresh: Run,
    make_plan: PlanMaker,
    store: Store,
    output: Output,
    *,
    book: Book,
    run_id: str | None = None,
    watch: Watch,
) -> Begun:
    """Do what ``begin`` does for a run that is described already."""
    task = fresh.task
    _require_one_maker(book, fresh)
    for run in book.runs:
        if run.run_id in book.summaries or run_id not in {None, run.run_id}:
            continue
        if run.task == task:
            resumed = replace(run, resumed=run.resumed + 1)
            resumed.save(store, output)
            return Begun(resumed, work=True)
        if run.run_id == run_id:
            raise ConfigError(
                f"run {run_id} did not end and was asked for something else: choose another name"
            )
    fresh = replace(fresh, run_id=_free(fresh.run_id, book))
    plan = make_plan(store, output, fresh, book, watch)
    counted = replace(fresh, scans_listed=plan.scans_listed, scans_skipped=plan.scans_skipped)
    if plan.scans_planned == 0:
        store.delete(f"{plan_folder(output, fresh.run_id)}/plan.json")
        return Begun(counted, work=False)
    counted.save(store, output)
    return Begun(counted, work=True)


def _require_one_maker(book: Book, fresh: Run) -> None:
    """Refuse to mix rows of two configurations, versions or sets of networks in one release."""
    for run in book.runs:
        if run.fingerprint != fresh.fingerprint:
            raise ConfigError(
                f"release {fresh.release} was made with the settings {run.fingerprint}, and these "
                f"are {fresh.fingerprint}: choose another --release, or the settings of then"
            )
        if run.key_id != fresh.key_id:
            raise ConfigError(
                f"ids of release {fresh.release} are derived with the key {run.key_id or '(none)'},"
                f" and the key at hand is {fresh.key_id or '(none)'}: give that key as "
                "ECGBATCH_ID_KEY, or choose another --release"
            )
        if run.software_version != fresh.software_version:
            raise ConfigError(
                f"release {fresh.release} was made by ecgbatch {run.software_version}, and this is "
                f"{fresh.software_version}: choose another --release, or install the version of "
                "then"
            )
        if run.models != fresh.models:
            raise ConfigError(
                f"release {fresh.release} was read by {', '.join(run.models) or 'no network'}, and "
                f"here are {', '.join(fresh.models) or 'none'}: choose another --release, or "
                "install the networks of then"
            )


def require_key(output: Output) -> None:
    """Refuse to derive ids from names alone where the tables leave this machine.

    Whoever reads such tables could try names of files, which are often names of patients, until
    one gives an id that stands there.

    Raises:
        ConfigError: There is no secret, and the settings do not say that none is wanted.
    """
    if output.root.startswith("s3://") and not secret() and not output.settings.unkeyed_ids:
        raise ConfigError(
            "ids of an output in object storage are derived from a secret: set ECGBATCH_ID_KEY, or "
            "ECGBATCH_ID_KEY_FILE (`openssl rand -hex 32` makes one; keep it), or say "
            "storage.unkeyed_ids = true where no name of a file tells anything"
        )


def _checked(run_id: str | None) -> str | None:
    if run_id is not None and (not _NAME.fullmatch(run_id) or run_id in NO_RUNS):
        raise ConfigError("a run's name has letters, digits and . _ - only, and at most 64 of them")
    return run_id


def _free(run_id: str, book: Book) -> str:
    """Return the name, or with ``.2`` and so on where a run of that name has ended."""
    number, name = 1, run_id
    while name in book.names:
        number += 1
        name = f"{run_id}.{number}"
    return name

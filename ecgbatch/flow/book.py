"""Everything that an output says about the runs of one release, read in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError, PageError, StorageError
from ecgbatch.flow.output import NO_RUNS, SCRAP, Output, decode_json, read_json
from ecgbatch.flow.packed import Receipts
from ecgbatch.flow.receipts import Receipt
from ecgbatch.flow.runs import Run, release_of
from ecgbatch.storage import Store
from ecgbatch.tables import current


@dataclass(frozen=True, slots=True)
class Book:
    """The runs of one release and the parts that they committed.

    Attributes:
        release: Which one.
        runs: Runs of the release, first started first.
        summaries: Of those that ended, by run.
        receipts: Of all their parts, by part.
        names: Every name below ``runs/``, of other releases too.
        releases: Every release of the output.
        strays: Paths of what was left of runs that died before they began.
    """

    release: str
    runs: tuple[Run, ...]
    summaries: Mapping[str, Mapping[str, Any]]
    receipts: Receipts
    names: frozenset[str]
    releases: frozenset[str]
    strays: tuple[str, ...]


def read_book(store: Store, output: Output, *, release: str) -> Book:
    """Read the runs of one release and their receipts.

    Raises:
        ChecksumError: One of these files is not whole.
        StorageError: Storage did not answer.
    """
    folders = _folders(store, output)
    every = _runs(store, output, folders)
    runs = sorted((run for run in every if run.release == release), key=lambda run: run.started_at)
    summaries = {
        run.run_id: _listed_json(store, output, "runs", run.run_id, "summary.json")
        for run in runs
        if f"runs/{run.run_id}/summary.json" in folders[run.run_id]
    }
    receipts = Receipts.pack(
        receipt for run in runs for receipt in _receipts(store, output, folders[run.run_id])
    )
    return Book(
        release=release,
        runs=tuple(runs),
        summaries=summaries,
        receipts=receipts,
        names=frozenset(folders),
        releases=frozenset(run.release for run in every),
        strays=tuple(_strays(folders, begun={run.run_id for run in every})),
    )


def chosen_release(store: Store, output: Output, config: RunConfig, release: str | None) -> str:
    """Return the release to look at: the one that was named, that of the settings, or the only one.

    Releases that another supersedes are looked at only when they are named.

    Raises:
        ConfigError: There is no such one; the message says which there are.
    """
    wanted = release or release_of(config)
    there = {run.release for run in _runs(store, output, _folders(store, output))}
    if wanted in there:
        return wanted
    if release is None and config.release is None:
        left = current(store, sorted(there))
        if len(left) == 1:
            return left[0]
    if not there:
        raise ConfigError("no run has written to this output")
    raise ConfigError(f"there is no release {wanted}; choose one of: {', '.join(sorted(there))}")


def _folders(store: Store, output: Output) -> dict[str, set[str]]:
    """Return the paths below ``runs/``, by the name that follows it."""
    folders: dict[str, set[str]] = {}
    for listed in store.list(output.uri("runs")):
        path = output.relative(listed.uri)
        if path.count("/") > 1:
            folders.setdefault(path.split("/")[1], set()).add(path)
    return folders


def _runs(store: Store, output: Output, folders: Mapping[str, Collection[str]]) -> list[Run]:
    return [
        Run.from_json(_listed_json(store, output, "runs", run_id, "run.json"))
        for run_id, paths in folders.items()
        if f"runs/{run_id}/run.json" in paths
    ]


def _receipts(store: Store, output: Output, paths: Collection[str]) -> Iterator[Receipt]:
    wanted = [path for path in paths if "/receipts/" in path and path.endswith(".json")]
    found = store.read_many((output.uri(path), None) for path in wanted)
    for path, data in zip(wanted, found, strict=True):
        if isinstance(data, PageError):
            raise StorageError(f"{path} of the output cannot be read: {data}")
        yield Receipt.from_json(decode_json(data, path))


def _strays(folders: Mapping[str, Collection[str]], *, begun: Collection[str]) -> Iterator[str]:
    for name, paths in folders.items():
        if name not in NO_RUNS:  # the lease's heart beats while we look
            yield from (path for path in paths if name not in begun or path.endswith(SCRAP))


def _listed_json(store: Store, output: Output, *names: str) -> Mapping[str, Any]:
    value = read_json(store, output, *names)
    if value is None:
        raise StorageError(f"{'/'.join(names)} was listed and is not there any more")
    return dict(value)

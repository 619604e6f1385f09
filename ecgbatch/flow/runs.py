"""The record of a run: what it was asked to do, by which software and settings."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

import ecgbatch
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError, PageError, StorageError
from ecgbatch.flow.output import SCRAP, Output, as_json, decode_json, read_json
from ecgbatch.flow.receipts import Receipt
from ecgbatch.storage import Store


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job over a listing, with one configuration.

    Attributes:
        run_id: Its name.
        task: What it was asked: ``convert`` and the address, or ``retry`` and the reasons. The
            same task with the same fingerprint takes up a run that did not end.
        archives: Addresses under which its scans lie.
        release: Partition of the tables that it writes to.
        fingerprint: Hash of every setting that can change a row.
        settings: Those settings, as JSON.
        software_version: Version of ecgbatch.
        models: ``name@version`` of every network.
        started_at: First start, ISO 8601 in UTC.
        resumed: How often it was taken up again.
        scans_listed: Files in the listing.
        scans_skipped: Files that an earlier run holds.
    """

    run_id: str
    task: str
    archives: tuple[str, ...]
    release: str
    fingerprint: str
    settings: str
    software_version: str
    models: tuple[str, ...]
    started_at: str
    resumed: int = 0
    scans_listed: int = 0
    scans_skipped: int = 0

    @property
    def ingest_date(self) -> str:
        """The day of the first start; the same for every part, whenever it is written."""
        return self.started_at[:10]

    def save(self, store: Store, output: Output) -> None:
        """Write the record; a run without one never began."""
        store.write(output.uri("runs", self.run_id, "run.json"), as_json(asdict(self)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:
        """Take up what ``save`` wrote."""
        lists = {name: tuple(value[name]) for name in ("archives", "models")}
        return cls(**{**value, **lists})


def new_run(task: str, archives: Sequence[str], *, config: RunConfig, run_id: str | None) -> Run:
    """Describe a run that starts now."""
    now = datetime.now(tz=UTC)
    return Run(
        run_id=run_id or f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        task=task,
        archives=tuple(archives),
        release=release_of(config),
        fingerprint=config.fingerprint(),
        settings=config.settings_json(),
        software_version=ecgbatch.__version__,
        models=(),
        started_at=now.isoformat(timespec="milliseconds"),
    )


def release_of(config: RunConfig) -> str:
    """Return the release that a configuration makes."""
    return config.release or f"{ecgbatch.__version__}-{config.fingerprint()}"


def chosen_release(store: Store, output: Output, config: RunConfig, release: str | None) -> str:
    """Return the release to look at: the one that was named, that of the settings, or the only one.

    Raises:
        ConfigError: There is no such one; the message says which there are.
    """
    wanted = release or release_of(config)
    there = read_book(store, output, release=wanted).releases
    if wanted in there:
        return wanted
    if release is None and config.release is None and len(there) == 1:
        return next(iter(there))
    if not there:
        raise ConfigError("no run has written to this output")
    raise ConfigError(f"there is no release {wanted}; choose one of: {', '.join(sorted(there))}")


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that ``runs/`` says about one release.

    Attributes:
        runs: Runs of the release, first started first.
        summaries: Of those that ended, by run.
        receipts: Of all their parts, by part.
        names: Every name below ``runs/``, of other releases too.
        releases: Every release of the output.
        strays: Paths of what was left of runs that died before they began.
    """

    runs: tuple[Run, ...]
    summaries: Mapping[str, Mapping[str, Any]]
    receipts: Mapping[str, Receipt]
    names: frozenset[str]
    releases: frozenset[str]
    strays: tuple[str, ...]

    def scans(self) -> list[pa.Table]:
        """Return the scans of every part, as rows of ``receipts.SCANS``."""
        return [receipt.scans for receipt in self.receipts.values()]

    def of_run(self, run_id: str) -> list[Receipt]:
        """Return the receipts of one run, in the order of their names."""
        mine = [receipt for receipt in self.receipts.values() if receipt.run_id == run_id]
        return sorted(mine, key=lambda receipt: receipt.part)


def read_book(store: Store, output: Output, *, release: str) -> Book:
    """Read the runs of one release and their receipts.

    Raises:
        ChecksumError: One of these files is not whole.
        StorageError: Storage did not answer.
    """
    below: dict[str, set[str]] = {}
    for listed in store.list(output.uri("runs")):
        path = output.relative(listed.uri)
        if path.count("/") > 1:
            below.setdefault(path.split("/")[1], set()).add(path)
    runs: list[Run] = []
    summaries: dict[str, Mapping[str, Any]] = {}
    receipts: dict[str, Receipt] = {}
    releases: set[str] = set()
    strays: list[str] = []
    for run_id, files in below.items():
        if f"runs/{run_id}/run.json" not in files:
            strays += [] if run_id == "lease" else sorted(files)  # its heart beats while we look
            continue
        strays += [path for path in files if path.endswith(SCRAP)]
        run = Run.from_json(_listed_json(store, output, "runs", run_id, "run.json"))
        releases.add(run.release)
        if run.release != release:
            continue
        runs.append(run)
        if f"runs/{run_id}/summary.json" in files:
            summaries[run_id] = _listed_json(store, output, "runs", run_id, "summary.json")
        parts = [
            (output.uri(path), None)
            for path in files
            if "/receipts/" in path and path.endswith(".json")
        ]
        for data in store.read_many(parts):
            if isinstance(data, PageError):
                raise StorageError(f"a receipt of run {run_id} cannot be read: {data}")
            receipt = Receipt.from_json(decode_json(data, "a receipt"))
            receipts[receipt.part] = receipt
    runs.sort(key=lambda run: run.started_at)
    return Book(
        runs=tuple(runs),
        summaries=summaries,
        receipts=receipts,
        names=frozenset(below),
        releases=frozenset(releases),
        strays=tuple(strays),
    )


def _listed_json(store: Store, output: Output, *names: str) -> Mapping[str, Any]:
    value = read_json(store, output, *names)
    if value is None:
        raise StorageError(f"{'/'.join(names)} was listed and is not there any more")
    return dict(value)

"""The record of a run: what it was asked to do, by which software and settings."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import ecgbatch
from ecgbatch.config import RunConfig
from ecgbatch.flow.output import Output, as_json
from ecgbatch.models.shipped import identities
from ecgbatch.storage import Store, key_id, secret


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
        key_id: Names the secret from which ids are derived; empty where there was none.
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
    key_id: str = ""

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
        models=identities(config.networks()),
        started_at=now.isoformat(timespec="milliseconds"),
        key_id=key_id(secret()),
    )


def release_of(config: RunConfig) -> str:
    """Return the release that a configuration makes."""
    return config.release or f"{ecgbatch.__version__}-{config.fingerprint()}"

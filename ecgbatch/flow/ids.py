"""Ids of one key and of another: what joins tables that were made before a key was changed."""

from __future__ import annotations

from collections.abc import Iterator

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import read_book
from ecgbatch.flow.output import Output
from ecgbatch.flow.todo import planned_rows
from ecgbatch.storage import scan_id, secret
from ecgbatch.storage.keys import OLD


def translated(out: str, *, config: RunConfig) -> Iterator[tuple[str, str]]:
    """Yield the id by the old key and by the present one, of every scan that was ever planned.

    Args:
        out: Address or path of the output, whose plans hold the names that ids are derived from.
        config: How to reach it.

    Raises:
        ConfigError: There is no present key, or no run has written to ``out``.
    """
    if not secret():
        raise ConfigError(f"there is no key to translate to: set ECGBATCH_ID_KEY, and {OLD}")
    output = Output.at(out, config.storage)
    store = output.store()
    seen: set[str] = set()
    releases = sorted(read_book(store, output, release="").releases)
    if not releases:
        raise ConfigError("no run has written to this output")
    for release in releases:
        for run in read_book(store, output, release=release).runs:
            for rows in planned_rows(store, output, run.run_id):
                for uri in rows["uri"].to_pylist():
                    old = scan_id(uri, key=secret(OLD))
                    if old not in seen:
                        seen.add(old)
                        yield old, scan_id(uri)

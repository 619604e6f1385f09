"""What a conversion would do, counted without doing any of it."""

from __future__ import annotations

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.book import read_book
from ecgbatch.flow.output import Output
from ecgbatch.flow.plan import Plan, estimate, source_entries
from ecgbatch.flow.reviews import settled_scans
from ecgbatch.flow.runs import release_of
from ecgbatch.flow.tombstones import without_deleted
from ecgbatch.storage import open_store, to_uri


def preview(source: str, out: str | None, *, config: RunConfig) -> Plan:
    """List an archive and count what is to be read of it; nothing is written.

    Args:
        source: Address or path of a folder, or of a manifest.
        out: Address or path of an output; files whose rows stand there are left out.
        config: Every setting.

    Raises:
        ConfigError: An address is none, the manifest is none, or there is nothing to read.
        StorageError: Storage refuses or does not answer.
    """
    plan = _preview(source, out, config=config)
    if plan.scans_listed == 0:
        raise ConfigError("no file stands at IN: check the path, or the bucket and its prefix")
    return plan


def _preview(source: str, out: str | None, *, config: RunConfig) -> Plan:
    archive = open_store(to_uri(source), config.storage)
    if out is None:
        return estimate(source_entries(archive))
    output = Output.at(out, config.storage)
    store = output.store()
    book = read_book(store, output, release=release_of(config))
    return estimate(
        without_deleted(source_entries(archive, leave_out=output.root), store),
        committed=[settled_scans(store, output, book)],
    )

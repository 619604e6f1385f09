"""Pages whose true signals are known, converted here and compared with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from ecgbatch import __version__, schema
from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.evaluation.pages import PageResult, compare_page
from ecgbatch.evaluation.truth import find_records, pair, read_pairs, read_record
from ecgbatch.flow.plan import source_entries
from ecgbatch.imaging.decode import EXTENSIONS
from ecgbatch.models.shipped import identities
from ecgbatch.stages.base import Stage, chain
from ecgbatch.stages.publish import published
from ecgbatch.storage import open_store, scan_id, to_uri
from ecgbatch.tables import leads


def evaluate(
    source: str,
    truth: Path,
    *,
    stages: Sequence[Stage],
    config: RunConfig,
    pairs: Path | None = None,
) -> list[PageResult]:
    """Convert pages in this process, as a run would publish them, and measure every lead.

    Args:
        source: Address or path of a folder of pages, or of a manifest.
        truth: Folder with WFDB records, at any depth.
        stages: Of a conversion, in their order; the first reads ``schema.PLAN``.
        config: Every setting.
        pairs: CSV file with the columns ``page`` and ``record``, where file names do not tell
            which record a page shows.

    Returns:
        One result per page that shows a known record, in the order of their addresses; the
        stratum is the page's folder.

    Raises:
        ConfigError: No page shows a known record.
        StorageError: The pages cannot be listed.
    """
    results: list[PageResult] = []
    for uri, page, record in converted(source, truth, stages=stages, config=config, pairs=pairs):
        results += _compare(page, record, stratum=uri.rsplit("/", 2)[-2], config=config)
    return results


def converted(
    source: str,
    truth: Path,
    *,
    stages: Sequence[Stage],
    config: RunConfig,
    pairs: Path | None = None,
) -> Iterator[tuple[str, pa.Table, Path]]:
    """Convert pages whose records are known, one at a time; arguments are those of ``evaluate``.

    Yields:
        The page's address, its finished row, and the path of the record that it shows.

    Raises:
        ConfigError: No page shows a known record.
        StorageError: The pages cannot be listed.
    """
    archive = open_store(to_uri(source), config.storage)
    entries = {
        entry.uri: entry
        for entry in source_entries(archive)
        if entry.reason is None and _may_be_page(entry.uri)
    }
    shows = _shown(entries, truth, pairs)
    if not shows:
        raise ConfigError(
            "no page shares its name with a record: give a CSV file of pairs (--pairs)"
        )
    plan = pa.Table.from_pylist(
        [
            {
                "scan_id": scan_id(uri),
                "uri": uri,
                "version": entries[uri].version,
                "size_bytes": entries[uri].size_bytes,
            }
            for uri in sorted(shows)
        ],
        schema=schema.PLAN,
    )
    addresses = {scan_id(uri): uri for uri in shows}
    for page in chain(stages)(plan):
        uri = addresses[page["scan_id"][0].as_py()]
        yield uri, page, shows[uri]


def _may_be_page(uri: str) -> bool:
    """Whether a name promises a page: records mostly stand beside them."""
    return uri.rpartition(".")[2].lower() in EXTENSIONS


def _shown(uris: Iterable[str], truth: Path, pairs: Path | None) -> Mapping[str, Path]:
    """The record that each page shows."""
    if pairs is None:
        return pair(uris, find_records(truth))
    by_name = read_pairs(pairs, records=truth)
    names = {uri: uri.rsplit("/", 1)[-1] for uri in uris}
    return {uri: by_name[name] for uri, name in names.items() if name in by_name}


def _compare(
    page: pa.Table, record: Path, *, stratum: str, config: RunConfig
) -> Iterator[PageResult]:
    tables = published(
        page,
        run_id="evaluate",
        fingerprint=config.fingerprint(),
        software_version=__version__,
        models=identities(config.networks()),
    )
    outcomes = tables["pages"]["quality_class"].to_pylist()
    outcomes += tables["quarantine"]["reason"].to_pylist()
    found = leads(tables["signals"])
    for outcome in outcomes:  # one, because the chain hands on page by page
        yield compare_page(found, read_record(record), stratum=stratum, outcome=outcome)

"""Where the signals of pages come from: the simulator, WFDB records, NPZ files, our own tables.

``list_source`` looks once at what is there; ``open_source`` opens it in any process, with that
list. What an address holds is told by what lies there.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial

import pyarrow as pa

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ConfigError
from ecgbatch.storage import Store, open_store, to_uri
from ecgbatch.synth.sources import wfdb
from ecgbatch.synth.sources.labels import Patients, read_patients
from ecgbatch.synth.sources.listed import Listed
from ecgbatch.synth.sources.npz import NpzFiles
from ecgbatch.synth.sources.record import RecordRef, Source, excerpt
from ecgbatch.synth.sources.simulated import Simulated
from ecgbatch.synth.sources.tables import PublishedSignals

__all__ = [
    "SIMULATOR",
    "Listed",
    "RecordRef",
    "Simulated",
    "Source",
    "excerpt",
    "list_source",
    "open_source",
    "source_address",
]

SIMULATOR = "simulator"
_KINDS = "WFDB records (*.hea, RECORDS), NPZ files, or the OUT of a conversion"


def source_address(address: str) -> str:
    """Return the address of a source in full, so that workers find it from anywhere."""
    return address if address == SIMULATOR else to_uri(address)


def list_source(
    address: str, *, labels: str | None, release: str | None, storage: StorageSettings
) -> tuple[str, pa.Table]:
    """Look at what is there.

    Args:
        address: A folder, a list of records, an NPZ file, the output of a conversion; ``*`` in
            the last part of a path chooses among NPZ files.
        labels: A CSV table that says whose each record is.
        release: Of published tables.
        storage: How storage is approached.

    Returns:
        ``wfdb``, ``npz`` or ``tables``, and the records as rows of ``listed.RECORDS``.

    Raises:
        ConfigError: Nothing of the kind stands there, or a record cannot be printed from.
    """
    patients = read_patients(labels)
    root, _, last = address.rpartition("/")
    if last == "RECORDS" or last.endswith(".txt"):
        store = open_store(root, storage)
        names = wfdb.listed_in(store, address)
        return "wfdb", wfdb.list_records(store, names, patients)
    if last.endswith(".npz"):
        found = [item.uri for item in open_store(root, storage).list()]
        chosen = sorted(uri for uri in found if fnmatchcase(uri.rpartition("/")[2], last))
        if not chosen:
            raise ConfigError(f"source: no file {last} stands there")
        return "npz", NpzFiles(open_store(root, storage)).list_records(chosen, patients)
    return _list_folder(open_store(address, storage), patients=patients, release=release)


def _list_folder(store: Store, *, patients: Patients, release: str | None) -> tuple[str, pa.Table]:
    uris = sorted(item.uri for item in store.list())
    below = [uri.removeprefix(store.root_uri).lstrip("/") for uri in uris]
    if any(path.startswith("tables/signals/") for path in below):
        return "tables", PublishedSignals(store, release).list_records(patients)
    headers = [path.removesuffix(".hea") for path in below if path.endswith(".hea")]
    if headers:
        return "wfdb", wfdb.list_records(store, headers, patients)
    files = [uri for uri in uris if uri.endswith(".npz")]
    if files:
        return "npz", NpzFiles(store).list_records(files, patients)
    raise ConfigError(f"source: nothing stands there to print from; give {_KINDS}")


def open_source(
    address: str, *, kind: str, records: pa.Table, release: str | None, storage: StorageSettings
) -> Source:
    """Open a source that was listed.

    Args:
        address: As for ``list_source``.
        kind: As ``list_source`` told.
        records: As ``list_source`` gave.
        release: Of published tables.
        storage: How storage is approached.
    """
    root, _, last = address.rpartition("/")
    if kind == "wfdb":
        alone = last == "RECORDS" or last.endswith(".txt")
        return Listed(
            records, partial(wfdb.read_window, open_store(root if alone else address, storage))
        )
    if kind == "npz":
        folder = root if last.endswith(".npz") else address
        return Listed(records, NpzFiles(open_store(folder, storage)).read_window)
    return Listed(records, PublishedSignals(open_store(address, storage), release).read_window)

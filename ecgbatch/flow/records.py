"""The records of a data set: listed once, before anything is made, and kept beside it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from ecgbatch.config import StorageSettings
from ecgbatch.errors import ChecksumError, ConfigError
from ecgbatch.flow.files import encode, get_bytes
from ecgbatch.flow.output import Output
from ecgbatch.storage import Store
from ecgbatch.synth.dataset.archive import PAGES_PER_FILE
from ecgbatch.synth.dataset.draw import require_printable
from ecgbatch.synth.dataset.recipe import Recipe
from ecgbatch.synth.sources import (
    SIMULATOR,
    Listed,
    Simulated,
    Source,
    list_source,
    open_source,
)
from ecgbatch.synth.sources.listed import RECORDS

PATH = "runs/records.parquet"


def look_at_source(recipe: Recipe, storage: StorageSettings) -> tuple[str, pa.Table | None]:
    """List the records, and make sure that each can be printed.

    Returns:
        The kind of the source, and its records as rows of ``RECORDS``; none for the simulator,
        whose records follow from their numbers.

    Raises:
        ConfigError: Nothing stands there, or a record cannot be printed by the recipe.
    """
    if recipe.source.address == SIMULATOR:
        require_printable(recipe, _simulated(recipe).ref(0))
        return SIMULATOR, None
    kind, records = list_source(
        recipe.source.address,
        labels=recipe.source.labels,
        release=recipe.source.release,
        storage=storage,
    )
    return kind, _printable(recipe, records)


def _printable(recipe: Recipe, records: pa.Table) -> pa.Table:
    """Look at one record of each shape; refuse, or leave out, those that cannot be printed."""
    source = Listed(records, lambda *_: {})
    seen: dict[tuple[object, ...], bool] = {}
    keep = []
    for number in range(len(source)):
        ref = source.ref(number)
        shape = (ref.leads, ref.begins_s, ref.ends_s, ref.fs_hz)
        if shape not in seen:
            try:
                require_printable(recipe, ref)
                seen[shape] = True
            except ConfigError:
                if not recipe.source.leave_out:
                    raise
                seen[shape] = False
        keep.append(seen[shape])
    kept = records.filter(pa.array(keep))
    if kept.num_rows == 0:
        raise ConfigError("source: none of its records can be printed by this recipe")
    return kept


def keep_records(store: Store, output: Output, records: pa.Table) -> None:
    """Write the list beside the data set."""
    store.write(output.uri(PATH), encode(records))


def opened_source(output: Output, recipe: Recipe, *, kind: str) -> Source:
    """Open the source of a data set with the list that was kept.

    Raises:
        ChecksumError: The list is gone or not whole.
    """
    if kind == SIMULATOR:
        return _simulated(recipe)
    data = get_bytes(output.store(), output, PATH)
    if data is None:
        raise ChecksumError(f"{PATH} of the data set is gone")
    try:
        records = pq.read_table(pa.BufferReader(data), page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise ChecksumError(f"{PATH} of the data set is not whole") from error
    return open_source(
        recipe.source.address,
        kind=kind,
        records=records.cast(RECORDS),
        release=recipe.source.release,
        storage=output.settings,
    )


def _simulated(recipe: Recipe) -> Simulated:
    per_unit = PAGES_PER_FILE if recipe.kind == "archive" else 1
    return Simulated(
        seed=recipe.seed,
        count=recipe.source.records or recipe.count * per_unit,
        seconds=recipe.source.seconds,
        conditions=recipe.source.conditions,
        faults=recipe.source.faults,
    )

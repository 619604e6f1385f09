"""One shard of a data set: its files first, its rows next, its receipt last and once.

Every byte of a shard follows from recipe and number, so whoever does it again, or at the same time,
writes the same; a shard with a receipt is whole. The paths of one output::

    dataset.json                   recipe, source and version
    images/ labels/ masks/ truth/  <split>/<shard>/<page>…
    index/<shard>.parquet          a row per page or crop
    signals/<shard>.parquet        a row per printed lead
    runs/records.parquet           the records of the source, as they were listed
    runs/receipts/<shard>.json
    runs/lease/…
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ecgbatch.errors import ChecksumError
from ecgbatch.flow.files import FileFacts, put_table
from ecgbatch.flow.lease import Fence
from ecgbatch.flow.output import Output, as_json, decode_json
from ecgbatch.flow.records import opened_source
from ecgbatch.storage import SideBySide, Store
from ecgbatch.synth.dataset.index import ARCHIVE, INDEX, SIGNALS
from ecgbatch.synth.dataset.made import Made
from ecgbatch.synth.dataset.makers import maker_of
from ecgbatch.synth.dataset.recipe import Recipe, make_recipe
from ecgbatch.synth.sources import Source


@dataclass(frozen=True, slots=True)
class ShardReceipt:
    """What one shard holds.

    Attributes:
        shard: Its number.
        pages: Pages that were printed.
        items: Rows of the index, by split; of an archive, its files.
        files: Files that were written, tables left out.
        size_bytes: Their length.
        tables: Facts of the table files.
    """

    shard: int
    pages: int
    items: Mapping[str, int]
    files: int
    size_bytes: int
    tables: Mapping[str, FileFacts] = field(default_factory=dict)

    def create(self, store: Store, output: Output) -> bool:
        """Put the receipt where none is; False where there is one."""
        return store.create(output.uri(*receipt_path(self.shard)), as_json(asdict(self)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ShardReceipt:
        """Take up what ``create`` wrote."""
        facts = {name: FileFacts.from_json(found) for name, found in value["tables"].items()}
        return cls(**{**value, "tables": facts})


def receipt_path(shard: int) -> tuple[str, ...]:
    """Return where the receipt of a shard stands."""
    return ("runs", "receipts", f"{shard:05d}.json")


def read_receipts(store: Store, output: Output) -> Iterator[ShardReceipt]:
    """Yield the receipts of every shard that is whole."""
    wanted = [
        (found.uri, found.version)
        for found in store.list(output.uri("runs", "receipts"))
        if found.uri.endswith(".json")
    ]
    for (uri, _), data in zip(wanted, store.read_many(wanted), strict=True):
        name = output.relative(uri)
        if not isinstance(data, bytes):
            raise ChecksumError(f"{name} went away while it was read")
        yield ShardReceipt.from_json(decode_json(data, name))


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What a worker needs to make shards; small and picklable.

    Attributes:
        output: Where the data set stands.
        recipe: What it is made of.
        source_kind: As ``sources.list_source`` told.
        fence: The lease under which it is written.
    """

    output: Output
    recipe: Recipe
    source_kind: str
    fence: Fence

    def make(self, shard: int, *, told: Callable[[int, int], None] | None = None) -> ShardReceipt:
        """Make one shard; on return it is whole.

        Args:
            shard: Its number.
            told: Called after each unit with 1 and the pages it printed.

        Raises:
            ConfigError: A record cannot be printed.
            LeaseError: Another run took over.
            StorageError: The store refused or is full.
        """
        store = self.output.store()
        source = _opened(self.output, self.recipe.model_dump_json(), self.source_kind)
        make = maker_of(self.recipe)
        self.fence.check(store)
        whole = Made()
        with SideBySide(store) as writer:
            for index in self.recipe.indices(shard):
                made = make(self.recipe, source, index)
                for path, data in made.files.items():
                    writer.write(path, data)
                whole.extend(made)
                if told is not None:
                    told(1, made.pages)
            if whole.truths:
                lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in whole.truths)
                writer.write(f"truth/pages/{shard:05d}.json", f"[\n{lines}\n]\n".encode())
        receipt = ShardReceipt(
            shard=shard,
            pages=whole.pages,
            items=_counted(whole, self.recipe),
            files=writer.files,
            size_bytes=writer.size_bytes,
            tables={
                name: put_table(store, self.output, f"{name}/{shard:05d}.parquet", rows)
                for name, rows in _tables(whole, self.recipe).items()
            },
        )
        self.fence.check(store)
        receipt.create(store, self.output)  # False: somebody else got as far with the same bytes
        return receipt


def _counted(made: Made, recipe: Recipe) -> dict[str, int]:
    if recipe.kind == "archive":
        formats = {row["path"]: row["format"] for row in made.index}.values()
        return dict(sorted(Counter(formats).items()))
    return dict(sorted(Counter(row["split"] for row in made.index).items()))


def _tables(made: Made, recipe: Recipe) -> dict[str, pa.Table]:
    signals = [
        pa.array([row[column.name] for row in made.signals], column.type, from_pandas=True)
        for column in SIGNALS  # from_pandas: NaN becomes null
    ]
    columns = ARCHIVE if recipe.kind == "archive" else INDEX
    return {
        "index": pa.Table.from_pylist(made.index, columns),
        "signals": pa.Table.from_arrays(signals, schema=SIGNALS),
    }


@lru_cache(maxsize=1)
def _opened(output: Output, recipe_json: str, kind: str) -> Source:
    """Open the source once per process."""
    return opened_source(output, make_recipe(json.loads(recipe_json)), kind=kind)

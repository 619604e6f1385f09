"""Table files: encoded as readers like them, and checked."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecgbatch import schema
from ecgbatch.config import StorageSettings
from ecgbatch.errors import ChecksumError
from ecgbatch.flow.files import decode, encode, put_table
from ecgbatch.flow.output import Output
from tests.factories_tables import row


def signals(count, *, samples=2500):
    noise = np.random.default_rng(3)
    walks = np.cumsum(noise.integers(-20, 21, (count, samples)), axis=1).astype(np.int16)
    return pa.Table.from_pylist(
        [row("signals", segment=i, samples_uv=walk.tolist()) for i, walk in enumerate(walks)],
        schema=schema.SIGNALS,
    )


def test_samples_take_about_a_byte():
    data = encode(signals(52))
    assert len(data) / (52 * 2500) < 1.0


def test_samples_are_delta_encoded_and_compressed_with_zstd():
    group = pq.ParquetFile(pa.BufferReader(encode(signals(2)))).metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    samples = columns["samples_uv.list.element"]
    assert "DELTA_BINARY_PACKED" in samples.encodings
    assert {column.compression for column in columns.values()} == {"ZSTD"}


def test_missing_samples_come_back_as_null_in_duckdb(tmp_path):
    path = tmp_path / "part.parquet"
    table = pa.Table.from_pylist([row("signals", samples_uv=[1, None, -3])], schema=schema.SIGNALS)
    path.write_bytes(encode(table))
    found = duckdb.sql(f"select samples_uv from read_parquet('{path}')").fetchall()
    assert found == [([1, None, -3],)]


def test_any_flipped_byte_of_a_column_is_found():
    table = signals(3, samples=200)
    data = encode(table)
    metadata = pq.ParquetFile(pa.BufferReader(data)).metadata
    end = metadata.row_group(0).column(0).data_page_offset
    samples = next(
        column
        for column in map(metadata.row_group(0).column, range(metadata.num_columns))
        if column.path_in_schema.startswith("samples_uv")
    )
    middle = samples.data_page_offset + samples.total_compressed_size // 2
    assert end < middle
    flipped = bytearray(data)
    flipped[middle] ^= 1
    with pytest.raises(ChecksumError):
        decode(bytes(flipped), "part", table="signals")
    assert decode(data, "part", table="signals").equals(table)


def test_a_file_with_other_columns_is_refused():
    with pytest.raises(ChecksumError, match="does not have the columns of pages"):
        decode(encode(signals(1)), "part", table="pages")


def test_a_store_that_keeps_other_bytes_is_found_at_once(tmp_path, monkeypatch):
    output = Output.at(str(tmp_path), StorageSettings())
    store = output.store()
    monkeypatch.setattr(store, "read", lambda *_, **__: b"PAR1")
    with pytest.raises(ChecksumError, match="other bytes"):
        put_table(store, output, "tables/signals/x.parquet", signals(1))

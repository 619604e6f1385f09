"""A row of a table as a stage sees it."""

import numpy as np
import pyarrow as pa

from ecgbatch import schema
from ecgbatch.stages.rows import Row


def tables_of(*pages: np.ndarray | None) -> pa.Table:
    rows = [
        {"page_no": number}
        if page is None
        else {"page_no": number, "pixels": page.tobytes(), "pixels_shape": list(page.shape)}
        for number, page in enumerate(pages, start=1)
    ]
    return pa.concat_tables([pa.Table.from_pylist([row], schema=schema.DECODED) for row in rows])


def test_pixels_are_those_of_their_own_row_and_none_where_there_are_none():
    first, last = np.arange(6, dtype=np.uint8).reshape(2, 3), np.full((2, 2, 3), 7, np.uint8)
    table = tables_of(first, None, last)
    for whole in (table, table.combine_chunks(), table.combine_chunks().slice(1, 2)):
        pixels = [Row(whole, index).pixels() for index in range(whole.num_rows)]
        expected = [first, None, last][-whole.num_rows :]
        for found, page in zip(pixels, expected, strict=True):
            assert (found is None) == (page is None)
            assert page is None or np.array_equal(found, page)


def test_pixels_lie_where_the_table_has_them_and_cannot_be_written():
    table = tables_of(np.zeros((4, 5), np.uint8))
    pixels, again = (Row(table, 0).pixels() for _ in range(2))
    assert np.shares_memory(pixels, again)
    assert not pixels.flags.writeable

"""What holds for every stage, and for the list that they stand in. A new stage is tested here."""

import pickle
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import RunConfig
from ecgbatch.errors import PageError, Reason, SchemaError
from ecgbatch.flow.capacity import groups_of
from ecgbatch.stages.base import batches, chain
from ecgbatch.stages.rows import error_value, map_rows
from jobs.convert import stages

STAGES = stages(RunConfig(), "/archive")
every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)

FAILED = error_value(PageError(Reason.ENCRYPTED, pages=3), stage="before")


def failed_rows(columns, count=3):
    """Return rows that failed before: only what may not be null, and the error."""
    healthy = {"string": "x", "int32": 1, "int64": 1}
    row = {field.name: None if field.nullable else healthy[str(field.type)] for field in columns}
    rows = [{**row, "scan_id": f"{number:032x}", "error": FAILED} for number in range(count)]
    return pa.Table.from_pylist(rows, schema=columns)


@every_stage
def test_a_stage_travels(stage):
    assert pickle.loads(pickle.dumps(stage)) == stage
    assert len(pickle.dumps(stage)) < 4096


@every_stage
def test_a_batch_of_no_rows_gives_no_rows(stage):
    assert sum(table.num_rows for table in stage.open()(stage.reads.empty_table())) == 0


@every_stage
def test_rows_that_failed_before_pass_through_with_their_error(stage):
    rows = failed_rows(stage.reads)
    out = pa.concat_tables(stage.open()(rows))
    assert out.schema.equals(stage.writes)
    assert out["scan_id"].to_pylist() == rows["scan_id"].to_pylist()
    assert out["error"].to_pylist() == rows["error"].to_pylist()


@every_stage
def test_a_row_with_nothing_in_it_does_not_disappear(stage):
    rows = failed_rows(stage.reads)
    healthy = rows.set_column(
        rows.schema.get_field_index("error"),
        rows.schema.field("error"),
        pa.nulls(rows.num_rows, schema.ERROR),
    )
    out = pa.concat_tables(stage.open()(healthy))
    assert out["scan_id"].to_pylist() == rows["scan_id"].to_pylist()
    assert out.schema.equals(stage.writes)


@every_stage
def test_other_columns_are_refused(stage):
    with pytest.raises(SchemaError, match=stage.name):
        list(stage.open()(pa.table({"scan_id": ["a"]})))


def test_each_stage_writes_what_the_next_one_reads():
    assert STAGES[0].reads.equals(schema.PLAN)
    for before, after in pairwise(STAGES):
        assert before.writes.equals(after.reads), (before.name, after.name)
    assert STAGES[-1].writes.equals(schema.READ)


def test_names_are_different_and_on_a_laptop_one_worker_holds_all():
    assert len({stage.name for stage in STAGES}) == len(STAGES)
    assert len(groups_of(STAGES)) == 1


def test_the_whole_chain_lets_failed_rows_through():
    rows = failed_rows(schema.PLAN, count=5)
    out = pa.concat_tables(chain(STAGES)(rows))
    assert out.schema.equals(schema.READ)
    assert out["error"].to_pylist() == rows["error"].to_pylist()


def numbers(*counts):
    values = np.arange(sum(counts))
    starts = np.cumsum([0, *counts])
    return [pa.table({"n": values[a:b]}) for a, b in pairwise(starts)]


@pytest.mark.parametrize("counts", [(1, 1, 1, 1, 1), (5,), (2, 0, 3), (4, 1), ()])
@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_batches_keep_every_row_in_order(counts, rows):
    out = list(batches(numbers(*counts), rows=rows))
    assert [n for table in out for n in table["n"].to_pylist()] == list(range(sum(counts)))
    assert all(table.num_rows == rows for table in out[:-1])


def test_pages_are_made_one_at_a_time():
    """A file of 500 pages is one row in and 500 out, and only one of its pages is alive."""
    alive = []

    def pages(row):
        for page_no in range(1, 6):
            alive.append(page_no)
            yield {"page_no": page_no, "page_count": 5}

    rows = failed_rows(schema.PLAN, count=1)
    plan = rows.set_column(4, rows.schema.field("error"), pa.nulls(1, schema.ERROR))
    made = map_rows(plan, pages, stage="many", reads=schema.PLAN, writes=schema.DECODED)
    for expected in range(1, 6):
        assert next(made)["page_no"].to_pylist() == [expected]
        assert alive == list(range(1, expected + 1))


def test_a_file_that_breaks_off_keeps_its_pages_and_says_how_many_came():
    def pages(row):
        yield {"page_no": 1, "page_count": 9}
        yield {"page_no": 2, "page_count": 9}
        raise PageError(Reason.CORRUPT_PDF, page_no=3)

    rows = failed_rows(schema.PLAN, count=1)
    plan = rows.set_column(4, rows.schema.field("error"), pa.nulls(1, schema.ERROR))
    out = pa.concat_tables(
        map_rows(plan, pages, stage="many", reads=schema.PLAN, writes=schema.DECODED)
    )
    assert out.select(["page_no", "page_count"]).to_pylist() == [
        {"page_no": 1, "page_count": 9},
        {"page_no": 2, "page_count": 9},
        {"page_no": 0, "page_count": 2},
    ]
    assert [error and error["reason"] for error in out["error"].to_pylist()] == [
        None,
        None,
        "corrupt_pdf",
    ]


def test_the_message_of_a_strange_exception_is_dropped():
    def fail(row):
        raise ValueError("SMITH^JOHN")

    rows = failed_rows(schema.PLAN, count=1)
    plan = rows.set_column(4, rows.schema.field("error"), pa.nulls(1, schema.ERROR))
    out = pa.concat_tables(
        map_rows(plan, fail, stage="many", reads=schema.PLAN, writes=schema.DECODED)
    )
    error = out["error"][0].as_py()
    assert (error["reason"], error["stage"]) == ("defect", "many")
    assert error["where"].startswith("ValueError")
    assert "SMITH" not in str(out.to_pylist())

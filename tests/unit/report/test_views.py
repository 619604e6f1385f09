"""The statements that are printed open the tables."""

import duckdb
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.report import views
from tests.factories_tables import RELEASE, row, write_part


@pytest.fixture
def out(tmp_path):
    place = tmp_path / "it's here"
    write_part(place, pages=[row("pages")], signals=[row("signals")])
    write_part(place, release="second", pages=[row("pages")])
    return place


def files(lines):
    """The views of tables that have files here; ``runs`` is written at the end of a run."""
    return [line for line in lines if "tables/runs" not in line]


def test_the_sql_opens_every_release_or_one(out):
    with duckdb.connect() as connection:
        for statement in files(views.lines(str(out))):
            connection.execute(statement)
        assert connection.sql("SELECT count(*) FROM pages").fetchall() == [(2,)]
        assert connection.sql("SELECT samples_uv FROM signals").fetchall() == [
            ([0, 100, None, -100],)
        ]
        for statement in files(views.lines(str(out), release=RELEASE)):
            connection.execute(statement)
        assert connection.sql("SELECT count(*) FROM pages").fetchall() == [(1,)]


def test_the_python_opens_one_release(out):
    names = {}
    exec("\n".join(files(views.lines(str(out), reader="pyarrow", release="second"))), names)
    assert names["pages"].count_rows() == 1


def test_a_question_is_answered_from_the_tables(out):
    answer = "\n".join(views.ask(str(out), "SELECT count(*) AS found FROM signals"))
    assert "found" in answer
    assert "1" in answer


@pytest.mark.parametrize("question", ["SELECT nothing FROM pages", "SELEC", "SELECT * FROM runs"])
def test_a_question_that_makes_no_sense_is_one_line(out, question):
    with pytest.raises(ConfigError) as caught:
        views.ask(str(out), question)
    assert "\n" not in str(caught.value)


def test_an_object_store_needs_its_extension_first():
    assert "httpfs" in views.lines("s3://bucket/out")[0]


def test_an_unknown_reader_names_the_known_ones():
    with pytest.raises(ConfigError, match="duckdb"):
        views.lines("out", reader="excel")

"""How to read the tables with tools that analysts have."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import duckdb

from ecgbatch import schema
from ecgbatch.errors import ConfigError
from ecgbatch.storage import to_uri


def lines(
    out: str,
    *,
    reader: str = "duckdb",
    release: str | None = None,
    tables: Sequence[str] = tuple(schema.PUBLISHED),
) -> list[str]:
    """Return statements that open every table of an output.

    Args:
        out: Folder or ``s3://`` address of the output.
        reader: ``duckdb`` for SQL views, ``pyarrow`` for Python data sets.
        release: Narrow the tables to this release.
        tables: Which ones.

    Raises:
        ConfigError: There is no such reader.
    """
    root = to_uri(out).removeprefix("file://").rstrip("/")
    if reader == "duckdb":
        return _sql(root, release, tables)
    if reader == "pyarrow":
        return _python(root, release, tables)
    raise ConfigError("the readers are duckdb and pyarrow")


def ask(out: str, question: str, *, release: str | None = None) -> list[str]:
    """Answer one SQL question to the tables of an output, as the lines of a small table.

    Raises:
        ConfigError: The question is not valid SQL, or the tables cannot be opened.
    """
    with duckdb.connect() as connection:
        for statement in lines(out, release=release, tables=(*schema.PUBLISHED, *schema.MARKS)):
            with suppress(duckdb.IOException):  # a table without files yet: `runs` of a first run
                connection.execute(statement)
        try:
            return str(connection.sql(question)).splitlines()
        except duckdb.Error as error:
            raise ConfigError(str(error).splitlines()[0]) from error


def _sql(root: str, release: str | None, tables: Sequence[str]) -> list[str]:
    statements = []
    if root.startswith("s3://"):
        statements += ["INSTALL httpfs; LOAD httpfs;"]
        statements += ["CREATE OR REPLACE SECRET (TYPE s3, PROVIDER credential_chain);"]
    narrow = "" if release is None else f" WHERE release = {_sql_text(release)}"
    for table in tables:
        files = f"read_parquet({_sql_text(f'{root}/tables/{table}/**/*.parquet')}"
        source = f"SELECT * FROM {files}, hive_partitioning = true)"  # noqa: S608 - text to print
        statements.append(f"CREATE OR REPLACE VIEW {table} AS {source}{narrow};")
    return statements


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _python(root: str, release: str | None, tables: Sequence[str]) -> list[str]:
    statements = ["import pyarrow.dataset as ds"]
    for table in tables:
        place = f"{root}/tables/{table}"
        narrow = "" if release is None else f".filter(ds.field('release') == {release!r})"
        statements.append(f"{table} = ds.dataset({place!r}, partitioning='hive'){narrow}")
    return statements

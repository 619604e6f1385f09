"""``docs/tables.md``, generated from ``schema``: run ``make docs`` after a change there.

A test fails while the page and the schema say different things, so the page cannot go stale.
"""

from __future__ import annotations

import sys

import pyarrow as pa

from ecgbatch import schema

_HEAD = """\
# Tables

<!-- Generated from ecgbatch/schema/ by `make docs`; a test fails when the two differ. -->

What a conversion publishes, version {version} of the tables. Units stand at the end of a name
(`_px`, `_mm`, `_ms`, `_hz`, `_uv`, `_deg`); a number without one is a count or a ratio. *Null*
says whether a value may be missing. Missing is always null: no sample, scale or name is made up.

    OUT/tables/pages/release=<release>/ingest_date=<YYYY-MM-DD>/<part>.parquet
    OUT/tables/signals/…
    OUT/tables/measurements/…
    OUT/tables/beats/…
    OUT/tables/quarantine/…
    OUT/tables/runs/…

A plain glob over one table reads every page at most once per release, during a run and after a
crash as well. `ecgbatch views OUT` prints this as views:

```sql
SELECT p.scan_id, p.page_no, s.lead, s.t0_ms, s.fs_hz, s.samples_uv
FROM read_parquet('OUT/tables/pages/**/*.parquet', hive_partitioning = true) AS p
JOIN read_parquet('OUT/tables/signals/**/*.parquet', hive_partitioning = true) AS s
USING (release, scan_id, page_no)
WHERE p.quality_class = 'good';
```

Two columns come from the path: `release` names the configuration and models that made a row,
`ingest_date` the day (UTC) on which its part was written.
"""


_MARKS = """\
## Marks

Two tables that `ecgbatch backfill` writes when there is something to say, each one file per
release: `OUT/tables/withdrawn/release=<release>/withdrawn.parquet` and the same for `superseded`.
"""


def markdown() -> str:
    """Describe every published table, column by column, as Markdown."""
    sections = [_HEAD.format(version=schema.TABLES_VERSION)]
    sections += [_section(name, table) for name, table in schema.PUBLISHED.items()]
    sections += [_MARKS, *(_section(name, table) for name, table in schema.MARKS.items())]
    return "\n".join(sections)


def _section(name: str, table: pa.Schema) -> str:
    lines = [f"## `{name}`", "", table.metadata[b"text"].decode(), ""]
    lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
    for field in table:
        null = "yes" if field.nullable else ""
        text = field.metadata[b"text"].decode().replace("|", "\\|")
        lines.append(f"| `{field.name}` | `{_type(field.type)}` | {null} | {text} |")
    return "\n".join([*lines, ""])


def _type(dtype: pa.DataType) -> str:
    if pa.types.is_list(dtype):
        return f"list<{_type(dtype.value_type)}>"
    if pa.types.is_map(dtype):
        return f"map<{_type(dtype.key_type)}, {_type(dtype.item_type)}>"
    return str(dtype)


if __name__ == "__main__":
    sys.stdout.write(markdown())

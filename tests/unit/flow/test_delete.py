"""What is deleted on request is gone everywhere, and stays away, whatever is killed in between."""

import shutil

import pyarrow.parquet as pq
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.flow.delete import delete
from ecgbatch.flow.ids import translated
from ecgbatch.flow.output import Output
from ecgbatch.flow.run import convert
from ecgbatch.flow.tombstones import still_named
from ecgbatch.flow.verify import verify
from ecgbatch.storage import scan_id, to_uri
from tests.drivers_flow import die_deleting, drive, start
from tests.factories_flow import KEY, OTHER, rows_of, settings, stages, tables_of


@pytest.fixture
def output(keyed, tmp_path, monkeypatch):
    """A copy of it that a test may change, and two of its ids: of one page and of three."""
    monkeypatch.setenv("ECGBATCH_ID_KEY", KEY)
    source, out = keyed
    shutil.copytree(out, tmp_path / "out")
    ids = [scan_id(f"{to_uri(source)}/{name}") for name in ("0001.scan", "0004.scan")]
    return source, tmp_path / "out", ids


def without(tables, ids):
    return {
        name: [row for row in rows if row["scan_id"] not in ids] for name, rows in tables.items()
    }


def holding(out, ids):
    return still_named(Output.at(str(out), settings().storage).store(), output_of(out), set(ids))


def output_of(out):
    return Output.at(str(out), settings().storage)


def test_rows_names_and_pictures_of_a_scan_are_gone_and_no_others(output):
    _, out, ids = output
    before = tables_of(out)
    (out / "review").mkdir()
    (out / "review" / f"{ids[0]}-1.jpg").write_bytes(b"picture")
    (out / "review" / "page.html").write_text(f"<p id='{ids[1]}'>")
    (out / "review" / "other.html").write_text("<p>")
    done = delete(str(out), ids, config=settings())
    assert (done.rows, done.left, done.exit_status) == (4, (), 0)
    assert tables_of(out) == without(before, ids)
    assert [path.name for path in (out / "review").iterdir()] == ["other.html"]
    assert holding(out, ids) == []
    (plan,) = out.glob("runs/*/plan/*.parquet")
    planned = [uri.rpartition("/")[2] for uri in pq.read_table(plan)["uri"].to_pylist()]
    assert len(planned) == 11
    assert not {"0001.scan", "0004.scan"} & set(planned)


def test_the_next_run_does_not_bring_it_back_and_verify_says_so(output):
    source, out, ids = output
    delete(str(out), ids, config=settings())
    before = tables_of(out)
    summary = drive(source, out)
    assert summary.state == "nothing_to_do"
    assert tables_of(out) == before
    report = verify(str(out), config=settings())
    assert (report.exit_status, report.scans_deleted) == (0, 2)


def test_a_row_that_came_back_is_found(output):
    _, out, ids = output
    copies = out.parent / "copy"
    shutil.copytree(out / "tables", copies)
    delete(str(out), ids, config=settings())
    shutil.copytree(copies, out / "tables", dirs_exist_ok=True)
    kinds = {finding.kind for finding in verify(str(out), config=settings()).findings}
    assert "deleted_scan" in kinds


@pytest.mark.parametrize("writes", [2, 3, 5, 8, 11, 13])
def test_a_deletion_that_was_killed_is_finished_by_the_next_run(writes, output):
    source, out, ids = output
    expected = without(tables_of(out), ids)
    process = start(die_deleting, writes, out, ids)
    process.join()
    begun = any((out / "restricted").rglob("*.json"))
    assert process.exitcode == -9
    drive(source, out)
    if not begun:  # killed before anything was asked for
        delete(str(out), ids, config=settings())
    assert tables_of(out) == expected
    assert holding(out, ids) == []
    assert verify(str(out), config=settings()).exit_status == 0


def test_who_lacks_the_key_deletes_what_stands_and_is_refused_what_does_not(output, monkeypatch):
    source, out, ids = output
    expected = without(tables_of(out), ids)
    monkeypatch.delenv("ECGBATCH_ID_KEY")
    with pytest.raises(ConfigError, match="give that key"):
        delete(str(out), ["0" * 32], config=settings())
    delete(str(out), ids, config=settings())
    monkeypatch.setenv("ECGBATCH_ID_KEY", KEY)
    drive(source, out)
    assert tables_of(out) == expected
    assert verify(str(out), config=settings()).exit_status == 0


def test_another_key_needs_the_old_one_to_keep_deleted_scans_away(output, monkeypatch):
    source, out, ids = output
    delete(str(out), ids, config=settings())
    monkeypatch.setenv("ECGBATCH_ID_KEY", OTHER)
    with pytest.raises(ConfigError, match="derived with the key"):
        drive(source, out)
    renewed = settings().model_copy(update={"release": "renewed"})

    def again():
        return convert(source, str(out), stages=stages(source), config=renewed, local=True)

    with pytest.raises(ConfigError, match="ECGBATCH_ID_KEY_OLD"):
        again()
    monkeypatch.setenv("ECGBATCH_ID_KEY_OLD", KEY)
    assert again().scans_listed == 11  # thirteen files, two of them deleted
    known = dict(translated(str(out), config=settings()))
    assert not known.keys() & set(ids)
    rows = {row["scan_id"]: row["key_id"] for row in rows_of(out, "pages")}
    old = scan_id(f"{to_uri(source)}/0002.scan", key=KEY.encode())
    assert rows[old] != rows[known[old]]


@pytest.mark.parametrize("ids", [[], ["x"], ["0" * 31], ["../" + "0" * 29]])
def test_what_is_no_id_is_refused_and_nothing_happens(ids, output):
    _, out, _ = output
    with pytest.raises(ConfigError):
        delete(str(out), ids, config=settings())
    assert not (out / "restricted").exists()

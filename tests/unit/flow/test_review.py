"""What a reviewer says holds from the next run on, and is obeyed exactly once."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ecgbatch.config import RunConfig
from ecgbatch.errors import ConfigError
from ecgbatch.flow.delete import delete
from ecgbatch.flow.queue import write_queue
from ecgbatch.flow.reviews import verdicts
from ecgbatch.flow.run import convert
from ecgbatch.flow.take_in import take_in
from ecgbatch.flow.verify import verify
from ecgbatch.report.verdict_file import read_verdicts
from ecgbatch.storage import open_store, scan_id, to_uri
from ecgbatch.synth.heart import simulate
from ecgbatch.synth.layouts import layout
from ecgbatch.synth.paper import render
from ecgbatch.synth.style import style
from jobs import convert as job
from tests.drivers_flow import die_after, drive, start
from tests.factories_flow import archive, rows_of, scan, settings, tables_of
from tests.factories_tables import row, write_part

CONFIG = RunConfig.model_validate(
    {"trace": {"network": False}, "rectify": {"px_per_mm": 6.0}, "release": "r"}
)
ORDER = ["I", "aVR", "V1", "V4", "II", "aVL", "V2", "V5", "III", "aVF", "V3", "V6", "II"]


def said(*verdicts):
    return read_verdicts(json.dumps(list(verdicts)).encode(), "verdicts.json")


def converted_by_geometry(source, out):
    stages = job.stages(CONFIG, str(source))
    return convert(str(source), str(out), stages=stages, config=CONFIG, local=True)


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """Three printed pages; one is corrected, one rejected, and the next two runs are made."""
    folder = tmp_path_factory.mktemp("review")
    source, out = folder / "in", str(folder / "out")
    source.mkdir()
    for number in range(3):
        drawn = render(
            simulate(number).by_name(),
            fs_hz=500.0,
            layout=layout("3x4+1R"),
            style=style("pink_letter"),
            dpi=150.0,
        )
        assert cv2.imwrite(str(source / f"{number}.png"), drawn.pixels[:, :, ::-1])

    def run():
        return converted_by_geometry(source, out)

    ids = [scan_id(f"{to_uri(str(source))}/{number}.png") for number in range(3)]
    run()
    before = rows_of(out, "signals")
    names = [{"V1": "V2", "V2": "V1"}.get(name, name) for name in ORDER]
    corrected = {"scan_id": ids[0], "page_no": 1, "verdict": "corrected"}
    corrected |= {"speed_mm_per_s": 50, "gain_mm_per_mv": 5, "names": " ".join(names)}
    verdicts = said(corrected, {"scan_id": ids[1], "page_no": 1, "verdict": "rejected"})
    new = [take_in(out, verdicts, reviewer="A. Reader", config=CONFIG) for _ in range(2)]
    return out, ids, before, new, [run(), run()]


def test_the_same_file_twice_is_taken_in_once(reviewed):
    assert reviewed[3] == [2, 0]


def test_corrected_pages_are_converted_again_exactly_once_and_others_are_not(reviewed):
    first, second = reviewed[4]
    assert (first.state, first.scans_done) == ("done", 2)
    assert second.state == "nothing_to_do"
    assert verify(reviewed[0], config=CONFIG).exit_status == 0


def test_speed_gain_and_names_are_those_of_the_reviewer(reviewed):
    out, ids, before, *_ = reviewed
    pages = {page["scan_id"]: page for page in rows_of(out, "pages")}
    assert set(pages) == {ids[0], ids[2]}
    page = pages[ids[0]]
    assert (page["speed_mm_per_s"], page["speed_source"]) == (50.0, "reviewed")
    assert (page["gain_mm_per_mv"], page["gain_source"]) == (5.0, "reviewed")
    assert "reviewed" in page["flags"]
    assert page["review_id"]
    assert pages[ids[2]]["review_id"] is None
    after = [lead for lead in rows_of(out, "signals") if lead["scan_id"] == ids[0]]
    assert {lead["name_source"] for lead in after} == {"reviewed"}
    first = {lead["lead"]: lead for lead in before if lead["scan_id"] == ids[0]}
    again = {lead["lead"]: lead for lead in after}
    for was, now in (("V1", "V2"), ("V2", "V1"), ("V3", "V3")):
        assert np.allclose(first[was]["origin_px"], again[now]["origin_px"], atol=1)
        spans = [
            np.ptp([value for value in lead["samples_uv"] if value is not None])
            for lead in (first[was], again[now])
        ]
        assert spans[1] == pytest.approx(2 * spans[0], rel=0.1)  # half the gain, twice the volts


def test_a_rejected_page_stands_in_quarantine_with_its_verdict(reviewed):
    out, ids, *_ = reviewed
    (rejected,) = rows_of(out, "quarantine")
    assert (rejected["scan_id"], rejected["reason"]) == (ids[1], "review_rejected")
    assert rejected["review_id"]


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        ({"scan_id": "e" * 32, "page_no": 1, "verdict": "accepted"}, "entry 1: no such page"),
        ({"page_no": 2, "verdict": "accepted"}, "entry 1: no such page"),
        ({"page_no": 1, "verdict": "corrected", "names": "I II"}, "names has 2 leads"),
        ({"page_no": 1, "verdict": "corrected", "layout": "7x9"}, "a 7x9 has no usual order"),
        (
            {"page_no": 1, "verdict": "corrected", "layout": "3x4", "names": "I II"},
            "names has 2 leads, and the page 12",
        ),
    ],
)
def test_a_verdict_on_what_does_not_stand_is_refused(verdict, message, reviewed):
    out, ids, *_ = reviewed
    with pytest.raises(ConfigError, match=message):
        take_in(out, said({"scan_id": ids[2], **verdict}), reviewer="A", config=CONFIG)


def test_a_page_is_read_again_in_the_layout_that_a_reviewer_stated_and_stays_so(reviewed, tmp_path):
    out, ids, *_ = reviewed
    shutil.copytree(out, tmp_path / "out")
    page = {"scan_id": ids[2], "page_no": 1, "verdict": "corrected"}

    def after(**correction):
        take_in(str(tmp_path / "out"), said(page | correction), reviewer="A", config=CONFIG)
        assert converted_by_geometry(Path(out).parent / "in", tmp_path / "out").scans_done == 1
        (row,) = (p for p in rows_of(tmp_path / "out", "pages") if p["scan_id"] == ids[2])
        leads = [s for s in rows_of(tmp_path / "out", "signals") if s["scan_id"] == ids[2]]
        return row, [lead["lead"] for lead in leads]

    row, leads = after(layout="4x1", names="I II III V1")
    assert (row["layout"], sorted(leads)) == ("4x1", ["I", "II", "III", "V1"])
    row, leads = after(gain_mm_per_mv=5)  # says nothing of the layout, so that it holds
    assert (row["layout"], sorted(leads)) == ("4x1", ["I", "II", "III", "V1"])
    row, leads = after(layout="6x2")  # which the page does not have: it is what it looks like
    assert (row["layout"], len(leads)) == ("3x4+1R", 13)
    assert {"reviewed", "layout_guessed"} <= set(row["flags"])


def test_a_layout_without_names_has_its_usual_ones_row_by_row(reviewed):
    out, ids, *_ = reviewed
    verdict = {"scan_id": ids[2], "page_no": 1, "verdict": "corrected", "layout": "6x2+1R"}
    assert take_in(out, said(verdict), reviewer="A", config=CONFIG) == 1
    given = verdicts(open_store(to_uri(out), CONFIG.storage)).to_pylist()
    (row,) = (row for row in given if row["scan_id"] == ids[2])
    assert row["layout"] == "6x2+1R"
    assert [name["lead"] for name in row["names"]] == [
        *("I", "V1", "II", "V2", "III", "V3", "aVR", "V4", "aVL", "V5", "aVF", "V6", "II")
    ]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fake")
    source = archive(folder / "in", 8)
    drive(source, folder / "out")
    return source, folder / "out"


@pytest.fixture
def accepted(converted, tmp_path):
    """A copy of small tables in which one page was accepted, and its scan."""
    source, out = converted
    shutil.copytree(out, tmp_path / "out")
    ident = scan_id(f"{to_uri(source)}/0001.scan")
    verdicts = said({"scan_id": ident, "page_no": 1, "verdict": "accepted"})
    assert take_in(str(tmp_path / "out"), verdicts, reviewer="A", config=settings()) == 1
    return source, tmp_path / "out", ident


@pytest.mark.parametrize("writes", [5, 9, 15])
def test_a_run_that_obeys_may_be_killed(writes, accepted, tmp_path):
    source, out, ident = accepted
    shutil.copytree(out, tmp_path / "undisturbed")
    assert drive(source, tmp_path / "undisturbed").scans_done == 1
    process = start(die_after, writes, source, out)
    process.join()
    assert process.exitcode == -9
    drive(source, out)
    assert drive(source, out).state == "nothing_to_do"
    assert tables_of(out) == tables_of(tmp_path / "undisturbed")
    (page,) = (page for page in rows_of(out, "pages") if page["scan_id"] == ident)
    assert page["review_id"]


def test_a_changed_file_is_not_held_to_a_verdict_on_the_old_one(tmp_path):
    source, out = archive(tmp_path / "in", 2), tmp_path / "out"
    drive(source, out)
    verdict = {"scan_id": scan_id(f"{to_uri(source)}/0001.scan"), "page_no": 1}
    take_in(str(out), said({**verdict, "verdict": "accepted"}), reviewer="A", config=settings())
    scan(source, "0001.scan", seed=4711)
    assert drive(source, out).scans_done == 1
    assert [page["review_id"] for page in rows_of(out, "pages")] == [None, None]
    assert drive(source, out).state == "nothing_to_do"


def test_verdicts_of_a_deleted_scan_go_with_it(accepted):
    source, out, ident = accepted
    assert delete(str(out), [ident], config=settings()).exit_status == 0
    assert drive(source, out).state == "nothing_to_do"


def test_the_queue_holds_pages_to_review_the_worst_first_without_those_that_were_seen(tmp_path):
    ids = ["1" * 32, "2" * 32, "3" * 32]
    pages = [
        row("pages", scan_id=ids[0], quality_class="review", quality_score=0.6),
        row("pages", scan_id=ids[1], quality_class="review", quality_score=0.5),
        row("pages", scan_id=ids[2]),
    ]
    places = {"I": [100.0, 400.0], "II": [800.0, 410.0], "III": [100.0, 700.0]}
    signals = [
        row("signals", scan_id=scan, lead=lead, origin_px=place)
        for scan in ids
        for lead, place in reversed(places.items())
    ]
    write_part(tmp_path, release="r", pages=pages, signals=signals)
    (tmp_path / "runs" / "x").mkdir(parents=True)
    record = {"run_id": "x", "task": "convert x", "archives": [], "release": "r", "models": []}
    record |= {"fingerprint": "", "settings": "", "software_version": "", "started_at": ""}
    (tmp_path / "runs" / "x" / "run.json").write_text(json.dumps(record))

    def queued(limit):
        done = write_queue(
            str(tmp_path), config=CONFIG, draw=lambda *_: b"jpeg", limit=limit, release="r"
        )
        return done.waiting, done.shown

    assert queued(1) == (2, 1)
    folder = tmp_path / "review" / "r"
    assert [path.stem for path in (folder / "pictures").iterdir()] == [f"{ids[1]}-1"]
    (task,) = json.loads((folder / "tasks.json").read_text())
    assert task["data"]["scan_id"] == ids[1]
    assert "I II III" in task["data"]["found"]
    assert "I II III" in (folder / "review.html").read_text()
    verdict = {"scan_id": ids[1], "page_no": 1, "verdict": "accepted"}
    take_in(str(tmp_path), said(verdict), reviewer="A", config=CONFIG, release="r")
    assert queued(9) == (1, 1)

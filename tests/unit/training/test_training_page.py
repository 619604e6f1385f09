"""Members that see pages, from a handful of simulated records to weights."""

import csv

import numpy as np
import pytest
import torch

from ecgbatch.imaging.lead_strips import FRAME_COLUMNS, STRIP_ROWS
from ecgbatch.models.page import open_page_diagnosis
from ecgbatch.models.vocabularies import targets
from ecgbatch.training.diagnosis.fit_pages import ask_pages, assembled_pages
from ecgbatch.training.diagnosis.kept_sheets import keep_sheets, read_sheets
from ecgbatch.training.diagnosis.page_members import PAGE_TASKS
from ecgbatch.training.diagnosis.page_pool import read_printable
from ecgbatch.training.diagnosis.records import CHOSEN_FOLD, LEARNT_FOLDS, read_labelled
from ecgbatch.training.diagnosis.sheets import SHEET_PX_PER_MM, draw_sheet, trace_sheet
from ecgbatch.training.diagnosis.ship import page_card, ship
from ecgbatch.training.diagnosis.strip_views import (
    changed_strips,
    packed_strips,
    unpacked_strips,
)
from ecgbatch.training.diagnosis.views import measure_views
from ecgbatch.training.loop import Plan, train
from ecgbatch.types import LEADS
from tests.factories_hearts import heart

LABELS = sorted({label for name in targets() for label in name.split("|")} - {"age:OLD"})
HAS = ("has_super", "has_sub", "has_rhythm")
COUNT = 9


def signal_uv(number=1):
    record = heart(number).by_name()
    return np.round(np.array([record[name] for name in LEADS])).astype(np.int16)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A record of each fold."""
    folder = tmp_path_factory.mktemp("records")
    signals = np.stack([signal_uv(number) for number in range(COUNT)])
    np.savez(folder / "a.npz", signal_uv=signals, ecg_id=np.arange(1, COUNT + 1), fs_hz=500)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["ecg_id", "patient_id", "strat_fold", *LABELS, *HAS])
        rows.writeheader()
        for number in range(1, COUNT + 1):
            row = dict.fromkeys(LABELS, 0) | dict.fromkeys(HAS, 1) | {"super:NORM": number % 2}
            rows.writerow(row | {"ecg_id": number, "patient_id": number, "strat_fold": number})
    return folder


@pytest.fixture(scope="module")
def kept(records, tmp_path_factory):
    """What was measured of the records, what a teacher says of them, and a few sheets."""
    folder = tmp_path_factory.mktemp("kept")
    labelled = read_labelled(records, kept=folder / "records.npz")
    folds = dict(zip(labelled.record_id.tolist(), labelled.fold.tolist(), strict=True))
    list(measure_views(records, folder / "views", folds=folds))
    np.savez(folder / "teacher.npz", probability=np.full((COUNT, len(targets())), 0.3, np.float32))
    list(keep_sheets(folder / "sheets-learnt", lambda number: sheet(number + 1), count=2))
    list(keep_sheets(folder / "sheets-chosen", lambda _: sheet(CHOSEN_FOLD), count=1))
    return folder


def sheet(number, *, layouts=("3x4+1R",), profile="clean"):
    rng = np.random.default_rng(number)
    return draw_sheet(
        signal_uv(number), rng, fs_hz=500.0, record_id=number, layouts=layouts, profile=profile
    )


def test_a_printed_page_and_traces_alone_show_the_same_where_they_say_it_is():
    signal = signal_uv(1)
    traces = trace_sheet(
        signal[:, ::5].astype(np.float32) / 1000,
        np.random.default_rng(4),
        fs_hz=100.0,
        record_id=1,
    )
    for each in (traces, sheet(1)):
        ink, shown = unpacked_strips(packed_strips(each))
        lead = int(shown.sum(axis=1).argmax())
        columns = np.flatnonzero(shown[lead])[8:-8]
        rows = np.arange(ink.shape[1])[:, None]
        there = ink[lead][:, columns].astype(np.float64)
        assert there.max(axis=0).min() > 20, "there is ink in every column"
        middle = (there * rows).sum(axis=0) / there.sum(axis=0)
        assert abs(np.median(middle) - 32) < 6, "the zero line is in the middle"


@pytest.mark.parametrize("profile", ["torn", "fax"])
def test_a_damaged_page_is_a_sheet(profile):
    found = sheet(2, profile=profile)
    assert found.profile == profile
    height, width = found.pixels.shape
    assert found.regions
    for each in found.regions:
        assert -2 <= each.left_px < each.right_px <= width + 2
        assert -2 <= each.baseline_px <= height + 2
    assert 150 < width / SHEET_PX_PER_MM < 500


def test_sheets_are_drawn_once_and_found_again(tmp_path):
    assert [path.name for path in keep_sheets(tmp_path, sheet, count=3, per_file=2)] == [
        "000000.npz",
        "000002.npz",
    ]
    (tmp_path / "000002.npz").unlink()
    again = list(keep_sheets(tmp_path, sheet, count=3, per_file=2))
    assert [path.name for path in again] == ["000002.npz"]
    found, drawn = read_sheets(tmp_path), sheet(2)
    assert found.record_ids == [0, 1, 2]
    assert found[2].regions == drawn.regions
    assert np.abs(found[2].pixels.astype(int) - drawn.pixels).mean() < 2


def test_only_records_of_the_folds_that_were_asked_for_are_printed(records):
    printable = read_printable(records, folds=LEARNT_FOLDS)
    assert set(printable.record_id.tolist()) == set(LEARNT_FOLDS)
    np.testing.assert_array_equal(printable.signal_uv(0), signal_uv(0))


def test_what_is_hidden_is_told_and_something_is_left():
    ink, shown = unpacked_strips(packed_strips(sheet(3, layouts=("12x1",))))
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(40):
        _, left = changed_strips(ink, shown, rng)
        assert not (left & ~shown.astype(bool)).any()
        shares.append(left.sum() / shown.sum())
    assert 0 < min(shares) < 0.5 < max(shares)


def test_a_page_begins_anywhere_in_a_beat_and_its_leads_stay_beside_each_other():
    ink, shown = np.zeros((12, STRIP_ROWS, FRAME_COLUMNS), np.uint8), np.ones((12, FRAME_COLUMNS))
    ink[:, 20:40, 300] = 200
    found = set()
    for seed in range(12):
        moved, _ = changed_strips(ink, shown, np.random.default_rng(seed))
        [place] = set(moved.sum(axis=1, dtype=int).argmax(axis=1).tolist())
        assert 255 < place <= 300
        found.add(place)
    assert len(found) > 3


@pytest.fixture(scope="module")
def trained(records, kept):
    plan = Plan(steps=1, validate_every=1, checkpoint_every=1, log_every=1)
    given = {"pages": kept, "size": 2}
    train(PAGE_TASKS["rows"](records, kept, **given), plan, kept / "rows-traces")
    for name, task in PAGE_TASKS.items():
        begins = kept / "rows-traces" if name == "rows" else None
        second = task(records, kept, printed=0.5, begins=begins, **given)
        train(second, plan, kept / f"{name}-pages")
        third = task(records, kept, printed=0.5, begins=kept / f"{name}-pages", **given)
        train(third, plan, kept / f"{name}-longer")
    return kept


def test_members_learn_from_traces_then_from_pages_and_are_shipped(records, trained, tmp_path):
    network = assembled_pages(trained)
    labelled = read_labelled(records, kept=trained / "records.npz")
    asked = ask_pages(network, labelled, read_sheets(trained / "sheets-chosen"))
    assert asked.logits.shape == (6, 1, len(targets()))
    assert torch.isfinite(asked.logits[3:]).all()
    assert torch.isnan(asked.logits[:3]).all()
    assert labelled.fold[asked.row].tolist() == [CHOSEN_FOLD]
    written = ship(network, page_card("0.0.1", command="make"), tmp_path)
    again, card = open_page_diagnosis(tmp_path / "page.json", device=torch.device("cpu"))
    assert card == written
    folded = ask_pages(again, labelled, read_sheets(trained / "sheets-chosen"))
    assert torch.allclose(folded.logits[3:], asked.logits[3:], atol=1e-3)


def test_a_batch_depends_on_its_number_alone_and_holds_no_record_to_measure_on(records, trained):
    task = PAGE_TASKS["rows"](records, trained, size=8, pages=trained, printed=0.5)
    one, two = (task.batch(np.random.default_rng(5)) for _ in range(2))
    for name, part in one.items():
        np.testing.assert_array_equal(part, two[name])
    learnt = {task.number[each] for each in task.sheets.record_ids}
    assert set(task.labelled.fold[list(learnt)]) <= LEARNT_FOLDS

"""From labelled records to an ensemble, on a handful of simulated ones."""

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecgbatch.errors import ConfigError
from ecgbatch.evaluation.discrimination import macro_auroc
from ecgbatch.models.card import load_weights, read_card
from ecgbatch.models.diagnosis import Diagnosis, Ensemble
from ecgbatch.models.members import CASES, MEMBERS
from ecgbatch.models.vocabularies import targets
from ecgbatch.signal.facts import FACTS
from ecgbatch.signal.frames import FRAME_HZ, FRAME_SAMPLES
from ecgbatch.synth.layouts import layout, layout_names
from ecgbatch.training.diagnosis.beat_tasks import FactsTask, ShapesTask
from ecgbatch.training.diagnosis.fit import Asked, ask, assembled, estimable, fit, in_every_case
from ecgbatch.training.diagnosis.printings import drawn_mask, leads_of, read_back, shown
from ecgbatch.training.diagnosis.records import (
    CHOSEN_FOLD,
    LEARNT_FOLDS,
    REPORTED_FOLD,
    read_labelled,
    require_apart,
)
from ecgbatch.training.diagnosis.ship import card, ship
from ecgbatch.training.diagnosis.simulated import (
    SimulatedViews,
    drawn_condition,
    holds_of,
    measure_simulated,
    read_simulated,
)
from ecgbatch.training.diagnosis.simulated_task import SimulatedTask, measured, shown_alone, tried
from ecgbatch.training.diagnosis.targets import Targets, targets_of
from ecgbatch.training.diagnosis.tasks import SignalTask
from ecgbatch.training.diagnosis.views import WHOLE, measure_views, read_views
from ecgbatch.training.loop import Plan, train
from ecgbatch.types import LEADS
from tests.factories_hearts import heart

COLUMNS = sorted({label for name in targets() for label in name.split("|")} | {"form:PRC(S)"})
HAS = ("has_super", "has_sub", "has_rhythm")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Twelve records of all folds: every second one fibrillates."""
    folder = tmp_path_factory.mktemp("records")
    signals = []
    for number in range(12):
        signal = heart(number, condition="AFIB" if number % 2 else "NORM").by_name()
        signals.append([signal[name] for name in LEADS])
    signal_uv = np.round(np.array(signals)).astype(np.int16)
    first = {"signal_uv": signal_uv[:9], "ecg_id": np.arange(1, 10), "fs_hz": 500}
    np.savez(folder / "a.npz", **first)
    fast = signal_uv[9:, :, ::5] / signal_uv[9:].std(axis=2, keepdims=True)
    zscored = {
        "zscore_milli": np.round(1000 * fast).astype(np.int16),
        "ecg_id": np.arange(10, 13),
        "fs_hz": 100,
    }
    np.savez(folder / "b.npz", **zscored)
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        names = [each for each in COLUMNS if not each.startswith("age:")]
        rows = csv.DictWriter(file, ["ecg_id", "patient_id", "strat_fold", *names, *HAS])
        rows.writeheader()
        for number in range(12):
            row = dict.fromkeys(names, 0) | dict.fromkeys(HAS, 1)
            row |= {"ecg_id": number + 1, "patient_id": number + 1, "strat_fold": number % 9 + 1}
            row["rhythm:AFIB" if number % 2 else "super:NORM"] = 1
            rows.writerow(row)
    return folder


@pytest.fixture(scope="module")
def trained(records, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept")
    labelled = read_labelled(records, kept=kept / "records.npz")
    folds = dict(zip(labelled.record_id.tolist(), labelled.fold.tolist(), strict=True))
    list(measure_views(records, kept / "views", folds=folds))
    plan = Plan(steps=2, validate_every=2, checkpoint_every=1, log_every=1)
    for name, task in (("signal", SignalTask), ("facts", FactsTask), ("shapes", ShapesTask)):
        train(task(records, kept, size=6), plan, kept / name)
    list(measure_simulated(kept / "simulated-hearts", count=4))
    train(SimulatedTask(records, kept, size=6), plan, kept / "simulated")
    return kept


def test_a_patient_with_records_in_two_folds_is_refused():
    require_apart(np.array([1, 1, 2]), np.array([3, 3, 4]))
    with pytest.raises(ConfigError, match="1 patients"):
        require_apart(np.array([1, 1, 2]), np.array([3, 4, 4]))


@pytest.mark.data
def test_no_patient_of_the_real_records_stands_on_two_sides():
    if "ECGBATCH_DATA" not in os.environ:
        pytest.skip("ECGBATCH_DATA is not set")
    path = Path(os.environ["ECGBATCH_DATA"]) / "ptbxl" / "labels.csv"
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    sides = {
        int(fold): {row["patient_id"] for row in rows if int(row["strat_fold"]) == fold}
        for fold in range(1, 10)
    }
    learnt = set().union(*(sides[fold] for fold in LEARNT_FOLDS))
    assert learnt
    assert not learnt & sides[CHOSEN_FOLD]
    assert not learnt & sides[REPORTED_FOLD]
    assert not sides[CHOSEN_FOLD] & sides[REPORTED_FOLD]


def test_what_is_learnt_from_is_of_the_folds_to_learn_from(records, trained):
    task = FactsTask(records, trained, size=6)
    assert set(task.labelled.fold[task.of_view[task.chosen]]) <= LEARNT_FOLDS


def test_lost_amplitude_teaches_rhythms_and_nothing_else(records):
    labelled = read_labelled(records)
    truth = targets_of(labelled)
    assert labelled.has_amplitude.sum() == 9
    for name, known in zip(truth.names, truth.known.T, strict=True):
        if name.startswith("rhythm:"):
            assert known.all(), name
        elif name.startswith(("super:", "sub:")):
            assert (known == labelled.has_amplitude).all(), name
    assert truth.holds[:, truth.names.index("rhythm:AFIB")].sum() == 6


def test_views_are_measured_once_and_whole_ones_are_among_them(records, trained):
    views = read_views(trained / "views")
    assert set(views.record_id[views.layout == WHOLE]) == set(range(1, 10))
    folds = dict.fromkeys(range(1, 10), 1)
    assert list(measure_views(records, trained / "views", folds=folds)) == []


@pytest.mark.parametrize("name", layout_names())
def test_a_mask_shows_of_a_record_what_its_layout_prints(name):
    printed = layout(name)
    mask = shown(printed, fs_hz=FRAME_HZ, samples=FRAME_SAMPLES)
    for place, lead in enumerate(LEADS):
        assert mask[place].any() == (lead in printed.leads), lead
    signal = np.arange(12 * FRAME_SAMPLES, dtype=np.float32).reshape(12, -1)
    for lead in leads_of(signal, mask, fs_hz=FRAME_HZ):
        first = round(lead.t0_ms * FRAME_HZ / 1000)
        row = signal[LEADS.index(lead.lead)]
        np.testing.assert_array_equal(
            lead.signal_uv, 1000 * row[first : first + len(lead.signal_uv)]
        )


def test_no_drawn_mask_is_empty():
    rng = np.random.default_rng(0)
    shares = [drawn_mask(rng, FRAME_SAMPLES).mean() for _ in range(300)]
    assert min(shares) > 0
    assert max(shares) > 0.95
    assert 0.2 < np.median(shares) < 0.6


def test_what_is_read_back_is_the_record_with_a_few_microvolts_of_noise():
    signal = np.stack([np.sin(np.arange(1000) / 20)] * 12).astype(np.float32)
    back = read_back(signal, np.random.default_rng(1), fs_hz=FRAME_HZ)
    assert 0.002 < np.abs(back - signal).mean() < 0.06


def test_members_are_put_together_fitted_and_shipped_as_one_file(records, trained, tmp_path):
    network = assembled(trained)
    labelled = read_labelled(records, kept=trained / "records.npz")
    truth, views = targets_of(labelled), read_views(trained / "views")
    asked = ask(network, labelled, views, fold=CHOSEN_FOLD, layouts=(WHOLE, "3x4+1R"))
    assert asked.logits.shape == (6, 2, len(targets()))
    assert torch.isfinite(asked.logits[:3]).all()
    assert torch.isnan(asked.logits[3:]).all()
    assert asked.share.tolist() == pytest.approx([1.0, 0.3125], abs=0.01)
    fit(network.ensemble, asked, truth)
    written = ship(network, card("0.0.1", command="make"), tmp_path)
    again = Diagnosis(FACTS)
    load_weights(again, read_card(tmp_path / "diagnosis.json"), tmp_path / "diagnosis.safetensors")
    assert torch.equal(again.ensemble.threshold, network.ensemble.threshold)
    assert written.classes == targets()


def test_simulated_hearts_are_measured_once_and_told_apart_by_what_they_have(trained):
    folder = trained / "simulated-hearts"
    assert list(measure_simulated(folder, count=4)) == []
    hearts = read_simulated(folder)
    assert hearts.facts.shape == (4, len(FACTS))
    assert np.isfinite(hearts.facts[:, 0]).any()
    record = heart(3, condition="BIGU+RVH")
    has = {name for name, holds in zip(targets(), holds_of(record), strict=True) if holds}
    assert {"rhythm:BIGU", "sub:RVH", "form:PVC"} <= has
    assert not has & {"rhythm:AFIB", "super:NORM"}
    drawn = {drawn_condition(np.random.default_rng(seed)) for seed in range(40)}
    assert len(drawn) > 20
    with pytest.raises(ConfigError, match="no measured heart"):
        read_simulated(trained / "nowhere")


def test_no_record_teaches_what_only_simulated_hearts_are_to_teach(records, trained):
    task = SimulatedTask(records, trained, size=30)
    task.__dict__["by_records"] = np.array([name == "super:NORM" for name in targets()])
    count = 10  # records come first
    known = task.batch(np.random.default_rng(0))["known"][:count]
    assert known[:, targets().index("super:NORM")].any()
    assert not np.delete(known, targets().index("super:NORM"), axis=1).any()
    assert set(task.labelled.fold[task.of_view[task.chosen]]) <= LEARNT_FOLDS


def test_what_simulated_hearts_teach_is_shown_where_enough_real_records_bear_it_out(
    records, trained
):
    labelled, views = read_labelled(records), read_views(trained / "views")
    truth = targets_of(labelled)
    fibrillates = targets().index("rhythm:AFIB")

    class Knowing(torch.nn.Module):
        """Says what is true of real records, or its opposite."""

        sign = 1.0

        def forward(self, facts):
            del facts
            rows = [int(n) - 1 for n in views.record_id[views.layout == WHOLE]]
            return self.sign * torch.from_numpy(truth.holds[rows].astype(np.float32))

    taught = np.zeros((30, len(targets())), bool)
    taught[:25, fibrillates] = True
    hearts = SimulatedViews(np.zeros((30, len(FACTS)), np.float32), taught, np.full(30, "AFIB"))
    network = Knowing()
    [right] = tried(network, labelled, truth, views, hearts)
    assert right.target == "rhythm:AFIB"
    assert right.positives == (4, 0)
    assert right.areas[0] == 1.0
    assert not right.shown, "four records bear nothing out"
    many = replace(right, positives=(10, 0))
    assert many.shown
    assert shown_alone([many])[fibrillates]
    assert shown_alone([many]).sum() == 1
    [figure] = measured([many, replace(right, target="rhythm:PACE")])
    assert "simulated hearts alone" in figure.figure
    network.sign = -1.0
    [wrong] = tried(network, labelled, truth, views, hearts)
    assert not replace(wrong, positives=(10, 0)).shown


def test_rare_statements_cannot_be_judged(records):
    labelled = read_labelled(records)
    assert not estimable(labelled, targets_of(labelled)).any()


def member_logits(truth, *, strength, rng):
    signs = torch.from_numpy(np.where(truth, 1.0, -1.0))
    return (strength * signs + torch.from_numpy(rng.normal(0, 1, truth.shape))).float()


def test_a_member_that_knows_nothing_is_not_heard_and_words_come_to_match_deeds():
    rng = np.random.default_rng(5)
    names = targets()
    holds = rng.random((600, len(names))) < 0.3
    truth = Targets(names, holds, np.ones_like(holds))
    logits = torch.full((len(MEMBERS), 600, len(names)), float("nan"))
    for place, strength in enumerate((1.5, 0.3, 0.0)):
        logits[place] = 5 * member_logits(holds, strength=strength, rng=rng)
    logits[1, :100] = float("nan")
    ensemble = Ensemble(names)
    fit(ensemble, Asked(logits, torch.ones(600), np.arange(600), np.full(600, WHOLE)), truth)
    probability, alone, weights = ensemble(logits, torch.ones(600))
    assert float(ensemble.sharpness[2].abs().max()) < 0.1 < float(ensemble.sharpness[0].min())
    best, together = (
        macro_auroc(scores.numpy().astype(np.float64), holds, np.ones_like(holds))[0]
        for scores in (alone[0], probability)
    )
    assert together > best - 0.002
    assert (weights[1, :100] == 0).all()
    assert torch.isnan(alone[1, :100]).all()
    assert torch.allclose(weights.sum(dim=0), torch.ones(600, len(names)))
    sure = probability > 0.8
    assert abs(float(probability[sure].mean()) - holds[sure.numpy()].mean()) < 0.05
    nobody, _, none = ensemble(torch.full_like(logits, float("nan")), torch.ones(600))
    assert torch.isnan(nobody).all()
    assert (none == 0).all()


def test_each_case_has_its_own_calibration_and_thresholds():
    rng = np.random.default_rng(6)
    names = targets()
    holds = rng.random((400, len(names))) < 0.3
    truth = Targets(names, holds, np.ones_like(holds))
    said = torch.full((2, len(MEMBERS), 400, len(names)), float("nan"))
    said[0, 0] = 2 * member_logits(holds, strength=1.5, rng=rng)
    said[1, 3] = 2 * member_logits(holds, strength=0.5, rng=rng)
    rows, full = np.arange(400), np.full(400, WHOLE)
    read, seen = (Asked(each, torch.ones(400), rows, full) for each in said)
    every = in_every_case(read, seen)
    assert every.logits.shape[1] == 1200
    ensemble = Ensemble(names)
    fit(ensemble, every, truth)
    assert (ensemble.largest_doubt != Ensemble(names).largest_doubt).all()
    probability, _, weights = ensemble(every.logits, every.share)
    areas = [
        macro_auroc(part.numpy().astype(np.float64), holds, np.ones_like(holds))[0]
        for part in probability.split(400)
    ]
    assert areas[1] < areas[0] <= areas[2] + 0.005
    assert (weights[0, 800:] > weights[3, 800:]).all()
    for case, part in zip(CASES, probability.split(400), strict=True):
        sure = part > 0.5
        error = abs(float(part[sure].mean()) - holds[sure.numpy()].mean())
        assert error < 0.05, case


def test_a_case_without_any_view_is_left_as_it_was():
    rng = np.random.default_rng(7)
    names = targets()
    holds = rng.random((50, len(names))) < 0.3
    logits = torch.full((len(MEMBERS), 50, len(names)), float("nan"))
    logits[0] = member_logits(holds, strength=1.0, rng=rng)
    ensemble = Ensemble(names)
    truth = Targets(names, holds, np.ones_like(holds))
    fit(ensemble, Asked(logits, torch.ones(50), np.arange(50), np.full(50, WHOLE)), truth)
    assert (ensemble.threshold[1:] == 0.5).all()
    assert (ensemble.shift[1:] == 0).all()

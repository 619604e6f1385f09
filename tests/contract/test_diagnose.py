"""Stage ``diagnose``: what it says of good pages, and that bad ones get no confident label."""

import numpy as np
import pyarrow as pa
import pytest

from ecgbatch import schema
from ecgbatch.config import DiagnoseSettings, PoolSettings, RunConfig
from ecgbatch.models.vocabularies import VOCABULARIES, statements
from ecgbatch.stages.base import chain
from ecgbatch.stages.diagnose import Diagnose, diagnose_needs
from ecgbatch.stages.measure import Measure
from ecgbatch.stages.publish import published
from jobs.convert import stages
from tests.factories_hearts import columns, full, heart, lead, page

ABOUT = {"run_id": "run-1", "fingerprint": "f" * 16, "software_version": "0", "models": []}


@pytest.fixture(scope="module")
def run():
    return chain([Measure(), Diagnose(DiagnoseSettings())])


def labels(run, *pages):
    """Return the labels of each page, by vocabulary and code."""
    rows = [page(number, leads) for number, leads in enumerate(pages)]
    table = pa.concat_tables(run(pa.Table.from_pylist(rows, schema=schema.CALIBRATED)))
    assert table["error"].null_count == len(pages)
    made = published(table, **ABOUT)["labels"].to_pylist()
    found = [{} for _ in pages]
    for row in made:
        found[int(row["scan_id"], 16)][row["vocabulary"], row["code"]] = row
    return found


def changed(leads, change):
    return [
        lead(each.lead, change(each.signal_uv), t0_ms=each.t0_ms, fs_hz=each.fs_hz)
        for each in leads
    ]


def flat(values):
    return np.zeros_like(values)


def tall(values):
    return 30_000 * values / np.abs(values).max()


def half_second(values):
    return values[:250]


def holes(values):
    return np.full_like(values, np.nan)


def noise(values):
    return np.random.default_rng(7).normal(0, 150, values.size).astype(np.float32)


def at_rate(factor):
    return [lead(each.lead, each.signal_uv, fs_hz=500.0 * factor) for each in full(heart(1))]


NOTHING = {
    "no lead": ([], "nothing_shown"),
    "only nulls": (changed(full(heart(1)), holes), "nothing_shown"),
    "a flat line": (changed(full(heart(1)), flat), "no_beats"),
    "half a second": (changed(full(heart(1)), half_second), "too_short"),
    "30 mV": (changed(full(heart(1)), tall), "implausible"),
    "a rate ten times too high": (at_rate(10), "too_short"),
    "a rate five times too low": (at_rate(0.2), "implausible"),
    "a rate of nothing": (at_rate(0.0), "nothing_shown"),
    "a rate that is no number": (at_rate(float("nan")), "nothing_shown"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_of_what_is_no_ecg_nothing_is_said_and_the_reason_is_given(run, name):
    leads, reason = NOTHING[name]
    [found] = labels(run, leads)
    assert found, "a page whose rows were simply missing could not be told from one not judged"
    assert found.pop(("triage4", "refer"))["decision"] == "yes"
    for row in found.values():
        assert (row["decision"], row["reason"], row["probability"]) == ("abstain", reason, None)
        assert row["members"] == []


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_rate_off_by_two_is_doubted_or_at_least_called_no_normal_ecg(run, factor):
    [found] = labels(run, at_rate(factor))
    assert found["ptbxl5", "NORM"]["decision"] != "yes"


def test_one_lead_tells_no_form_of_waves(run):
    [found] = labels(run, [full(heart(1))[1]])
    for (vocabulary, code), row in found.items():
        if vocabulary.startswith("ptbxl") or code in {"infarct", "normal", "HYP", "CD", "STTC"}:
            assert (row["decision"], row["reason"]) == ("abstain", "few_leads"), code
        assert row["leads"] == 1


def test_a_minute_is_judged_and_so_is_a_page_with_some_samples_missing(run):
    long = full(heart(5, seconds=60.0))
    rng = np.random.default_rng(1)
    spotted = changed(
        full(heart(5)), lambda values: np.where(rng.random(values.size) < 0.02, np.nan, values)
    )
    minute, gaps = labels(run, long, spotted)
    for found in (minute, gaps):
        row = found["rhythm", "SR"]
        assert 0 <= row["probability"] <= 1
    assert minute["rhythm", "SR"]["seconds"] == pytest.approx(60, abs=0.1)


def test_noise_is_never_called_a_normal_ecg(run):
    [found] = labels(run, changed(full(heart(1)), noise))
    for vocabulary, code in (("ptbxl5", "NORM"), ("triage4", "normal"), ("rhythm", "SR")):
        assert found[vocabulary, code]["decision"] != "yes"


def test_what_is_plain_is_said_with_who_says_so(run):
    good, quivering = labels(run, columns(heart(11)), full(heart(2, condition="AFIB")))
    assert good["rhythm", "AFIB"]["probability"] < 0.3 < quivering["rhythm", "AFIB"]["probability"]
    row = quivering["rhythm", "AFIB"]
    assert [each["member"] for each in row["members"]] == ["signal", "facts", "shapes"]
    assert sum(each["weight"] for each in row["members"]) == pytest.approx(1, abs=1e-5)
    assert row["taught_by"] == "records"
    assert row["snomed_ct"] == "164889003"
    assert row["scp_ecg"] == "AFIB"
    assert row["model"].startswith("diagnosis@")
    assert dict(row["evidence"])["rr_irregularity"] > 0.05


def test_only_statements_that_can_be_judged_are_made_and_all_of_them_on_every_page(run):
    good, bad = labels(run, full(heart(1)), [])
    assert good.keys() == bad.keys()
    known = {(each.vocabulary, each.code) for each in statements()}
    assert good.keys() <= known
    assert {vocabulary for vocabulary, _ in good} == set(VOCABULARIES)
    for rare in (("cinc2024", "Acute MI"), ("ptbxl23", "PMI"), ("ptbxl23", "WPW")):
        assert rare not in good


def test_what_only_simulated_hearts_taught_is_never_decided_and_says_so(run):
    pairs = full(heart(4, condition="BIGU"))
    paired, plain, nothing = labels(run, pairs, full(heart(1)), [])
    for found in (paired, plain, nothing):
        apart = [row for row in found.values() if row["taught_by"] == "simulated"]
        assert ("rhythm", "BIGU") in {(row["vocabulary"], row["code"]) for row in apart}
        for row in apart:
            assert (row["decision"], row["probability"]) == ("abstain", None)
    said = [found["rhythm", "BIGU"]["members"] for found in (paired, plain)]
    assert [[each["member"] for each in members] for members in said] == [["simulated"]] * 2
    assert said[0][0]["probability"] > 10 * said[1][0]["probability"]
    assert said[0][0]["weight"] == 0
    assert paired["rhythm", "BIGU"]["reason"] == "only_simulated"
    assert nothing["rhythm", "BIGU"]["reason"] == "nothing_shown"
    assert "simulated" not in {each["member"] for each in paired["rhythm", "AFIB"]["members"]}


def test_what_no_real_record_was_tried_on_is_not_shown_at_all(run):
    [found] = labels(run, full(heart(1, condition="STEMI_ANTERIOR")))
    assert ("cinc2024", "Acute MI") not in found
    assert {row["taught_by"] for row in found.values()} == {"records", "simulated"}


def test_a_page_is_judged_alike_alone_and_among_others(run):
    pages = [full(heart(1)), [], columns(heart(2)), full(heart(3, condition="CLBBB"))]
    together = labels(run, *pages)
    for leads, expected in zip(pages, together, strict=True):
        [alone] = labels(run, leads)
        for key, row in expected.items():
            assert alone[key]["decision"] == row["decision"]
            if row["probability"] is not None:
                assert alone[key]["probability"] == pytest.approx(row["probability"], abs=1e-4)


def test_no_column_that_must_hold_a_value_is_null(run):
    rows = [page(0, full(heart(1))), page(1, [])]
    table = pa.concat_tables(run(pa.Table.from_pylist(rows, schema=schema.CALIBRATED)))
    made = published(table, **ABOUT)["labels"]
    assert made.schema.equals(schema.LABELS)
    made.validate(full=True)
    for field in schema.LABELS:
        if not field.nullable:
            assert made[field.name].null_count == 0, field.name


def test_switched_off_it_says_nothing_loads_nothing_and_is_another_release():
    off = RunConfig(diagnose=DiagnoseSettings(enabled=False))
    run = chain([Measure(), Diagnose(off.diagnose)])
    assert labels(run, full(heart(1))) == [{}]
    assert "diagnosis" not in off.networks()
    assert off.fingerprint() != RunConfig().fingerprint()


def test_it_moves_to_a_gpu_by_a_setting_that_changes_no_row():
    pools = PoolSettings(diagnose_on_gpu=True, gpu_workers=1, gpus_per_worker=0.25)
    assert diagnose_needs(pools).gpus == 0.25
    assert diagnose_needs(pools).kind == "gpu"
    assert diagnose_needs(PoolSettings()).kind == "cpu"
    config = RunConfig(pools=pools)
    assert stages(config, "/archive")[-1].needs == diagnose_needs(pools)
    assert config.fingerprint() == RunConfig().fingerprint()


def test_each_page_is_referred_or_not_and_what_is_no_ecg_always_is(run):
    good, silent, alone = labels(run, full(heart(1)), [], [full(heart(1))[1]])
    for found in (silent, alone):
        assert found["triage4", "refer"]["decision"] == "yes"
    row = good["triage4", "refer"]
    piles = {code: each["decision"] for (word, code), each in good.items() if word == "triage4"}
    assert row["decision"] in {"yes", "no"}
    assert (row["decision"] == "no") <= ("abstain" not in piles.values())
    assert row["probability"] is None

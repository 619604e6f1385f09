import numpy as np
import pytest

from ecgbatch.evaluation.pages import compare_page, summarize
from ecgbatch.evaluation.truth import TrueRecord
from ecgbatch.types import LEADS, Lead
from tests.factories_ink import beats_mv

RECORD = TrueRecord(
    "7", 500.0, {name: (1 + 0.1 * number) * beats_mv(5000) for number, name in enumerate(LEADS)}
)


def published(name, *, t0_ms=0.0, seconds=2.5, gain=1.0, late_ms=0.0, role="strip"):
    first = round((t0_ms - late_ms) / 2)
    values = 1000 * gain * RECORD.leads_mv[name][max(first, 0) : first + round(500 * seconds)]
    return Lead(name, role, "guessed", t0_ms, 500.0, 200.0, values.astype(np.float32), 0.0, 1.0)


def page(**changes):
    columns = [published(name, t0_ms=2500.0 * (i // 3), **changes) for i, name in enumerate(LEADS)]
    return [*columns, published("II", seconds=10, role="rhythm")]


def test_a_true_page_has_no_error():
    result = compare_page(page(), RECORD, stratum="a", outcome="good")
    assert len(result.leads) == 13
    assert all(each.error.pearson_r == pytest.approx(1) for each in result.leads)
    assert all(each.error.coverage == 1 for each in result.leads)
    assert not result.silent_failure


def test_the_start_of_the_page_may_be_off_by_a_fifth_of_a_second():
    result = compare_page(
        [published("V1", t0_ms=5000.0, late_ms=100.0)], RECORD, stratum="a", outcome="good"
    )
    (lead,) = (each for each in result.leads if each.lead == "V1")
    assert lead.error.offset_ms == pytest.approx(100, abs=2)
    assert lead.error.pearson_r == pytest.approx(1)


def test_a_lead_that_no_row_holds_counts_as_lost():
    result = compare_page(page()[:6], RECORD, stratum="a", outcome="review")
    missing = [each.lead for each in result.leads if each.role == "missing"]
    assert missing == ["V1", "V2", "V3", "V4", "V5", "V6"]
    assert all(each.error.snr_db == 0 for each in result.leads if each.role == "missing")


def test_a_page_in_quarantine_loses_every_lead():
    result = compare_page([], RECORD, stratum="a", outcome="no_grid")
    assert not result.published
    (summary,) = summarize([result])
    assert (summary.r_median, summary.coverage_mean, summary.published) == (0.0, 0.0, 0)


def test_a_good_page_with_a_wrong_lead_fails_in_silence():
    wrong = page()
    shuffled = np.random.default_rng(2).permutation(wrong[3].signal_uv)
    wrong[3] = Lead("aVR", "strip", "guessed", 2500.0, 500.0, 200.0, shuffled, 0.0, 1.0)
    good = compare_page(wrong, RECORD, stratum="a", outcome="good")
    review = compare_page(wrong, RECORD, stratum="a", outcome="review")
    assert (good.wrong_leads, good.silent_failure) == (1, True)
    assert (review.wrong_leads, review.silent_failure) == (1, False)


def test_a_good_page_whose_chest_leads_have_a_wrong_gain_fails_in_silence():
    def split(chest):
        return [
            *page()[:6],
            *(published(name, t0_ms=5000.0, gain=chest) for name in LEADS[6:]),
        ]

    halved = compare_page(split(0.5), RECORD, stratum="a", outcome="good")
    near = compare_page(split(0.97), RECORD, stratum="a", outcome="good")
    assert halved.gain_error == pytest.approx(0.5)
    assert (halved.wrong_leads, halved.silent_failure) == (0, True)
    assert not near.silent_failure


def test_a_lead_that_is_flat_in_truth_is_wrong_only_where_it_is_read_with_beats():
    flat = TrueRecord("8", 500.0, {"I": np.zeros(5000)})
    still = Lead("I", "strip", "read", 0.0, 500.0, 200.0, np.full(1250, 3, np.float32), 0.0, 1.0)
    assert not compare_page([still], flat, stratum="a", outcome="good").silent_failure
    assert compare_page([published("I")], flat, stratum="a", outcome="good").silent_failure


def test_exact_leads_count_as_60_db_and_leave_the_figures_finite():
    exact = compare_page(page(), RECORD, stratum="a", outcome="good")
    lost = compare_page([], RECORD, stratum="a", outcome="no_grid")
    (alone,) = summarize([exact])
    (both,) = summarize([exact, lost])
    assert alone.snr_median_db == alone.snr_mean_db == 60
    assert both.snr_mean_db == pytest.approx(60 * 13 / 25)  # 13 printed leads, 12 lost ones
    assert both.score_competition_2025_db == pytest.approx(57, abs=0.1)  # half of 60 dB


def test_a_lead_at_another_rate_is_compared_at_that_rate():
    values = 1000 * RECORD.leads_mv["I"][:2500:2]
    half = Lead("I", "strip", "digital", 0.0, 250.0, 250.0, values.astype(np.float32), 0.0, 1.0)
    result = compare_page([half], RECORD, stratum="a", outcome="good")
    assert result.leads[0].error.pearson_r > 0.999
    assert result.leads[0].error.gain == pytest.approx(1, abs=0.01)


def test_strata_are_summed_up_by_themselves_and_together():
    first = compare_page(page(gain=0.9), RECORD, stratum="b", outcome="good")
    second = compare_page([], RECORD, stratum="a", outcome="blank_page")
    summaries = summarize([first, second])
    assert [each.stratum for each in summaries] == ["a", "b", "all"]
    assert summaries[1].gain_median == pytest.approx(0.9)
    assert summaries[2].pages == 2
    assert summaries[2].leads == 13 + 12

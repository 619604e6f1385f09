"""What a run exports, from what it has counted."""

from collections import Counter, defaultdict

from ecgbatch.errors import Reason
from ecgbatch.flow.measures import MEASURES, grown, series_of
from ecgbatch.flow.tally import Tally


def tally(**counts):
    return Tally(
        scans=3,
        published=4,
        quarantined=Counter({"timeout": 2}),
        pages=Counter({"read": 6}),
        busy_ms=defaultdict(float, {"read": 1500.0}),
        bytes_read=100,
        **counts,
    )


def test_every_count_of_a_run_is_one_series():
    assert series_of(tally(bytes_written=50, parts=1)) == {
        ("ecgbatch_pages", ("published", "")): 4,
        ("ecgbatch_pages", ("quarantined", "timeout")): 2,
        ("ecgbatch_scans", ()): 3,
        ("ecgbatch_stage_pages", ("read",)): 6,
        ("ecgbatch_stage_seconds", ("read",)): 1.5,
        ("ecgbatch_bytes_read", ()): 100,
        ("ecgbatch_bytes_written", ()): 50,
        ("ecgbatch_parts", ()): 1,
    }


def test_the_labels_of_a_series_are_those_of_its_metric():
    labels = {measure.name: measure.labels for measure in MEASURES}
    for name, values in series_of(tally()):
        assert len(values) == len(labels[name])


def test_counters_are_told_by_how_much_they_have_grown():
    before = series_of(tally())
    after = series_of(tally(parts=2))
    assert grown({}, before)["ecgbatch_scans", ()] == 3
    assert grown(before, before) == {}
    assert grown(before, after) == {("ecgbatch_parts", ()): 2}


def test_no_label_can_hold_what_a_page_or_a_key_says():
    assert {label for measure in MEASURES for label in measure.labels} == {
        "outcome",
        "reason",
        "stage",
    }
    assert all(reason.value.isidentifier() for reason in Reason)

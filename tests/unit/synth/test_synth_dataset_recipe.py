"""Recipes: weights, names, and what is refused before anything is made."""

import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.synth.dataset.draw import draw_page, record_number, split_of
from ecgbatch.synth.dataset.recipe import difference, make_recipe, read_recipe
from ecgbatch.synth.electrodes import FAULTS
from ecgbatch.synth.layouts import layout_names
from ecgbatch.synth.sources import Simulated
from tests.factories_synth import recipe

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def simulated(chosen):
    return Simulated(seed=chosen.seed, count=500, seconds=10.0, conditions=chosen.source.conditions)


def test_weights_may_be_all_a_list_a_table_or_all_but_some():
    assert set(make_recipe({"kind": "pages", "count": 1}).layouts) == set(layout_names())
    assert recipe(layouts=["6x2", "3x1"]).layouts == {"6x2": 1.0, "3x1": 1.0}
    assert recipe(layouts={"6x2": 3, "3x1": 0}).layouts == {"6x2": 3.0}
    some = recipe(profiles={"all": 1, "clean": 20}).profiles
    assert (some["clean"], some["fax"]) == (20.0, 1.0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layouts": ["5x5"]}, r"layout.*'5x5'.*3x4\+1R"),
        ({"styles": ["plaid"]}, "style.*'plaid'.*red_a4"),
        ({"profiles": ["clean+fire"]}, "profile.*'fire'.*phone_photo"),
        ({"dpi": ["20"]}, "dpi: 20.*50"),
        ({"dpi": ["many"]}, "dpi: 'many'"),
        ({"speeds": {"30": 1}}, "speed: there is no 30 mm/s.*12.5"),
        ({"gains": ["7"]}, "gain: there is no 7 mm/mV"),
        ({"layouts": {"6x2": -1}}, "layout: the weight of 6x2"),
        ({"layouts": {"6x2": 0}}, "layout: every weight"),
        ({"splits": {"train": 0.5, "test": 0.2}}, "splits: .*0.7"),
        ({"splits": {"a/b": 1.0}}, "splits: a/b"),
        ({"image": "gif"}, "image"),
        ({"colour": "red"}, "colour"),
        ({"count": 0}, "count"),
        ({"source": {"conditions": ["HICCUP"]}}, "condition.*HICCUP"),
        ({"source": {"seconds": 0.1}}, "source.seconds"),
        ({"row_pitch_mm": (20.0, 10.0)}, "row_pitch_mm"),
        ({"archive": {"formats": {"bmp": 1.0}}}, "archive.formats.*bmp"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option(changes, words):
    with pytest.raises(ConfigError, match=words):
        recipe(**changes)


def test_boxes_have_no_leads_without_a_class():
    assert "3x5" not in make_recipe({"kind": "boxes", "count": 1}).layouts
    with pytest.raises(ConfigError, match="layouts: 3x5"):
        make_recipe({"kind": "boxes", "count": 1, "layouts": ["3x5"]})


def test_a_file_that_is_not_toml_is_refused(tmp_path):
    (tmp_path / "r.toml").write_text("count = ")
    with pytest.raises(ConfigError, match="not TOML"):
        read_recipe(tmp_path / "r.toml")


def test_the_difference_of_two_recipes_is_named():
    assert difference(recipe().as_json(), recipe().as_json()) is None
    assert difference(recipe().as_json(), recipe(seed=6).as_json()) == "seed was 5 and is 6"
    other = recipe(source={"seconds": 20.0}).as_json()
    assert difference(recipe().as_json(), other) == "source.seconds was 10.0 and is 20.0"


def test_every_record_is_printed_once_before_any_is_printed_twice():
    numbers = [record_number(7, index, 20) for index in range(40)]
    assert sorted(numbers[:20]) == list(range(20))
    assert numbers[:20] == numbers[20:]
    assert numbers[:20] != list(range(20))


def test_splits_follow_from_the_patient_alone_and_have_their_shares():
    patients = [f"p{number}" for number in range(5000)]
    found = [split_of(patient, SHARES) for patient in patients]
    assert [split_of(patient, SHARES) for patient in patients] == found
    for name, share in SHARES.items():
        assert abs(found.count(name) / len(found) - share) < 0.02


def test_drawn_pages_follow_the_weights():
    chosen = recipe(layouts={"6x2": 3, "3x1": 1}, profiles={"clean": 1, "fax": 1}, styles="all")
    pages = [draw_page(chosen, simulated(chosen), index) for index in range(300)]
    assert abs(sum(page.layout.name == "6x2" for page in pages) / 300 - 0.75) < 0.08
    assert abs(sum(page.profile == "fax" for page in pages) / 300 - 0.5) < 0.09
    assert len({page.style.name for page in pages}) > 10
    assert len({page.ref.record_id for page in pages}) == 300


def test_other_speeds_print_other_lengths_and_slow_ones_need_long_records():
    chosen = recipe(speeds=["50"], styles=["red_a4"])
    page = draw_page(chosen, simulated(chosen), 0)
    assert (page.style.speed_mm_per_s, page.layout.duration_s) == (50.0, 5.0)
    slow = recipe(speeds=["12.5"], styles=["red_a4"])
    with pytest.raises(ConfigError, match="sim-5"):
        draw_page(slow, simulated(slow), 0)


def test_drawn_looks_and_damage_differ_on_every_page_within_what_is_allowed():
    chosen = recipe(styles=["drawn"], profiles=["drawn"], speeds=["25"], gains=["10", "5"])
    pages = [draw_page(chosen, simulated(chosen), index) for index in range(60)]
    assert len({page.style for page in pages}) == 60
    assert {page.style.speed_mm_per_s for page in pages} == {25.0}
    assert {page.style.gain_mm_per_mv for page in pages} == {10.0, 5.0}
    assert len({page.profile for page in pages}) > 15
    assert {page.layout.name for page in pages} == {"3x4+1R", "6x2"}


def test_faults_of_electrodes_are_labelled_in_their_share():
    source = Simulated(seed=1, count=400, seconds=10.0, conditions={"NORM": 1.0}, faults=0.25)
    faulty = [number for number in range(400) if set(source.ref(number).labels) & set(FAULTS)]
    assert abs(len(faulty) / 400 - 0.25) < 0.07
    number = faulty[0]
    leads = source.load(source.ref(number), start_s=0.0, seconds=1.0)
    assert len(leads["II"]) == 500


def test_rows_stand_as_close_as_was_asked():
    chosen = make_recipe({"kind": "overlap", "count": 1})
    pages = [draw_page(chosen, simulated(chosen), index) for index in range(40)]
    assert all(9 <= page.style.row_pitch_mm <= 18 for page in pages)
    assert {page.style.gain_mm_per_mv for page in pages} == {10.0, 20.0}
    assert min(page.layout.row_count for page in pages) > 1

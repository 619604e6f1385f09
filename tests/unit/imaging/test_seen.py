from ecgbatch.flags import Flag
from ecgbatch.imaging.seen import SeenLead, arrange_seen
from ecgbatch.types import LEADS, Strip

MM = 10.0
STANDARD = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]]
CABRERA = [["aVL", "II"], ["I", "aVF"], ["-aVR", "III"]]


def strip(left, y, width=600.0, **changes):
    values = {
        "left_px": left, "left_zero_px": y, "right_px": left + width, "right_zero_px": y,
        "above_px": 80.0, "below_px": 40.0, "likelihood": 0.9,
    }  # fmt: skip
    return Strip(**(values | changes))


def read(name, sure=0.99):
    others = [lead for lead in (*LEADS, "-aVR") if lead != name]
    return {name: sure} | dict.fromkeys(others, (1 - sure) / len(others))


def page(names, rhythm=(), width=600.0):
    rows = [
        [
            SeenLead(strip(200 + width * column, 500 + 300 * row, width), given)
            for column, given in enumerate(line)
        ]
        for row, line in enumerate(names)
    ]
    whole = width * len(names[0])
    for given in rhythm:
        rows.append([SeenLead(strip(200, 500 + 300 * len(rows), whole), given)])
    return rows


def names(found):
    return [("-" if place.inverted else "") + place.lead for place in found.places]


def flat(rows):
    return [name for row in rows for name in row]


def test_clear_names_are_read_as_they_stand():
    found = arrange_seen(page([[read(n) for n in row] for row in STANDARD]), px_per_mm=MM)
    assert found.name == "3x4"
    assert names(found) == flat(STANDARD)
    assert all(place.read for place in found.places)
    assert found.flags == ()


def test_an_order_that_nobody_listed_stands_as_it_was_read():
    order = [["V6", "I"], ["aVF", "V2"], ["III", "V4"]]
    found = arrange_seen(page([[read(n) for n in row] for row in order]), px_per_mm=MM)
    assert names(found) == flat(order)
    assert found.name == "3x2"


def test_one_misread_name_is_put_right_by_the_others():
    given = [[read(n) for n in row] for row in STANDARD]
    given[0][3] = read("V1", 0.9)
    found = arrange_seen(page(given), px_per_mm=MM)
    assert names(found) == flat(STANDARD)
    assert not found.places[3].read
    assert found.flags == (Flag.NAMES_GUESSED,)


def test_names_that_nobody_printed_are_guessed_and_say_so():
    found = arrange_seen(page([[{} for _ in row] for row in STANDARD], [{}]), px_per_mm=MM)
    assert names(found) == [*flat(STANDARD), "II"]
    assert not any(place.read for place in found.places)
    assert Flag.NAMES_GUESSED in found.flags
    assert found.name == "3x4+1R"


def test_cabreras_order_turns_avr_round():
    found = arrange_seen(page([[read(n) for n in row] for row in CABRERA]), px_per_mm=MM)
    assert names(found) == flat(CABRERA)
    assert [place.lead for place in found.places if place.inverted] == ["aVR"]


def test_cabreras_order_leaves_avr_upright_where_its_name_says_so():
    given = [[read(name.removeprefix("-")) for name in row] for row in CABRERA]
    found = arrange_seen(page(given), px_per_mm=MM)
    assert names(found) == [name.removeprefix("-") for name in flat(CABRERA)]
    assert not any(place.inverted for place in found.places)


def test_cabreras_order_is_told_by_a_few_names():
    given = [[read(n) if n in {"-aVR", "aVF", "III"} else {} for n in row] for row in CABRERA]
    assert names(arrange_seen(page(given), px_per_mm=MM)) == flat(CABRERA)


def test_a_long_row_of_one_trace_is_a_rhythm_row():
    given = [[read(n) for n in row] for row in STANDARD]
    found = arrange_seen(page(given, [read("V1"), read("II")]), px_per_mm=MM)
    assert found.name == "3x4+2R"
    assert [place.lead for place in found.places if place.role == "rhythm"] == ["V1", "II"]


def rhythm_of(*given):
    strips = [[read(n) for n in row] for row in STANDARD]
    found = arrange_seen(page(strips, given), px_per_mm=MM)
    return [(place.lead, place.read) for place in found.places if place.role == "rhythm"]


def test_where_letters_leave_it_open_a_rhythm_row_is_the_lead_that_carts_choose():
    assert rhythm_of({"III": 0.51, "II": 0.43}) == [("II", False)]


def test_two_rhythm_rows_show_different_leads():
    assert rhythm_of({"II": 0.6, "V1": 0.35}, read("II")) == [("V1", False), ("II", True)]
    assert rhythm_of({}, read("II"), {}) == [("V1", False), ("II", True), ("V5", False)]


def test_a_rare_rhythm_lead_that_was_clearly_read_stands():
    assert rhythm_of(read("V3")) == [("V3", True)]


def test_a_name_that_was_read_once_and_guessed_once_is_a_guess_twice():
    order = [["V6", "I"], ["aVF", "V2"], ["III", "V4"]]
    given = [[read(n) for n in row] for row in order]
    given[1][1] = read("V6", 0.7)
    found = arrange_seen(page(given), px_per_mm=MM)
    assert [place.lead for place in found.places if not place.read] == ["V6", "V6"]
    assert Flag.LAYOUT_GUESSED in found.flags


def test_rows_of_one_trace_each_are_strips():
    found = arrange_seen(page([[read("II")], [read("V1")], [read("V5")]]), px_per_mm=MM)
    assert found.name == "3x1"
    assert {place.role for place in found.places} == {"strip"}


def test_twelve_rows_without_names_are_the_twelve_leads():
    found = arrange_seen(page([[{}] for _ in LEADS], width=2500.0), px_per_mm=MM)
    assert names(found) == list(LEADS)


def test_ends_are_shared_by_the_rows_of_a_column():
    rows = page([[read(n) for n in row] for row in STANDARD])
    off = rows[1][0]
    rows[1][0] = SeenLead(strip(209, off.strip.left_zero_px), off.names)
    found = arrange_seen(rows, px_per_mm=MM)
    assert [p.strip.left_px for p in found.places if p.column == 0] == [200, 200, 200]


def test_a_trace_that_was_not_seen_leaves_its_cell_empty():
    rows = page([[read(n) for n in row] for row in STANDARD])
    del rows[0][1]
    found = arrange_seen(rows, px_per_mm=MM)
    assert found.name == "3x4"
    assert names(found) == [name for name in flat(STANDARD) if name != "aVR"]
    assert all(place.read for place in found.places)
    assert Flag.LAYOUT_GUESSED in found.flags


def test_a_row_that_was_not_seen_shifts_no_name():
    rows = page([[read(n) if n in {"I", "V1", "V6"} else {}] for n in LEADS], width=2500.0)
    del rows[4]
    found = arrange_seen(rows, px_per_mm=MM)
    assert found.name == "12x1"
    assert names(found) == [name for name in LEADS if name != "aVL"]


def test_a_doubtful_name_that_no_order_confirms_is_a_guess():
    order = [["V6", "I"], ["aVF", "V2"], ["III", "V4"]]
    given = [[read(n) for n in row] for row in order]
    given[1][0] = read("aVF", 0.7)
    found = arrange_seen(page(given), px_per_mm=MM)
    assert names(found) == flat(order)
    assert [place.lead for place in found.places if not place.read] == ["aVF"]
    assert Flag.NAMES_GUESSED in found.flags


def test_a_usual_order_is_likelier_than_none():
    usual = arrange_seen(page([[read(n) for n in row] for row in STANDARD]), px_per_mm=MM)
    order = [["V6", "I"], ["aVF", "V2"], ["III", "V4"]]
    unlisted = arrange_seen(page([[read(n) for n in row] for row in order]), px_per_mm=MM)
    assert usual.score > unlisted.score


def test_leads_that_stand_on_a_page_twice_are_read_and_flagged():
    rows = page([[read(n) for n in row] for row in (*STANDARD, *STANDARD)])
    found = arrange_seen(rows, px_per_mm=MM)
    assert names(found) == [*flat(STANDARD), *flat(STANDARD)]
    assert all(place.read for place in found.places)
    assert found.flags == (Flag.LAYOUT_GUESSED,)


def test_one_lead_over_several_rows_is_that_lead_in_each():
    found = arrange_seen(page([[read("II")] for _ in range(6)], width=2500.0), px_per_mm=MM)
    assert names(found) == ["II"] * 6
    assert Flag.LAYOUT_GUESSED in found.flags


def test_half_a_page_has_the_leads_that_are_left_of_it():
    left = [[read(n) for n in row[:2]] for row in STANDARD]
    found = arrange_seen(page(left), px_per_mm=MM)
    assert names(found) == ["I", "aVR", "II", "aVL", "III", "aVF"]
    assert found.flags == ()


def test_two_traces_at_one_place_of_three_rows_are_four_leads():
    rows = page([[read("II")], [read("V1")], [read("V5")]])
    rows[1].append(SeenLead(strip(260, 800, 500), {}))
    found = arrange_seen(rows, px_per_mm=MM)
    assert len(found.places) == 4
    assert len(names(found)) == 4

import pytest

from ecgbatch.imaging.printed import PrintedScale, agreed, printed_scale


def scale_of(text, **unsure):
    likelihood = [1.0] * len(text)
    for symbol, value in unsure.items():
        likelihood[text.index(symbol)] = value
    return printed_scale(text, tuple(likelihood))


@pytest.mark.parametrize(
    ("text", "speed", "gain"),
    [
        ("25mm/s 10mm/mV 0.15*100**", 25.0, 10.0),
        ("25 mm/s  10 mm/mV", 25.0, 10.0),
        ("12,5 mm/se* ** 5,0 mm/mV", 12.5, 5.0),
        ("10mm/mV * 50mm/s", 50.0, 10.0),
        ("**ee** 6.25 mm/s*", 6.25, None),
        ("2.5mm/mV", None, 2.5),
        ("*** 25 *** 10", None, None),
        ("250mm/s 100mm/mV", None, None),
        ("0.25mm/s", None, None),
        ("", None, None),
    ],
)
def test_speed_and_gain_are_found_among_other_words(text, speed, gain):
    found = scale_of(text)
    assert (found.speed_mm_per_s, found.gain_mm_per_mv) == (speed, gain)


def test_a_doubtful_digit_is_not_read():
    assert scale_of("25mm/s 10mm/mV", **{"5": 0.4}).speed_mm_per_s is None
    assert scale_of("25mm/s 10mm/mV", **{"5": 0.4}).gain_mm_per_mv == 10.0


def test_two_gains_are_those_of_the_limbs_and_of_the_chest():
    for text in ("**m** 10mm/mV ***** 5mm/mV", "25mm/s 10/5mm/mV", "10 / 5 mm/mV"):
        found = scale_of(text)
        assert found.gain_mm_per_mv == 10.0
        assert found.split
    assert not scale_of("**m** 10mm/mV ***** 10mm/mV").split


def test_two_speeds_in_one_line_are_none():
    assert scale_of("25mm/s 50mm/s").speed_mm_per_s is None


def test_lines_that_agree_say_it_together():
    one, other = PrintedScale(25.0, None), PrintedScale(25.0, 10.0)
    assert agreed([one, other]) == PrintedScale(25.0, 10.0)


def test_lines_that_differ_say_nothing():
    found = agreed([PrintedScale(25.0, 10.0), PrintedScale(50.0, 10.0)])
    assert found == PrintedScale(None, 10.0)
    assert agreed([]) == PrintedScale()

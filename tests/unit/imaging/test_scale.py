"""What pulses say of the millimetre where nothing else does."""

import pytest

from ecgbatch.flags import Flag
from ecgbatch.imaging.pulse import Pulse
from ecgbatch.imaging.scale import Scale, on_copied_paper, paper_px_per_mm, read_scale


def pulse(height_mm, width_mm=5.0):
    return Pulse(0.0, 0.0, 50.0, 100.0, width_mm, (height_mm,))


@pytest.mark.parametrize("off", [0.84, 0.97, 1.0, 1.04, 1.19])
def test_pulses_that_are_all_too_small_or_too_large_tell_the_scale(off):
    pulses = [pulse(10.0 * off, 5.0 * off), pulse(10.1 * off, 5.0 * off)]
    found = paper_px_per_mm(pulses, assumed_px_per_mm=10.0)
    assert found == pytest.approx(10.05 * off)


@pytest.mark.parametrize(
    "pulses",
    [
        pytest.param([], id="none"),
        pytest.param([pulse(9.7)], id="one, which may be a wave"),
        pytest.param([pulse(9.7), pulse(8.0)], id="unlike each other"),
        pytest.param([pulse(7.2), pulse(7.2)], id="between two gains"),
        pytest.param([pulse(9.7, 3.6), pulse(9.7, 3.6)], id="of no speed"),
    ],
)
def test_other_pulses_tell_nothing(pulses):
    assert paper_px_per_mm(pulses, assumed_px_per_mm=10.0) is None


AS_PRINTED = Scale(25.0, "printed", 10.0, "printed", ())


@pytest.mark.parametrize("width_mm", [5.0, 2.5], ids=["whole", "half"])
def test_two_pulses_of_the_right_size_confirm_the_millimetre_of_the_tags(width_mm):
    pulses = [pulse(10.05, width_mm), pulse(9.98, width_mm)]
    assert on_copied_paper(AS_PRINTED, pulses) == AS_PRINTED


def test_on_a_copy_a_millivolt_is_as_high_as_its_pulses_and_the_scale_is_doubtful():
    found = on_copied_paper(AS_PRINTED, [pulse(9.79, 5.07), pulse(9.8, 5.07)])
    assert found.gain_mm_per_mv == pytest.approx(9.795)
    assert found.speed_mm_per_s == AS_PRINTED.speed_mm_per_s
    assert found.flags == (Flag.SCALE_DOUBTFUL,)


@pytest.mark.parametrize(
    "pulses",
    [
        pytest.param([], id="none"),
        pytest.param([pulse(10.0)], id="one, which may be a wave"),
        pytest.param([pulse(10.0), pulse(9.0)], id="unlike each other"),
        pytest.param([pulse(20.0), pulse(20.0)], id="of another gain"),
        pytest.param([pulse(10.0, 5.3), pulse(10.0, 5.3)], id="too wide"),
    ],
)
def test_where_pulses_confirm_nothing_the_gain_stays_and_the_scale_is_doubtful(pulses):
    found = on_copied_paper(AS_PRINTED, pulses)
    assert found.gain_mm_per_mv == pytest.approx(AS_PRINTED.gain_mm_per_mv)
    assert found.flags == (Flag.SCALE_DOUBTFUL,)


@pytest.mark.parametrize(("printed", "flags"), [(None, True), (25.0, False)])
def test_half_a_pulse_leaves_the_speed_open_unless_words_tell_it(printed, flags):
    found = read_scale(
        [pulse(10.0, 2.5)],
        printed_speed_mm_per_s=printed,
        printed_gain_mm_per_mv=10.0,
        assumed_speed_mm_per_s=25.0,
        assumed_gain_mm_per_mv=10.0,
    )
    assert found.speed_mm_per_s == 25
    assert (Flag.SPEED_AMBIGUOUS in found.flags) == flags

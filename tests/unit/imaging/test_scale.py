"""What pulses say of the millimetre where nothing else does."""

import pytest

from ecgbatch.imaging.pulse import Pulse
from ecgbatch.imaging.scale import paper_px_per_mm


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

"""What the network is told, and which card it takes for its own."""

import numpy as np
import pytest

from ecgbatch.errors import ConfigError
from ecgbatch.models.segmenter import Segmenter, ridges
from tests.factories_segmenter import card


def test_ridges_stand_on_the_own_line_and_on_the_others():
    own, other = ridges([256.0, 100.0, 400.0])
    assert own.argmax() == 256
    assert set(np.flatnonzero(other == 1)) == {100, 400}
    assert not ridges([256.0])[1].any()


@pytest.mark.parametrize("wrong", [{"px_per_mm": 8.0}, {"channels": ("darkness",)}])
def test_the_card_of_another_network_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"segmenter@0\.0\.1"):
        Segmenter(card(**wrong))

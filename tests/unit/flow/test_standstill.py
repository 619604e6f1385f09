"""A run that will not move any more ends, and says why; the clock is the test's own."""

import pytest

from ecgbatch.config import PoolSettings
from ecgbatch.errors import ClusterError
from ecgbatch.flow.capacity import Pool
from ecgbatch.flow.cluster import Standstill
from ecgbatch.flow.summary import RESUMABLE, exit_status_of


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def standstill(clock):
    pools = [Pool(stages=(), cpus=1.0, gpus=0.0, least=1, most=most) for most in (4, 2)]
    return Standstill(pools, PoolSettings(), clock=clock)


def enough():
    return 8.0


def too_few():
    return 4.0


def test_while_pages_end_nobody_asks_for_machines(clock, standstill):
    def never():
        raise AssertionError

    for pages in range(100):
        clock.now_s += 590.0
        standstill.look(pages, cpus=never)


def test_a_cluster_that_is_whole_has_the_whole_patience(clock, standstill):
    standstill.look(3, cpus=enough)
    clock.now_s = 599.0
    standstill.look(3, cpus=enough)
    clock.now_s = 601.0
    with pytest.raises(ClusterError, match="no page ended in 600 s"):
        standstill.look(3, cpus=enough)


def test_a_cluster_that_lost_machines_is_given_up_soon_and_the_run_is_resumable(clock, standstill):
    standstill.look(3, cpus=too_few)
    clock.now_s = 59.0
    standstill.look(3, cpus=too_few)
    clock.now_s = 61.0
    with pytest.raises(ClusterError, match=r"4 CPU are left, .* with 7.5, .* in 61 s") as lost:
        standstill.look(3, cpus=too_few)
    assert exit_status_of(lost.value) == RESUMABLE


def test_a_cluster_that_lost_machines_may_go_on_as_long_as_pages_end(clock, standstill):
    for pages in range(20):
        clock.now_s += 40.0
        standstill.look(pages, cpus=too_few)

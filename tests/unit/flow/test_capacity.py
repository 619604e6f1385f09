"""The arithmetic that a run does before it starts."""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pytest

from ecgbatch.config import LocateSettings, PoolSettings, RunConfig, TraceSettings
from ecgbatch.errors import CapacityError
from ecgbatch.flow.capacity import groups_of, plan_pools
from ecgbatch.stages.base import Needs
from jobs import convert


@dataclass(frozen=True)
class Cpu:
    name: ClassVar[str] = "cpu"
    needs: ClassVar[Needs] = Needs(cpus=1.0)


@dataclass(frozen=True)
class Wide:
    name: ClassVar[str] = "wide"
    needs: ClassVar[Needs] = Needs(cpus=2.0)


@dataclass(frozen=True)
class Gpu:
    name: ClassVar[str] = "gpu"
    needs: ClassVar[Needs] = Needs(cpus=0.0, gpus=1.0)


def sizes(stages, *, cpus, gpus=0.0, **pools):
    planned = plan_pools(stages, PoolSettings(**pools), cpus=cpus, gpus=gpus)
    return [(pool.least, pool.most) for pool in planned]


def test_consecutive_stages_of_one_kind_share_a_worker():
    groups = groups_of([Cpu(), Cpu(), Gpu(), Gpu(), Cpu()])
    assert [[stage.name for stage in group] for group in groups] == [
        ["cpu", "cpu"],
        ["gpu", "gpu"],
        ["cpu"],
    ]


def test_four_logical_cpus_hold_two_workers_beside_reading_and_writing():
    assert sizes([Cpu(), Cpu()], cpus=4) == [(1, 2)]


def test_by_default_a_cluster_is_filled():
    assert sizes([Cpu()], cpus=64) == [(1, 62)]


def test_the_wish_of_the_user_counts_where_it_fits():
    assert sizes([Cpu()], cpus=64, cpu_workers_min=4, cpu_workers_max=10) == [(4, 10)]


def test_a_worker_takes_what_its_widest_stage_needs():
    assert sizes([Cpu(), Wide()], cpus=8) == [(1, 3)]  # (8 - 1.5) / 2


def test_pools_on_both_sides_of_a_gpu_share_the_cpus():
    stages = [Cpu(), Gpu(), Cpu()]
    assert sizes(stages, cpus=10.5, gpus=1, gpu_workers=2, gpus_per_worker=0.5) == [
        (1, 5),
        (2, 2),
        (1, 4),
    ]


def test_with_gpus_the_networks_have_workers_of_their_own_and_the_page_travels_once():
    config = RunConfig(
        pools=PoolSettings(gpu_workers=4, gpus_per_worker=0.25, pages_per_gpu_batch=8)
    )
    pools = plan_pools(convert.stages(config, "/in"), config.pools, cpus=8, gpus=1)
    assert [[stage.name for stage in pool.stages] for pool in pools] == [
        ["read", "rectify"],
        ["locate", "glance", "trace"],
        ["calibrate", "measure", "diagnose"],
    ]
    assert [(pool.gpus, pool.rows_per_batch) for pool in pools] == [(0, None), (0.25, 8), (0, None)]
    there, back = (
        [field.name for field in stage.writes if pa.types.is_large_binary(field.type)]
        for stage in (pools[0].stages[-1], pools[1].stages[-1])
    )
    assert (there, back) == (["pixels"], [])


def test_without_gpus_or_without_networks_all_stages_share_a_worker():
    blind = RunConfig(
        locate=LocateSettings(networks=False),
        trace=TraceSettings(network=False),
        pools=PoolSettings(gpu_workers=4, gpus_per_worker=0.25),
    )
    for config in (RunConfig(), blind):
        assert len(groups_of(convert.stages(config, "/in"))) == 1


def test_workers_that_take_every_cpu_are_refused_with_the_sum():
    with pytest.raises(CapacityError) as refused:
        sizes([Cpu()], cpus=4, cpu_workers_max=4)
    assert "4 workers x 1 CPU + 1.5 CPU for reading and writing = 5.5" in str(refused.value)
    assert "has 4 CPU: set pools.cpu_workers_max to 2 or less" in str(refused.value)


def test_a_cluster_too_small_for_one_worker_is_refused():
    with pytest.raises(CapacityError, match=r"1 workers x 1 CPU .* has 2 CPU: give it more CPUs"):
        sizes([Cpu()], cpus=2)


def test_a_stage_for_a_gpu_is_refused_where_there_is_none():
    with pytest.raises(CapacityError, match=r"2 workers x 0.5 GPU are needed, .* has 0 GPU"):
        sizes([Gpu()], cpus=8, gpu_workers=2, gpus_per_worker=0.5)

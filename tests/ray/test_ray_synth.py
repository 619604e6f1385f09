"""A data set made by one worker, by two, by none, and by a driver that was killed."""

import os
import subprocess
import sys
import time

import pytest

from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.errors import CapacityError, ClusterError, ConfigError
from ecgbatch.flow.synthesize import synthesize
from tests.factories_synth import contents, make, recipe, wave, wfdb_record
from tests.running_ray import CPUS

pytestmark = pytest.mark.ray


def on_ray(out, *, workers, patience_s=600.0, **changes):
    config = RunConfig(pools=PoolSettings(cpu_workers_max=workers, no_progress_seconds=patience_s))
    return synthesize(str(out), recipe("crops", shard=1, **changes), config=config)


def test_one_worker_two_workers_and_this_process_write_the_same_bytes(tmp_path, ray_address):
    make(tmp_path / "here", "crops", shard=1)
    for workers in (1, 2):
        summary = on_ray(tmp_path / f"{workers}", workers=workers)
        assert (summary.state, summary.units_done) == ("done", 6)
        assert contents(tmp_path / f"{workers}") == contents(tmp_path / "here")


def test_a_killed_driver_is_taken_up_to_the_same_bytes(tmp_path, ray_address):
    make(tmp_path / "here", "crops", shard=1)
    out = tmp_path / "out"
    killed = subprocess.Popen(
        [sys.executable, "-m", "tests.drivers_synth", "1", str(out)],
        env={**os.environ, "RAY_ADDRESS": ray_address},
    )
    while not list(out.glob("runs/receipts/*.json")) and killed.poll() is None:
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert not (out / "runs/summary.json").exists()
    assert on_ray(out, workers=2).state == "done"
    assert contents(out) == contents(tmp_path / "here")


def test_a_cluster_that_is_too_small_is_refused_with_the_sum(tmp_path, ray_address):
    with pytest.raises(CapacityError, match=r"9 workers x 1 CPU.*4 CPU"):
        on_ray(tmp_path, workers=9)


def test_a_cluster_that_others_fill_is_given_up_and_the_data_set_goes_on_later(
    tmp_path, ray_address
):
    import ray

    @ray.remote(num_cpus=CPUS)
    class Hog:
        def there(self):
            return True

    hog = Hog.remote()
    assert ray.get(hog.there.remote())
    try:
        with pytest.raises(ClusterError, match="no shard ended in 1 s"):
            on_ray(tmp_path, workers=1, patience_s=1.0)
    finally:
        ray.kill(hog)
    assert on_ray(tmp_path, workers=1).state == "done"


def test_an_error_of_ours_on_a_worker_says_what_it_says_here(tmp_path, ray_address):
    wfdb_record(tmp_path / "in", "r", wave(10, 500))
    (tmp_path / "in/r.dat").unlink()
    with pytest.raises(ConfigError, match=r"r\.dat"):
        on_ray(tmp_path / "out", workers=1, source={"address": f"file://{tmp_path}/in"})

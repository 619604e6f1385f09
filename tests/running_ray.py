"""One Ray for all tests that ask for it; drivers in other processes join it by its address."""

import os
import shutil
from pathlib import Path

import pytest

CPUS = 4
GPUS = 1  # by name only: torch finds none, and computes on the CPU


@pytest.fixture(scope="session")
def ray_address():
    """Start a private Ray and return its address; this process is connected to it."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of its future
    import ray

    folder = Path(f"/tmp/eb-{os.getpid()}")  # names of sockets below it are limited to 107 bytes
    started = ray.init(
        address="local",
        num_cpus=CPUS,
        num_gpus=GPUS,
        object_store_memory=256 * 2**20,
        include_dashboard=False,
        logging_level="warning",
        log_to_driver=False,
        # Workers that give way to others would starve on a busy machine.
        _system_config={"metrics_report_interval_ms": 500, "worker_niceness": 0},
        _temp_dir=str(folder),
    )
    yield started.address_info["address"]
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)

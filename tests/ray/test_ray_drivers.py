"""The driver of a run on Ray is killed or stopped, and the same command goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from ecgbatch.flow.verify import verify
from tests.drivers_flow import drive
from tests.factories_flow import archive, settings, tables_of

pytestmark = pytest.mark.ray


def driver(source, out, address):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.drivers_flow", source, out],
        env={**os.environ, "RAY_ADDRESS": address},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def slow_archive(tmp_path):
    return archive(tmp_path / "in", 40, slow_s=0.15)


@pytest.fixture
def expected(tmp_path, slow_archive):
    drive(slow_archive, tmp_path / "undisturbed")
    return tables_of(tmp_path / "undisturbed")


def parts(out):
    return len(list(out.glob("runs/*/receipts/*.json")))


def test_fault_90_a_driver_killed_at_random_times_is_taken_up_on_ray(
    tmp_path, ray_address, slow_archive, expected
):
    out = tmp_path / "out"
    moments = random.Random(90)
    for _ in range(3):
        before = parts(out)
        process = driver(slow_archive, str(out), ray_address)
        deadline = time.monotonic() + 60
        while parts(out) <= before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 1))
        process.kill()
        process.wait()
        process.stdout.close()
    last = driver(slow_archive, str(out), ray_address)
    summary = json.loads(last.communicate()[0])
    assert summary["state"] in {"done", "nothing_to_do"}
    assert tables_of(out) == expected
    assert verify(str(out), config=settings()).findings == ()


def test_fault_100_a_driver_that_is_told_to_end_says_how_to_go_on(
    tmp_path, ray_address, slow_archive, expected
):
    out = tmp_path / "out"
    process = driver(slow_archive, str(out), ray_address)
    while not parts(out):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    summary = json.loads(process.communicate(timeout=60)[0])
    assert (summary["state"], summary["exit_status"]) == ("interrupted", 75)
    assert process.returncode == 75
    assert 0 < summary["scans_done"] < 41
    again = driver(slow_archive, str(out), ray_address)
    summary = json.loads(again.communicate(timeout=120)[0])
    assert (summary["state"], summary["resumed"]) == ("done", 1)
    assert tables_of(out) == expected

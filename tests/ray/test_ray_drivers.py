"""The driver of a run on Ray is killed, then told to end, and the same command goes on."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

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


def wait_for_part(out, process):
    """Return a moment after the process has committed a part that was not there before."""
    before = parts(out)
    while parts(out) == before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.Random(before).uniform(0, 0.5))


def parts(out):
    return len(list(out.glob("runs/*/receipts/*.json")))


@pytest.fixture
def usual_ports_taken():
    """Listen where a Ray with default ports listens, unless one does: head, clients, dashboard."""
    with ExitStack() as held:
        for port in (6379, 8265, 10001, 52365):
            with suppress(OSError):
                held.enter_context(socket.create_server(("", port)))
        yield


def test_a_private_ray_needs_no_home_no_token_no_certain_port_and_says_nothing(
    tmp_path, usual_ports_taken
):
    source = archive(tmp_path / "in", 4)
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "HOME"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.drivers_flow", source, str(tmp_path / "out")],
        env={**plain, "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["state"] == "done"


def test_fault_90_and_100_a_driver_that_was_killed_and_stopped_goes_on(tmp_path, ray_address):
    source = archive(tmp_path / "in", 40, slow_s=0.15)
    drive(source, tmp_path / "undisturbed")
    out = tmp_path / "out"

    killed = driver(source, str(out), ray_address)
    wait_for_part(out, killed)
    killed.kill()
    killed.communicate()

    stopped = driver(source, str(out), ray_address)
    wait_for_part(out, stopped)
    stopped.send_signal(signal.SIGTERM)
    summary = json.loads(stopped.communicate()[0])
    assert (summary["state"], summary["exit_status"]) == ("interrupted", 75)
    assert stopped.returncode == 75
    assert 0 < summary["scans_done"] < 41

    ending = driver(source, str(out), ray_address)
    summary = json.loads(ending.communicate()[0])
    assert (summary["state"], summary["resumed"]) == ("done", 2)
    assert summary["scans_done"] == 41
    assert tables_of(out) == tables_of(tmp_path / "undisturbed")
    assert verify(str(out), config=settings()).findings == ()

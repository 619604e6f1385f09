"""A job is submitted to a cluster that asks for a token, as an operator would do it."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from ecgbatch.config import RunConfig
from ecgbatch.flow.verify import verify

pytestmark = [pytest.mark.ray, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def free_ports(count):
    """Return free ports outside of those that Ray gives to its workers (10002 to 19999)."""
    found = []
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port > 20000 and port not in found:
            found.append(port)
    return found


@pytest.fixture
def cluster():
    """Start a head in a process group of its own, and yield what clients need to know."""
    port, dashboard, client = free_ports(3)
    folder = f"/tmp/ebj-{os.getpid()}"
    surroundings = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    surroundings |= {
        "PATH": f"{BIN}:{os.environ['PATH']}",  # the job's `python` is looked up in the head's PATH
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    head = subprocess.Popen(
        [
            *(BIN / "ray", "start", "--head", "--block", "--disable-usage-stats"),
            *(f"--port={port}", f"--dashboard-port={dashboard}", "--num-cpus=4"),
            *(f"--ray-client-server-port={client}", f"--temp-dir={folder}"),
            "--object-store-memory=268435456",
        ],
        env=surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 90
        while not answers(f"http://127.0.0.1:{dashboard}/api/version"):
            assert head.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield surroundings
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        head.wait()
        subprocess.run(["rm", "-rf", folder], check=True)


def answers(address):
    try:
        urlopen(address, timeout=5).close()
    except HTTPError:  # it asks for a token, so it is there
        return True
    except (URLError, OSError):
        return False
    return True


def submit(surroundings, *entrypoint):
    """Submit a job; a head answers some seconds before its job agent does, and says so."""
    command = [BIN / "ray", "job", "submit", "--working-dir", ".", "--", *entrypoint]
    deadline = time.monotonic() + 90
    while True:
        done = subprocess.run(
            command, cwd=REPOSITORY, env=surroundings, capture_output=True, text=True, check=False
        )
        if "No available agent" not in done.stderr or time.monotonic() > deadline:
            return done
        time.sleep(1)


def test_a_submitted_job_converts_the_sample_archive(cluster, tmp_path):
    without = {name: value for name, value in cluster.items() if name != "RAY_AUTH_TOKEN"}
    stranger = submit({**without, "HOME": str(tmp_path)}, "python", "-c", "pass")
    assert stranger.returncode != 0  # no token, no job

    out, told = tmp_path / "out", tmp_path / "summary.json"
    job = submit(
        cluster,
        *("python", "jobs/convert.py", str(REPOSITORY / "samples" / "archive"), str(out)),
        *("--json", str(told)),
    )
    assert job.returncode == 0, job.stdout + job.stderr
    assert "succeeded" in job.stdout
    summary = json.loads(told.read_text())
    assert summary["pages_in"] == summary["pages_published"] + summary["pages_quarantined"]
    assert summary["pages_published"] > 0, summary["reasons"]
    assert verify(str(out), config=RunConfig()).findings == ()

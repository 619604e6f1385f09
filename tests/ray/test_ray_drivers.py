"""The driver of a run on Ray is killed, then told to end, and the same command goes on."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, suppress

import pytest

from tests.factories_flow import archive

pytestmark = pytest.mark.ray


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
        [sys.executable, "-m", "tests.drivers_flow", source, str(tmp_path / "out"), "{}"],
        env={**plain, "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["state"] == "done"

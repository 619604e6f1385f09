"""Killing what a run on Ray consists of, at random moments, and starting it again."""

import json
import random
import time

import psutil

from ecgbatch.flow.verify import verify
from tests.drivers_flow import driver, parts
from tests.factories_flow import settings, tables_of

STAGES = "MapWorker"
"""In the name of every process that runs stages."""

KINDS = ("driver", STAGES, "ray::")
"""Whom a run loses, in an order that is drawn: each by what its name holds, the last is anybody."""

STARTS = 12


def ray_processes(folder):
    """Return the processes that work for the Ray whose sessions stand in ``folder``."""
    found = []
    for raylet in psutil.process_iter(["name", "cmdline"]):
        if raylet.info["name"] == "raylet" and folder in " ".join(raylet.info["cmdline"] or []):
            found += [
                child
                for child in raylet.children()
                if child.is_running() and child.name().startswith("ray::")
            ]
    return found


def busy(folder, kind):
    """Return those among them that hold an actor or a task of a run, with their names."""
    found = []
    for process in ray_processes(folder):
        try:
            name = process.name()
            if kind in name and "IDLE" not in name and "Agent" not in name:
                found.append((process, name))  # without its agents a raylet ends
        except psutil.NoSuchProcess:
            continue
    return sorted(found, key=lambda one: one[0].pid)


def run_while_killing(seed, source, out, address, folder, let_go):
    """Run to the end; one of each of ``KINDS`` is killed at moments drawn from ``seed``.

    A scan of ``source`` waits for the file ``let_go``, which is made once all of them are dead: so
    no run can end before.

    Returns:
        What was killed, in order, and how often the run was started.
    """
    draw = random.Random(seed)
    left = draw.sample(KINDS, len(KINDS))
    killed = []
    for start in range(1, STARTS + 1):
        process = driver(source, str(out), address)
        try:
            while left and process.poll() is None:
                _wait_a_moment(draw, out, process)
                name = _kill(left[0], draw, process, folder)
                if name:
                    killed.append(name)
                    left.pop(0)
            if not left:
                let_go.touch()
            output, _ = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
        if process.returncode == 0:
            assert json.loads(output.splitlines()[-1])["state"] in {"done", "nothing_to_do"}
            return killed, start
    raise AssertionError(f"the run did not end in {STARTS} starts: {killed}")


def _wait_a_moment(draw, out, process):
    """Until another part is committed, or some seconds, and a little longer."""
    before = parts(out)
    patience = time.monotonic() + draw.uniform(0.0, 4.0)
    while process.poll() is None and parts(out) == before and time.monotonic() < patience:
        time.sleep(0.02)
    time.sleep(draw.uniform(0.0, 0.3))


def _kill(kind, draw, process, folder):
    """Kill one of a kind and return its name; nothing where none lives, or it died by itself."""
    if process.poll() is not None:
        return None
    if kind == "driver":
        process.kill()
        return kind
    found = busy(folder, kind)
    if not found:
        return None
    victim, name = draw.choice(found)
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return None
    return name


def assert_undisturbed(out, expected):
    """Nothing twice, nothing lost."""
    assert tables_of(out) == expected
    assert verify(str(out), config=settings()).findings == ()

"""Killing what a run on Ray consists of, at random moments, and starting it again."""

import json
import random
import time

import psutil

from ecgbatch.flow.verify import verify
from tests.drivers_flow import driver, parts
from tests.factories_flow import settings, tables_of

KILLS = 3
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


def busy(folder):
    """Return those among them that hold an actor or a task of a run."""
    found = []
    for process in ray_processes(folder):
        try:
            name = process.name()
            if "IDLE" not in name and "Agent" not in name:  # without its agents a raylet ends
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def run_while_killing(seed, source, out, address, folder):
    """Run to the end, with ``KILLS`` kills of workers or drivers at moments drawn from ``seed``.

    Returns:
        What was killed, in order, and how often the run was started.
    """
    draw = random.Random(seed)
    killed = []
    for start in range(1, STARTS + 1):
        process = driver(source, str(out), address)
        try:
            while process.poll() is None and len(killed) < KILLS:
                before = parts(out)
                patience = time.monotonic() + draw.uniform(0.0, 4.0)
                while process.poll() is None and (
                    parts(out) == before and time.monotonic() < patience
                ):
                    time.sleep(0.02)
                time.sleep(draw.uniform(0.0, 0.3))
                workers = busy(folder)
                if process.poll() is not None:
                    break
                if draw.random() < 0.4:
                    process.kill()
                    killed.append("driver")
                elif workers:
                    victim = draw.choice(sorted(workers, key=lambda worker: worker.pid))
                    try:
                        name = victim.name()
                        victim.kill()
                        killed.append(name)
                    except psutil.NoSuchProcess:
                        continue
            output, _ = process.communicate()
        finally:
            if process.poll() is None:
                process.kill()
        if process.returncode == 0:
            assert json.loads(output.splitlines()[-1])["state"] in {"done", "nothing_to_do"}
            return killed, start
    raise AssertionError(f"the run did not end in {STARTS} starts: {killed}")


def assert_undisturbed(out, expected):
    """Nothing twice, nothing lost."""
    assert tables_of(out) == expected
    assert verify(str(out), config=settings()).findings == ()

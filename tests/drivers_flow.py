"""Drivers in processes of their own, to be killed."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

from ecgbatch.errors import LeaseError, RunError
from ecgbatch.flow.backfill import Order, backfill
from ecgbatch.flow.delete import delete
from ecgbatch.flow.rekey import rekey
from ecgbatch.flow.run import convert
from ecgbatch.flow.summary import RESUMABLE, exit_status_of
from ecgbatch.storage import Store
from tests.factories_flow import settings, stages

_processes = multiprocessing.get_context("forkserver")  # a fork of us would copy Ray's threads
_processes.set_forkserver_preload(["tests.drivers_flow"])

WRITES = ("write", "create", "delete")


def start(target, *arguments):
    """Start ``target`` in a process of its own."""
    process = _processes.Process(target=_as_here, args=(dict(os.environ), target, arguments))
    process.start()
    return process


def _as_here(environment, target, arguments):
    """Call with the environment of the test, which is not that of the fork server."""
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)


def drive(source, out, **pools):
    """Convert in this process."""
    return convert(
        str(source), str(out), stages=stages(source), config=settings(**pools), local=True
    )


def die_after(writes, source, out):
    """Convert, and be killed right after so many changes of the store; from one, the lease."""
    _deadly_after(writes)
    drive(source, out)


def die_deleting(writes, out, scan_ids):
    """Delete scans, and be killed right after so many changes of the store."""
    _deadly_after(writes)
    delete(str(out), scan_ids, config=settings())


def die_rekeying(writes, out, into):
    """Give a release other ids, and be killed right after so many changes of the store."""
    _deadly_after(writes)
    rekey(str(out), into, config=settings())


def _deadly_after(writes):
    left = writes

    def deadly(method):
        def change(self, *arguments):
            nonlocal left
            result = method(self, *arguments)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return change

    for name in WRITES:
        setattr(Store, name, deadly(getattr(Store, name)))


def driver(source, out, address=None, *, environment=None, **pools):
    """Start a run on Ray, on a private one without ``address``, in a process of its own."""
    joined = {"RAY_ADDRESS": address} if address else {}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.drivers_flow", source, out, json.dumps(pools)],
        env={**os.environ, **joined, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )


def summary_of(process):
    """Wait for a driver and return its summary; Ray may have had something to say before it."""
    output, _ = process.communicate()
    return json.loads(output.splitlines()[-1])


def wait_for_part(out, process):
    """Return a moment after the process has committed a part that was not there before."""
    before = parts(out)
    while parts(out) == before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.Random(before).uniform(0, 0.5))


def wait_for_own_part(out, process):
    """Return a moment after a driver has committed a part, and not one that was killed before it.

    What the other began on a cluster may still be committed while this one is being loaded, when a
    signal would end it like any process.
    """
    before = _starts(out)
    while _starts(out) <= before and process.poll() is None:
        time.sleep(0.02)
    time.sleep(random.Random(len(before)).uniform(0, 0.5))


def _starts(out):
    """Return the starts of runs that have committed a part; its name tells."""
    return {path.stem.rsplit("-", 2)[1] for path in out.glob("runs/*/receipts/*.json")}


def parts(out):
    """Count what has been committed."""
    return len(list(out.glob("runs/*/receipts/*.json")))


def backfill_at(source, out, now):
    """Settle what is due at ``now``, and exit with the status of the command."""
    try:
        done = backfill(
            str(source),
            str(out),
            Order(),
            stages=stages(source),
            config=settings(),
            local=True,
            clock=lambda: now,
        )
    except LeaseError:
        sys.exit(RESUMABLE)
    sys.exit(done.exit_status)


def main(source, out, pools):
    """Convert with Ray, at RAY_ADDRESS, and end as the command does."""
    try:
        summary = convert(source, out, stages=stages(source), config=settings(**json.loads(pools)))
    except RunError as error:
        sys.stdout.write(str(error))
        sys.exit(exit_status_of(error))
    sys.stdout.write(json.dumps(summary.as_json()))
    sys.exit(summary.exit_status)


if __name__ == "__main__":
    main(*sys.argv[1:])

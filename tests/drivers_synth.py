"""Makers of data sets in processes of their own, to be killed."""

import os
import signal
import sys
import threading

from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.flow.synthesize import synthesize
from ecgbatch.storage import Store
from tests.factories_synth import make, recipe


def print_and_die(writes, out):
    """Make boxes, and be killed right after so many files; the lease is the first."""
    left, one_at_a_time = writes, threading.Lock()

    def deadly(method):
        def change(self, *arguments):
            nonlocal left
            result = method(self, *arguments)
            with one_at_a_time:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return change

    for name in ("write", "create"):
        setattr(Store, name, deadly(getattr(Store, name)))
    make(out, "boxes")


if __name__ == "__main__":  # with Ray, at RAY_ADDRESS
    workers, out = int(sys.argv[1]), sys.argv[2]
    config = RunConfig(pools=PoolSettings(cpu_workers_max=workers))
    synthesize(out, recipe("crops", shard=1), config=config)

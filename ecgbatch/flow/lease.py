"""One run at a time writes to an output.

A lease is a file ``runs/lease/<number>.json`` that could only be made once (put if absent). Taking
over means making the file of the next number, so there is one winner however many try, and whoever
holds a number knows that it lost when the next one exists: writers look before they publish
(`fencing`_), so a holder that was thought dead and wakes up publishes nothing.

The holder renews a heartbeat in its file. A heartbeat older than ``STALE_AFTER_S`` marks a dead
holder; on the same machine a process that is no more is seen at once. Clocks that differ by more
than that would take a lease from a living run, which then stops; no row is written twice.

.. _fencing: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ecgbatch.errors import LeaseError, StorageError
from ecgbatch.flow.output import Output, as_json, read_json
from ecgbatch.storage import Store

STALE_AFTER_S = 60.0  # six heartbeats: one lost answer or a slow minute is no death
HEARTBEAT_S = 10.0


@dataclass(frozen=True, slots=True)
class Fence:
    """What a writer needs to know of the lease; picklable.

    Attributes:
        output: Where the lease stands.
        number: The number that our run holds.
    """

    output: Output
    number: int

    def check(self, store: Store) -> None:
        """Return if the lease is still ours.

        Raises:
            LeaseError: Another run took over.
        """
        if store.head(_uri(self.output, self.number + 1)) is not None:
            raise LeaseError("another run took over this output; this one stops")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds, or held, the newest lease of an output.

    Attributes:
        number: Of the lease.
        run_id: Of the run.
        heartbeat_age_s: Seconds since its last sign of life.
        alive: Whether it must be taken for living.
    """

    number: int
    run_id: str
    heartbeat_age_s: float
    alive: bool


class Lease:
    """The right to write to an output, renewed by a thread until the ``with`` block ends.

    Args:
        output: What is to be written to.
        run_id: Told to others who ask.

    Raises:
        LeaseError: Another run holds it; the message names that run and the age of its heartbeat.
    """

    def __init__(self, output: Output, *, run_id: str) -> None:
        self._store = output.store()
        self._output = output
        self._run_id = run_id
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="ecgbatch-lease", daemon=True)
        before = holder(self._store, output)
        if before is not None and before.alive:
            raise LeaseError(_held(before))
        self.fence = Fence(output, before.number + 1 if before is not None else 1)
        if not self._store.create(self._own_uri(), self._content()):
            raise LeaseError("another run took this output at the same moment; try again")

    def __enter__(self) -> Self:
        """Start the heartbeat."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lease back, so that the next run need not wait."""
        self._ended.set()
        self._thread.join()
        try:
            self._store.write(self._own_uri(), self._content(released=True))
        except StorageError:
            if error is None:  # with one on its way, the first cause is the one to report
                raise

    def tell(self, run_id: str) -> None:
        """Name the run that works under this lease, once it is known."""
        self._run_id = run_id
        self._store.write(self._own_uri(), self._content())

    def _renew(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                self.fence.check(self._store)
                self._store.write(self._own_uri(), self._content())
            except LeaseError:
                return  # whoever wants to publish will see it too
            except StorageError:
                continue  # the next heartbeat may get through before anybody calls us dead

    def _own_uri(self) -> str:
        return _uri(self._output, self.fence.number)

    def _content(self, *, released: bool = False) -> bytes:
        return as_json(
            {
                "run_id": self._run_id,
                "heartbeat": time.time(),
                "released": released,
                "process": this_process(),
            }
        )


def holder(store: Store, output: Output) -> Holder | None:
    """Say who holds the newest lease of ``output``; None where there never was one."""
    numbers = [
        int(Path(listed.uri).stem)
        for listed in store.list(output.uri("runs", "lease"))
        if listed.uri.endswith(".json")
    ]
    if not numbers:
        return None
    number = max(numbers)
    content = read_json(store, output, "runs", "lease", _name(number))
    if content is None:
        return None
    age_s = max(0.0, time.time() - content["heartbeat"])
    alive = not content["released"] and age_s < STALE_AFTER_S and not _gone(content["process"])
    return Holder(number=number, run_id=content["run_id"], heartbeat_age_s=age_s, alive=alive)


def this_process() -> dict[str, Any] | None:
    """Name this process so that others on this machine can see whether it still lives.

    A process number means something only within one boot and one namespace of numbers, and only
    together with its time of start. None where the system (not Linux) does not tell these.
    """
    try:
        return {**_machine(), "pid": os.getpid(), "started": _started(os.getpid())}
    except OSError:
        return None


def _machine() -> dict[str, str]:
    return {
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
        "namespace": str(Path("/proc/self/ns/pid").readlink()),
    }


def _started(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    fields = stat.rpartition(")")[2].split()  # from field 3 of proc(5), after the name in brackets
    if fields[0] in "ZX":  # killed, and only waiting for its parent to notice
        raise ProcessLookupError
    return fields[19]  # field 22


def _gone(process: dict[str, Any] | None) -> bool:
    """Whether ``process`` ran on this machine and is no more; False where that cannot be told."""
    if process is None:
        return False
    try:
        machine = _machine()
    except OSError:
        return False
    if any(process[name] != value for name, value in machine.items()):
        return False
    try:
        return bool(_started(process["pid"]) != process["started"])
    except OSError:
        return True


def _name(number: int) -> str:
    return f"{number:08d}.json"


def _uri(output: Output, number: int) -> str:
    return output.uri("runs", "lease", _name(number))


def _held(other: Holder) -> str:
    wait_s = max(1.0, STALE_AFTER_S - other.heartbeat_age_s)
    return (
        f"run {other.run_id} is writing to this output; its last heartbeat was "
        f"{other.heartbeat_age_s:.0f} s ago. Wait for it; if it is dead, the same command will "
        f"go on in {wait_s:.0f} s"
    )

"""One run at a time: numbers that can be taken once, and a heartbeat."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecgbatch.config import StorageSettings
from ecgbatch.errors import LeaseError
from ecgbatch.flow import lease
from ecgbatch.flow.lease import Lease, holder, this_process
from ecgbatch.flow.output import Output

HOLD = """
import os, sys
from ecgbatch.config import StorageSettings
from ecgbatch.flow.lease import Lease
from ecgbatch.flow.output import Output
Lease(Output.at(sys.argv[1], StorageSettings()), run_id="child").__enter__()
os._exit(0)
"""


@pytest.fixture
def output(tmp_path):
    return Output.at(str(tmp_path), StorageSettings())


def files(output):
    return sorted(Path(output.root.removeprefix("file://"), "runs", "lease").glob("*.json"))


def change(output, **values):
    path = files(output)[-1]
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_who_comes_second_is_told_who_came_first(output):
    with Lease(output, run_id="first") as held:
        held.tell("first-by-name")
        with pytest.raises(LeaseError, match=r"run first-by-name is writing .* 0 s ago"):
            Lease(output, run_id="second")


def test_a_lease_that_was_given_back_is_free_at_once(output):
    for run_id in ("first", "second"):
        with Lease(output, run_id=run_id):
            assert holder(output.store(), output).run_id == run_id
    assert [path.name for path in files(output)] == ["00000001.json", "00000002.json"]
    assert not holder(output.store(), output).alive


def test_a_heart_that_stopped_a_minute_ago_is_dead(output):
    with Lease(output, run_id="first"):
        change(output, heartbeat=time.time() - 61, process=None)
        with Lease(output, run_id="second"):
            assert holder(output.store(), output).run_id == "second"


def test_a_heart_of_another_machine_is_believed_for_a_minute(output):
    with Lease(output, run_id="first"):
        elsewhere = {**this_process(), "boot": "another", "pid": 2**22}
        change(output, process=elsewhere, heartbeat=time.time() - 50)
        with pytest.raises(LeaseError, match=r"will go on in 10 s|will go on in 9 s"):
            Lease(output, run_id="second")


def test_a_process_of_this_machine_that_is_no_more_is_seen_at_once(output):
    with subprocess.Popen([sys.executable, "-c", HOLD, output.root]) as child:
        deadline = time.monotonic() + 60
        while not files(output) or holder(output.store(), output).alive:
            assert time.monotonic() < deadline  # it has ended, and nobody waited for it
            time.sleep(0.01)
    assert child.returncode == 0
    assert not holder(output.store(), output).alive
    with Lease(output, run_id="parent"):
        assert holder(output.store(), output).number == 2


def test_a_number_that_was_used_again_by_another_process_is_another_process(output):
    with Lease(output, run_id="first"):
        change(output, process={**this_process(), "started": "1"})
        with Lease(output, run_id="second"):
            pass


def test_of_two_who_saw_the_same_dead_holder_one_wins(output, monkeypatch):
    with Lease(output, run_id="dead"):
        pass
    seen = holder(output.store(), output)
    monkeypatch.setattr(lease, "holder", lambda *_: seen)
    with Lease(output, run_id="fast"), pytest.raises(LeaseError, match="at the same moment"):
        Lease(output, run_id="slow")


def test_a_writer_whose_lease_was_taken_over_is_stopped(output):
    with Lease(output, run_id="first") as first:
        first.fence.check(output.store())
        change(output, heartbeat=0.0, process=None)
        with Lease(output, run_id="second") as second:
            with pytest.raises(LeaseError, match="took over"):
                first.fence.check(output.store())
            second.fence.check(output.store())


def test_the_heart_beats(output, monkeypatch):
    monkeypatch.setattr(lease, "HEARTBEAT_S", 0.01)
    with Lease(output, run_id="first"):
        change(output, heartbeat=0.0)
        deadline = time.monotonic() + 5
        while holder(output.store(), output).heartbeat_age_s > 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)

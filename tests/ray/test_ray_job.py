"""Jobs are submitted to a cluster that asks for a token, as an operator would do it."""

import json
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from safetensors.torch import load_file

from ecgbatch.cli import main
from ecgbatch.config import RunConfig
from ecgbatch.flow.verify import verify

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

REPOSITORY = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def free_ports(count):
    """Return free ports that nobody is given by chance before the head listens there.

    They lie above those of Ray's workers (10002 to 19999) and below those of which the kernel
    takes one for every outgoing connection (from 32768).
    """
    found = []
    for port in random.SystemRandom().sample(range(20000, 32768), 100 * count):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            found.append(port)
        if len(found) == count:
            return found
    pytest.fail("no free ports")


@pytest.fixture(scope="module")
def cluster():
    """Start a head in a process group of its own, and yield what clients need to know.

    Jobs go through the head's agent. Without a port of its own it wants 52365, which any other Ray
    of this machine has; then it stays without a listener, says so in its log only, and every job is
    refused for as long as the head lives.
    """
    port, dashboard, client, agent = free_ports(4)
    folder = f"/tmp/ebj-{os.getpid()}"
    surroundings = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    surroundings |= {
        "PATH": f"{BIN}:{os.environ['PATH']}",  # the job's `python` is looked up in the head's PATH
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # workers that give way to a busy machine never end there
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    head = subprocess.Popen(
        [
            *(BIN / "ray", "start", "--head", "--block", "--disable-usage-stats"),
            *(f"--port={port}", f"--dashboard-port={dashboard}", "--num-cpus=4"),
            *(f"--ray-client-server-port={client}", f"--dashboard-agent-listen-port={agent}"),
            *(f"--temp-dir={folder}", "--object-store-memory=268435456"),
        ],
        env=surroundings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        for address in (f"{dashboard}/api/version", f"{agent}/api/local_raylet_healthz"):
            while not answers(f"http://127.0.0.1:{address}"):
                assert head.poll() is None
                assert time.monotonic() < deadline, address
                time.sleep(0.2)
        yield surroundings
    finally:
        os.killpg(head.pid, signal.SIGKILL)
        head.wait()
        subprocess.run(["rm", "-rf", folder], check=True)


def answers(address):
    try:
        urlopen(address, timeout=5).close()
    except HTTPError as error:  # it asks for a token, so it is there
        return error.code in {401, 403}
    except (URLError, OSError):
        return False
    return True


@pytest.fixture(scope="module")
def by_geometry(tmp_path_factory):
    """Settings without any network: jobs are tried here, and not what they read."""
    file = tmp_path_factory.mktemp("settings") / "run.toml"
    off = "[locate]\nnetworks = false\n[trace]\nnetwork = false\n[diagnose]\nenabled = false\n"
    file.write_text(f"max_quarantined_share = 1.0\n{off}")
    return "--config", str(file)


def submit(surroundings, *entrypoint):
    return subprocess.run(
        [BIN / "ray", "job", "submit", "--working-dir", ".", "--", *entrypoint],
        cwd=REPOSITORY,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_submitted_job_converts_the_sample_archive(cluster, tmp_path, by_geometry):
    without = {name: value for name, value in cluster.items() if name != "RAY_AUTH_TOKEN"}
    stranger = submit({**without, "HOME": str(tmp_path)}, "python", "-c", "pass")
    assert stranger.returncode != 0  # no token, no job

    out, told = tmp_path / "out", tmp_path / "summary.json"
    job = submit(
        cluster,
        *("python", "jobs/convert.py", str(REPOSITORY / "samples" / "archive"), str(out)),
        *("--json", str(told), *by_geometry),
    )
    assert job.returncode == 0, job.stdout + job.stderr
    assert "succeeded" in job.stdout
    summary = json.loads(told.read_text())
    assert summary["pages_in"] == summary["pages_published"] + summary["pages_quarantined"]
    assert summary["pages_published"] > 0, summary["reasons"]
    assert verify(str(out), config=RunConfig()).findings == ()


def ours(surroundings, *arguments):
    """Start ``ecgbatch submit`` with the files of this checkout."""
    return subprocess.Popen(
        [sys.executable, "-m", "ecgbatch", "submit", *arguments],
        cwd=REPOSITORY,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_exit_status_of_a_job_is_that_of_its_submission(cluster, tmp_path):
    job = ours(cluster, "verify", "--working-dir", ".", "--", str(tmp_path / "nothing"))
    printed, complaint = job.communicate()
    assert job.returncode == 2, printed + complaint
    assert "no run has written to this output" in printed  # the job's own line, followed
    assert "failed with exit status 2" in printed


_STOP_ONCE_BEGUN = """
import glob, sys, time
import ecgbatch.flow.job_server, ecgbatch.flow.submit, ray.job_submission
from ecgbatch.cli import main
while not glob.glob(sys.argv[2]):
    time.sleep(0.05)
main(["submit", "--stop", sys.argv[1]])
"""


def test_whatever_else_is_a_job_runs_on_the_cluster_too(cluster, tmp_path, by_geometry):
    """Each in one process, because other tests try their workers: from a submission to its end."""
    empty, lake, made = (str(tmp_path / name) for name in ("in", "lake", "made"))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.jpg").touch()
    alone = ("--damaged", "0", "--local")
    with pytest.raises(SystemExit, match="0"):
        main(["convert", empty, lake, "--local", *by_geometry])
    settled = (
        begin_all(
            cluster,
            ("synthesize", "archive", made, "--count", "1", "--dpi", "100", *alone),
        ),
        begin_all(
            cluster,
            ("retry", lake, "empty", "--local", *by_geometry),
            (
                *("evaluate", f"{made}/archive", "--truth", f"{made}/truth/records", *by_geometry),
                *("--pairs", f"{made}/truth/pairs.csv", "--json", str(tmp_path / "scores.json")),
            ),
        ),
    )
    for printed in (said for both in settled for said in both):
        assert "succeeded with exit status 0" in printed
    assert len(list((tmp_path / "lake" / "runs").glob("*/summary.json"))) == 2
    assert verify(lake, config=RunConfig()).findings == ()
    assert json.loads((tmp_path / "scores.json").read_text())


def begin_all(surroundings, *jobs):
    """Submit jobs at once, wait for all, and return what each has printed."""
    begun = [
        ours(surroundings, name, "--working-dir", ".", "--", *arguments)
        for name, *arguments in jobs
    ]
    return ["".join(job.communicate()) for job in begun]


def test_a_job_that_was_stopped_goes_on_when_it_is_submitted_again(cluster, tmp_path):
    archive, out, told = tmp_path / "archive", tmp_path / "out", tmp_path / "summary.json"
    archive.mkdir()
    sample = REPOSITORY / "samples" / "archive" / "2021" / "ward 3" / "ECG_000117.jpg"
    for number in range(5):
        shutil.copy(sample, archive / f"{number}.jpg")
    job = ("convert", "--id", "archive", "--working-dir", ".", "--")
    arguments = (str(archive), str(out), "--local", "--json", str(told))

    stopper = subprocess.Popen(
        [sys.executable, "-c", _STOP_ONCE_BEGUN, "archive", f"{out}/runs/*/run.json"],
        cwd=REPOSITORY,
        env=cluster,
    )
    first = ours(cluster, *job, *arguments)
    printed, complaint = first.communicate()
    assert stopper.wait() == 0
    assert first.returncode == 75, printed + complaint
    assert "job archive stopped" in printed

    again = ours(cluster, *job, *arguments)
    printed, complaint = again.communicate()
    assert again.returncode == 0, printed + complaint
    assert "job archive.2 succeeded with exit status 0" in printed
    summary = json.loads(told.read_text())
    assert (summary["resumed"], summary["pages_published"]) == (1, 5)
    assert verify(str(out), config=RunConfig()).findings == ()


def test_a_training_by_ray_train_that_was_stopped_goes_on_from_its_checkpoint(cluster, tmp_path):
    folder = tmp_path / "net"
    job = ("train_segmenter", "--id", "training", "--working-dir", ".", "--", str(folder))
    drawn = ("--pages", "1", "--crowded", "1", "--valid-pages", "1", "--windows", "1")
    job = (*job, *drawn, "--steps", "60", "--checkpoint-every", "1", "--workers", "2")

    stopper = subprocess.Popen(
        [sys.executable, "-c", _STOP_ONCE_BEGUN, "training", f"{folder}/checkpoint.safetensors"],
        cwd=REPOSITORY,
        env=cluster,
    )
    printed, complaint = (first := ours(cluster, *job)).communicate()
    assert first.returncode == 75, printed + complaint
    assert "job training stopped" in printed
    assert stopper.wait() == 0
    taken = int(load_file(folder / "checkpoint.safetensors")["step"])
    assert 1 <= taken < 60
    with (folder / "curve.jsonl").open("a") as curve:
        curve.write(json.dumps({"step": taken, "mark": 1}) + "\n")

    printed, complaint = (again := ours(cluster, *job)).communicate()
    assert again.returncode == 0, printed + complaint
    assert "job training.2 succeeded with exit status 0" in printed
    assert "step 60" in printed  # what a worker printed was followed
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    assert {"step": taken, "mark": 1} in lines  # a training from the start would have dropped it
    assert lines[-1]["step"] == 60
    assert list((folder / "weights").glob("*.safetensors"))

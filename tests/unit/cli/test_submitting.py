"""``ecgbatch submit`` follows, ends as the job ends, and leaves the job alone when it is left."""

import pytest

from ecgbatch.cli import main
from ecgbatch.cli.submitting import jobs
from ecgbatch.flow import job_server
from ecgbatch.flow import submit as work
from tests.factories_jobs import Server


@pytest.fixture
def server(monkeypatch):
    fake = Server()
    monkeypatch.setattr(work, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(job_server, "open_client", lambda *_, **__: fake)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:28265")
    return fake


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["submit", *arguments])
    return ended.value.code, capsys.readouterr().out


@pytest.mark.parametrize("code", [0, 1, 3, 75])
def test_it_ends_as_the_job_ends_with_its_log_between(capsys, server, code):
    server.ends = ("night", "FAILED" if code else "SUCCEEDED", code)
    status, printed = run(capsys, "convert", "--id", "night", "--", "in", "out", "--workers", "4")
    assert status == code
    lines = printed.splitlines()
    assert lines[:4] == ["job night on http://127.0.0.1:28265", "one", "two", "three"]
    assert lines[4].endswith(f"with exit status {code}")


def test_what_stands_behind_the_dashes_is_the_jobs(capsys, server):
    asked = []
    submit_job = server.submit_job
    server.submit_job = lambda **given: asked.append(given["entrypoint"]) or submit_job(**given)
    run(capsys, "verify", "--detach", "--", "s3://lake/e c g", "--release", "r1")
    assert asked == ["python -m jobs.verify 's3://lake/e c g' --release r1"]


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_go_on(capsys, server, monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(work, "follow", pressed)
    status, printed = run(capsys, "convert", "--id", "night", "--", "in", "out")
    assert status == 75
    assert str(server.get_job_status("night")) == "RUNNING"
    assert "ecgbatch submit --address http://127.0.0.1:28265 --follow night" in printed
    assert "ecgbatch submit --address http://127.0.0.1:28265 --stop night" in printed


def test_detached_it_returns_at_once(capsys, server):
    status, printed = run(capsys, "convert", "--detach", "--", "in", "out")
    assert status == 0
    assert "three" not in printed
    assert "--follow raysubmit_1" in printed


def test_a_job_is_stopped_by_its_name(capsys, server):
    server.has("night", "RUNNING")
    assert run(capsys, "--stop", "night") == (0, "job night was stopped\n")
    assert run(capsys, "--stop", "night") == (0, "job night had ended before\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["convert", "--stop", "night"],
        ["--follow", "a", "--stop", "b"],
        ["wash"],
        ["convert", "--env", "X"],
        ["convert", "--env", "AWS_SECRET_ACCESS_KEY=x"],
    ],
)
def test_a_wrong_call_ends_with_2_and_submits_nothing(capsys, server, arguments):
    assert run(capsys, *arguments)[0] == 2
    assert server.submitted == []


def test_every_job_of_the_folder_can_be_submitted():
    assert set(jobs()) >= {
        *("convert", "backfill", "verify", "retry", "synthesize"),
        *("train_locator", "train_segmenter", "evaluate"),
    }

"""Jobs on a cluster, against a server that stands in for Ray's; the real one is in tests/ray."""

import pytest

from ecgbatch.errors import ClusterError, ConfigError
from ecgbatch.flow import submit as work
from ecgbatch.flow.submit import Job, exit_status, follow, stop, submit
from tests.factories_jobs import JOB, Server


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(work, "_LOOK_EVERY_S", 0.0)
    return Server()


def test_a_job_is_the_same_command_line_as_by_hand(server):
    assert submit(server, JOB) == "raysubmit_1"
    assert JOB.entrypoint == (
        "python -m jobs.convert 's3://archive/a b' s3://lake --config run.toml"
    )
    assert server.submitted == [("raysubmit_1", {})]


def test_files_and_variables_go_along_when_they_are_named(server):
    submit(server, Job("verify", (), ".", {"AWS_DEFAULT_REGION": "eu-central-1"}))
    environment = {"working_dir": ".", "env_vars": {"AWS_DEFAULT_REGION": "eu-central-1"}}
    assert server.submitted[0][1] == environment


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "ECGBATCH_ID_KEY", "RAY_AUTH_TOKEN"])
def test_a_secret_is_not_put_where_the_dashboard_shows_it(name):
    with pytest.raises(ConfigError, match="dashboard"):
        Job("convert", (), None, {name: "x"})


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUCCEEDED"])
def test_the_same_id_again_is_the_same_job(server, status):
    server.has("nightly", status)
    assert submit(server, JOB, submission_id="nightly") == "nightly"
    assert server.submitted == []


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
def test_the_same_id_again_after_a_failure_goes_on_under_the_next_number(server, status):
    server.has("nightly", status, code=1)
    server.has("nightly.2", status)
    assert submit(server, JOB, submission_id="nightly") == "nightly.3"


def test_two_that_submit_one_id_at_once_are_one_job(server):
    submit_job = server.submit_job

    def slower(**asked):
        submit_job(**asked)
        raise RuntimeError("status code 500: already exists")

    server.submit_job = slower
    assert submit(server, JOB, submission_id="nightly") == "nightly"
    assert len(server.submitted) == 1


def test_an_id_that_was_asked_for_something_else_is_refused(server):
    server.has("nightly", "SUCCEEDED", entrypoint="python -m jobs.verify s3://lake")
    with pytest.raises(ConfigError, match="something else"):
        submit(server, JOB, submission_id="nightly")


def test_a_cluster_that_takes_no_jobs_is_an_error_that_may_pass(server):
    server.submit_job = lambda **_: (_ for _ in ()).throw(RuntimeError("No available agent"))
    with pytest.raises(ClusterError, match="did not take the job"):
        submit(server, JOB, submission_id="nightly")


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        ("SUCCEEDED", 0, 0),
        ("FAILED", 1, 1),
        ("FAILED", 3, 3),
        ("FAILED", 75, 75),
        ("FAILED", -9, 75),  # killed
        ("FAILED", None, 75),  # the machine was lost
        ("STOPPED", None, 75),
    ],
)
def test_the_exit_status_is_the_jobs_own(server, status, code, means):
    server.has("x", status, code=code)
    assert exit_status(server.get_job_info("x")) == means


def test_a_log_that_breaks_off_is_taken_up_without_repeating_a_line(server):
    server.has("x", "RUNNING")
    server.breaks_after = [1, 2]
    written = []

    def write(text):
        written.append(text)
        if text == "three\n":
            server.has("x", "SUCCEEDED", code=0)

    assert follow(server, "x", write) == 0
    assert "".join(written) == "one\ntwo\nthree\n"


def test_the_last_lines_are_fetched_when_the_log_breaks_off_at_the_end(server):
    server.has("x", "FAILED", code=3)
    server.breaks_after = [2]
    written = []
    assert follow(server, "x", written.append) == 3
    assert "".join(written) == "one\ntwo\nthree\n"


def test_a_job_that_is_not_there_can_neither_be_followed_nor_stopped(server):
    for act in (lambda: follow(server, "x", print), lambda: stop(server, "x")):
        with pytest.raises(ClusterError, match="there is no job x"):
            act()


def test_stopping_waits_for_the_end_and_says_when_there_was_nothing_to_stop(server):
    server.has("x", "RUNNING")
    assert stop(server, "x") is True
    assert stop(server, "x") is False


def test_a_server_that_is_gone_for_good_is_given_up(server, monkeypatch):
    server.has("x", "RUNNING")
    monkeypatch.setattr(work, "_PATIENCE_S", 0.0)
    answers = iter([server.jobs["x"]])

    def gone(_):
        try:
            return next(answers)
        except StopIteration:
            raise OSError from None

    server.get_job_info = gone
    with pytest.raises(ClusterError, match="may still run"):
        follow(server, "x", lambda _: None)

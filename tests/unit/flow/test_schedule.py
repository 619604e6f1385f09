"""What schedulers are given: one call, quoted as they need it, that ``backfill`` would take."""

import os
import shlex

import pytest
import yaml

from ecgbatch import cli
from ecgbatch.errors import ConfigError
from ecgbatch.flow.schedule import Schedule

COMMAND = ["ecgbatch", "backfill", "s3://a/ward 3", "s3://lake/100%", "--window", "1d"]


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["schedule", "s3://a/b", "s3://c/d", *arguments])
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


def test_a_cron_job_forbids_overlap_knows_its_zone_and_gives_up_on_usage_errors():
    job = yaml.safe_load(Schedule("30 2 * * *", "Europe/Berlin", COMMAND, secret="s3").cron_job())
    spec = job["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("30 2 * * *", "Europe/Berlin")
    assert spec["concurrencyPolicy"] == "Forbid"
    (rule,) = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert 2 in rule["onExitCodes"]["values"]
    assert 75 not in rule["onExitCodes"]["values"]
    (container,) = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"] == COMMAND
    assert container["envFrom"] == [{"secretRef": {"name": "s3"}}]
    assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_a_crontab_line_is_one_command_with_its_percent_signs_escaped():
    zone, line = Schedule("30 2 * * *", "Europe/Berlin", COMMAND).cron_line().splitlines()
    assert zone == "CRON_TZ=Europe/Berlin"
    assert line.startswith("30 2 * * * ecgbatch backfill ")
    assert "%" not in line.replace(r"\%", "")
    assert shlex.split(line.replace(r"\%", "%"))[5:] == COMMAND


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "30 2 * *"},
        {"at": "@daily"},
        {"at": "30 2 * * *; rm -rf /"},
        {"at": "30 2 * * *\n* * * * *"},
        {"zone": "Mars"},
        {"name": "Nightly Backfill"},
        {"namespace": "a\nb"},
        {"secret": "x: y"},
    ],
)
def test_what_a_scheduler_would_misunderstand_is_refused(wrong):
    with pytest.raises(ConfigError):
        Schedule(**{"at": "30 2 * * *", "zone": "UTC", "command": COMMAND, **wrong})


def test_the_command_checks_the_options_that_backfill_will_be_given(capsys):
    status, shown, _ = run(capsys, "--zone", "Europe/Berlin", "--", "--window", "6h")
    assert status == 0
    command = yaml.safe_load(shown)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert command["containers"][0]["command"] == [
        *("ecgbatch", "backfill", "s3://a/b", "s3://c/d"),
        *("--window", "6h", "--zone", "Europe/Berlin"),
    ]
    status, _, complaint = run(capsys, "--", "--windows", "6h")
    assert (status, "--windows" in complaint) == (2, True)


def test_with_an_address_the_call_is_a_submission(capsys):
    status, shown, _ = run(capsys, "--cron-line", "--address", "http://head:8265")
    assert status == 0
    assert "ecgbatch submit --address http://head:8265 backfill -- s3://a/b" in shown


def test_a_line_for_cron_names_folders_that_cron_finds(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["schedule", "scans", "s3://c/d", "--cron-line"])
    assert f"backfill {tmp_path}/scans s3://c/d " in capsys.readouterr().out


def test_apply_hands_the_manifest_to_kubectl_and_passes_its_word_on(capsys, tmp_path, monkeypatch):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\n[ "$*" = "apply -f -" ] && cat > "$0.seen" && echo created\n')
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert run(capsys, "--apply")[:2] == (0, "created\n")
    assert yaml.safe_load((tmp_path / "kubectl.seen").read_text())["kind"] == "CronJob"
    kubectl.write_text("#!/bin/sh\necho forbidden >&2; exit 1\n")
    status, _, complaint = run(capsys, "--apply")
    assert (status, "kubectl refuses: forbidden" in complaint) == (2, True)
    monkeypatch.setenv("PATH", "/nowhere")
    status, _, complaint = run(capsys, "--apply")
    assert (status, "no kubectl" in complaint) == (2, True)

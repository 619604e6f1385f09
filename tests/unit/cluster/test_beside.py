"""The image, the cluster of plain machines, and the policies of the store."""

import json
import re
import shlex
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from ecgbatch.config import RunConfig
from tests.kustomize import build

ROOT = Path(__file__).parents[3]
CLUSTER = ROOT / "cluster"
IMAGE = CLUSTER / "image"


def container_file():
    """Return the steps of the image, continued lines joined."""
    text = (IMAGE / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


def copied():
    for step, words in container_file():
        if step == "COPY" and "--from" not in words:
            *sources, _ = shlex.split(words)
            yield from sources


def test_every_file_that_the_image_takes_is_there_and_is_let_in():
    ignored = (IMAGE / "Containerfile.dockerignore").read_text().splitlines()
    assert ignored[0] == "*"  # nothing comes in by chance: no archive, no key, no table
    let_in = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch(source, name) for name in let_in), source
    assert set(let_in) == set(copied())


def test_the_image_ends_as_somebody_without_rights_and_with_everything_pinned():
    steps = container_file()
    stages = [words for step, words in steps if step == "FROM"]
    assert len(stages) == 2
    assert [words for step, words in steps if step == "USER"] == ["10001:10001"]
    installs = [words for step, words in steps if step == "RUN" and "pip install" in words]
    for words in installs:
        for install in re.findall(r"pip install[^&]*", words):
            assert "--constraint constraints.txt" in install


def test_a_login_shell_finds_ray_in_the_image():
    """KubeRay runs ``bash -lc "ray start …"``, and /etc/profile makes PATH anew."""
    (path,) = re.findall(
        r"^ENV PATH=(\S+):\$PATH", (IMAGE / "Containerfile").read_text(), re.MULTILINE
    )
    profile = [words for step, words in container_file() if step == "RUN" and "profile.d" in words]
    assert f"export PATH={path}:$PATH" in profile[0]


def test_what_is_installed_is_what_the_constraints_pin():
    names = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pins = {
        line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().split()
    }
    for name in names:
        assert re.split(r"[\[><=]", name)[0].lower() in pins, name


def test_the_scripts_of_the_image_are_shell():
    for script in IMAGE.glob("*.sh"):
        subprocess.run(["sh", "-n", script], check=True)


@pytest.fixture
def machines():
    return yaml.safe_load((CLUSTER / "aws.yaml").read_text())


def test_ray_up_takes_the_cluster_of_plain_machines(machines):
    validate_config(prepare_config(machines))


def test_ray_up_finds_a_slip(machines):
    machines["max_wrkers"] = 3
    with pytest.raises(Exception, match="max_wrkers"):
        validate_config(prepare_config(machines))


def test_plain_machines_have_what_the_configuration_asks_for(machines):
    config = RunConfig.model_validate(tomllib.loads((CLUSTER / "base" / "run.toml").read_text()))
    store = f"--object-store-memory={config.pools.object_store_bytes}"
    for commands in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert any(store in command for command in machines[commands])
        for variable in ("RAY_AUTH_MODE=token", "ECGBATCH_ID_KEY_FILE="):
            assert any(variable in command for command in machines[commands])
    assert any("--dashboard-host=127.0.0.1" in each for each in machines["head_start_ray_commands"])
    assert machines["available_node_types"]["head"]["resources"]["CPU"] == 0
    for source in machines["file_mounts"].values():
        assert source.startswith("~") or (ROOT / source).exists()


_NEEDED = {  # the requests of ecgbatch/storage, as the store calls what they take
    "list_objects_v2": "s3:ListBucket",
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
}


def actions(name):
    policy = json.loads((CLUSTER / "storage" / f"{name}.json").read_text())
    found = set()
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert all("ARCHIVE" in each or "LAKE" in each for each in statement["Resource"])
        found |= set(statement["Action"])
    assert not any("*" in action for action in found)
    return found


def test_the_store_allows_what_is_asked_of_it_and_nothing_else():
    source = "".join(path.read_text() for path in (ROOT / "ecgbatch/storage").glob("*.py"))
    asked = set(re.findall(r"client\.(\w+)\(", source)) - {"close"}
    assert asked == set(_NEEDED)
    assert actions("archive-read") == {"s3:ListBucket", "s3:GetObject"}
    assert actions("output-write") == set(_NEEDED.values())
    assert actions("analyst-read") == {"s3:ListBucket", "s3:GetObject"}


def test_no_policy_reaches_into_what_another_one_is_for():
    texts = {path.stem: path.read_text() for path in (CLUSTER / "storage").glob("*.json")}
    assert "LAKE" not in texts["archive-read"]
    assert "ARCHIVE" not in texts["output-write"]
    assert "runs" not in texts["analyst-read"]
    assert "LAKE/ecg/tables/*" in texts["analyst-read"]


def test_every_command_of_the_cluster_is_one_of_ours():
    from typer.main import get_command

    from ecgbatch.cli import app
    from ecgbatch.cli.submitting import jobs

    commands = get_command(app).commands
    objects = build(CLUSTER / "overlays" / "aws")
    (convert,) = [each for each in objects if each["kind"] == "RayJob"]
    words = shlex.split(convert["spec"]["entrypoint"])
    assert words[:2] == ["python", "-m"]
    assert words[2].removeprefix("jobs.") in jobs()
    require_options(commands["convert"], words[3:])
    (nightly,) = [each for each in objects if each["kind"] == "CronJob"]
    pod = nightly["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    words = pod["containers"][0]["command"]
    assert words[:2] == ["ecgbatch", "submit"]
    mark = words.index("--")
    assert words[mark - 1] in jobs()
    require_options(commands["submit"], words[2 : mark - 1])
    require_options(commands[words[mark - 1]], words[mark + 1 :])


def require_options(command, words):
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("refused", [False, True])
def test_the_drain_lets_a_machine_work_as_long_as_there_is_time_then_stops_it(tmp_path, refused):
    """Programs stand in for Ray's and for the clock; who refuses is not waited for."""
    log = tmp_path / "log"
    for name in ("ray", "sleep"):
        program = tmp_path / name
        ends = 1 if refused else 0
        program.write_text(
            f'#!/bin/sh\necho {name} "$@" >> {log}\n[ "$1" != drain-node ] || exit {ends}\n'
        )
        program.chmod(0o755)
    path = {"PATH": f"{tmp_path}:/bin:/usr/bin"}
    done = subprocess.run(["sh", IMAGE / "drain.sh", "90"], env=path, check=False)
    assert done.returncode == 0
    drained, *waited, stopped = log.read_text().splitlines()
    assert drained.startswith("ray drain-node --reason DRAIN_NODE_REASON_PREEMPTION ")
    assert drained.endswith("--deadline-remaining-seconds 90")
    assert waited == ([] if refused else ["sleep 90"])
    assert stopped == "ray stop --grace-period 10"


def test_the_drain_calls_ray_as_ray_wants_to_be_called():
    from ray.scripts.scripts import cli

    text = (IMAGE / "drain.sh").read_text().replace("\\\n", " ")
    for name in ("drain-node", "stop"):
        (words,) = re.findall(rf"ray {name} ([^;\n]*)", text)
        command = cli.commands[name]
        options = {o: parameter for parameter in command.params for o in parameter.opts}
        given = shlex.split(words)
        assert set(given[::2]) <= set(options)
        for option, value in zip(given[::2], given[1::2], strict=True):
            choices = getattr(options[option].type, "choices", None)
            assert choices is None or value in choices

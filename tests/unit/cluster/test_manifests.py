"""What is given to Kubernetes is what Kubernetes and KubeRay know, and fits the configuration."""

import re
import shlex
import tomllib
from copy import deepcopy
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from ecgbatch import cli
from ecgbatch.config import RunConfig
from ecgbatch.flow.schedule import Schedule
from tests.kuberay import groups, pod_templates, schema_of
from tests.kustomize import build

CLUSTER = Path(__file__).parents[3] / "cluster"
OVERLAYS = sorted(path.name for path in (CLUSTER / "overlays").iterdir())
KUBERNETES = "1.33"  # and later: podFailurePolicy and timeZone are stable

WORKER_BYTES = 1536 * 2**20  # a worker without its decoder; see cluster/README.md
RAY_BYTES = 2**30  # raylet, agents and the reader of the plan
UNITS = {"Gi": 2**30, "Mi": 2**20}


@pytest.fixture(scope="module", params=OVERLAYS)
def objects(request):
    return build(CLUSTER / "overlays" / request.param)


def one(objects, kind, name="ecgbatch"):
    (found,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def size(text):
    number, unit = re.fullmatch(r"(\d+)(Gi|Mi)", text).groups()
    return int(number) * UNITS[unit]


def require_valid(each):
    schema = schema_of(each)
    if schema is None:
        kubernetes_validate.validate(each, KUBERNETES, strict=True)
        return
    jsonschema.validate(each, schema)
    for template in pod_templates(each):
        kubernetes_validate.validate(template, KUBERNETES, strict=True)


def test_every_object_is_one_that_its_schema_knows(objects):
    for each in objects:
        require_valid(each)


@pytest.mark.parametrize(
    ("kind", "name", "path", "wrong"),
    [
        ("RayCluster", "ecgbatch", ("spec", "workerGroupSpec"), []),
        ("RayCluster", "ecgbatch", ("spec", "headGroupSpec", "template", "spec", "container"), []),
        ("RayJob", "ecgbatch-convert", ("spec", "entrypont"), "x"),
        ("CronJob", "ecgbatch-nightly", ("spec", "concurencyPolicy"), "Forbid"),
        ("NetworkPolicy", "ecgbatch-nobody", ("spec", "policyTypes"), "Ingress"),
    ],
)
def test_a_slip_in_an_object_is_found(kind, name, path, wrong):
    objects = build(CLUSTER / "overlays" / "aws")
    each = deepcopy(one(objects, kind, name))
    place = each
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = wrong
    with pytest.raises(
        (jsonschema.ValidationError, kubernetes_validate.ValidationError),
    ):
        require_valid(each)


def test_everything_stands_in_the_namespace_that_is_closed_to_others(objects):
    (namespace,) = [each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"]
    inside = [each for each in objects if each["kind"] != "Namespace"]
    assert {each["metadata"]["namespace"] for each in inside} == {namespace}


def test_every_image_was_given_a_registry(objects):
    named = []

    def look(value):
        if isinstance(value, dict):
            named.extend(container["image"] for container in value.get("containers", ()))
            value = list(value.values())
        if isinstance(value, list):
            for inner in value:
                look(inner)

    look(objects)
    assert named
    assert all("/" in image and ":" in image for image in named)


def test_the_memory_of_a_reader_holds_what_the_configuration_allows_its_workers(objects):
    settings = one(objects, "ConfigMap", "ecgbatch-settings")["data"]["run.toml"]
    config = RunConfig.model_validate(tomllib.loads(settings))
    for group in one(objects, "RayCluster")["spec"]["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]
        cpus = int(resources["limits"]["cpu"])
        needed = cpus * (config.read.decoder_memory_bytes + WORKER_BYTES)
        needed += config.pools.object_store_bytes + RAY_BYTES
        assert needed <= size(resources["limits"]["memory"]) < needed + 2 * 2**30
        assert group["rayStartParams"]["num-cpus"] == str(cpus)


def test_every_machine_has_the_object_store_of_the_configuration_in_memory(objects):
    settings = one(objects, "ConfigMap", "ecgbatch-settings")["data"]["run.toml"]
    store = RunConfig.model_validate(tomllib.loads(settings)).pools.object_store_bytes
    for group in groups(one(objects, "RayCluster")):
        assert int(group["rayStartParams"]["object-store-memory"]) == store
        volumes = {v["name"]: v for v in group["template"]["spec"]["volumes"]}
        assert size(volumes["shared-memory"]["emptyDir"]["sizeLimit"]) == store


def test_machines_are_given_back_and_the_head_reads_nothing(objects):
    spec = one(objects, "RayCluster")["spec"]
    assert spec["enableInTreeAutoscaling"]
    assert all(group["minReplicas"] == group["replicas"] == 0 for group in spec["workerGroupSpecs"])
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_a_worker_has_longer_to_go_than_its_drain_may_take(objects):
    for group in one(objects, "RayCluster")["spec"]["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        *_, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
        assert int(seconds) < pod["terminationGracePeriodSeconds"]


def test_nobody_is_root_and_every_secret_is_one(objects):
    for group in groups(one(objects, "RayCluster")):
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        for container in pod["containers"]:
            assert not container["securityContext"]["allowPrivilegeEscalation"]
            for variable in container["env"]:
                if re.search("KEY|TOKEN|SECRET", variable["name"]):
                    assert "secretKeyRef" in variable["valueFrom"]


def test_only_those_who_must_reach_the_ports_that_run_code(objects):
    rules = one(objects, "NetworkPolicy", "ecgbatch-cluster")["spec"]["ingress"]
    for rule in rules:
        assert rule["from"], "a rule without a sender lets everybody in"
        ports = {port["port"] for port in rule.get("ports", [])}
        own = rule["from"] == [{"podSelector": {"matchLabels": {"ray.io/cluster": "ecgbatch"}}}]
        assert own or ports in ({8265}, {8080})
    nobody = one(objects, "NetworkPolicy", "ecgbatch-nobody")["spec"]
    assert nobody == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_probes_ask_what_ray_answers_to_those_without_a_token(objects):
    from ray.dashboard.http_server_agent import PUBLIC_EXACT_PATHS

    head_source = Path(
        __import__("ray.dashboard.http_server_head").dashboard.http_server_head.__file__
    )
    public = {*PUBLIC_EXACT_PATHS, *re.findall(r'"(/api/\w*healthz)"', head_source.read_text())}
    for group in groups(one(objects, "RayCluster")):
        (container,) = group["template"]["spec"]["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["path"] in public


def test_ray_is_the_same_everywhere(objects):
    pins = (CLUSTER.parent / "constraints.txt").read_text()
    (pinned,) = re.findall(r"^ray==(.+)$", pins, re.MULTILINE)
    assert one(objects, "RayCluster")["spec"]["rayVersion"] == pinned


def test_the_nightly_job_runs_once_at_a_time_and_tries_again_only_what_may_succeed(objects):
    spec = one(objects, "CronJob", "ecgbatch-nightly")["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    (rule,) = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["values"] == [1, 2, 3]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # which a rule for failures asks for


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"secret": "ecgbatch-keys", "account": "ecgbatch"},
        {"submits": True},
        {"submits": True, "token_secret": "token", "secret": "more", "account": "ecgbatch"},
    ],
)
def test_a_schedule_that_is_printed_is_one_that_kubernetes_knows(more):
    command = ["ecgbatch", "backfill", "s3://archive/ecg", "s3://lake/ecg", "--window", "1d"]
    printed = Schedule("30 2 * * *", "Europe/Berlin", command, **more).cron_job()
    kubernetes_validate.validate(yaml.safe_load(printed), KUBERNETES, strict=True)


def test_the_nightly_job_is_what_its_own_first_lines_print(capsys):
    lines = (CLUSTER / "jobs/nightly.yaml").read_text().splitlines(keepends=True)
    said = [line for line in lines if line.startswith("#")]
    words = shlex.split("".join(line[1:] for line in said[:-1]))
    assert words[:2] == ["ecgbatch", "schedule"]
    with pytest.raises(SystemExit):
        cli.main(words[1:])
    assert "".join(lines[len(said) :]) == capsys.readouterr().out


def test_the_nightly_job_may_reach_the_cluster_and_knows_its_token(objects):
    nightly = one(objects, "CronJob", "ecgbatch-nightly")
    pod = nightly["spec"]["jobTemplate"]["spec"]["template"]
    (rule,) = [
        rule
        for rule in one(objects, "NetworkPolicy", "ecgbatch-cluster")["spec"]["ingress"]
        if {"port": 8265} in [{"port": port["port"]} for port in rule.get("ports", [])]
    ]
    selected = [sender.get("podSelector", {}).get("matchLabels") for sender in rule["from"]]
    assert any(
        labels and labels.items() <= pod["metadata"]["labels"].items() for labels in selected
    )
    cluster = one(objects, "RayCluster")["spec"]["authOptions"]["secretName"]
    (container,) = pod["spec"]["containers"]
    (variable,) = container["env"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": cluster, "key": "auth_token"}
    accounts = [each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"]
    assert pod["spec"]["serviceAccountName"] in accounts

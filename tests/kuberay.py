"""The fields of KubeRay's and the Prometheus operator's objects that ``cluster/`` uses.

Written from the field reference of KubeRay 1.7 and of the operator's API, as their definitions are
megabytes. Unknown fields are refused. Templates of pods are checked as Kubernetes publishes them.
"""

from typing import Any

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_COUNT = {"type": "integer", "minimum": 0}
_POD = {"type": "object"}  # checked by itself, see ``pod_templates``


def _strict(required=(), **properties) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_METADATA = _strict(
    ("name",), name={"type": "string"}, labels=_TEXTS, annotations=_TEXTS, namespace={}
)
_SECRET = _strict(
    ("valueFrom",),
    valueFrom=_strict(
        ("secretKeyRef",),
        secretKeyRef=_strict(("name", "key"), name={"type": "string"}, key={"type": "string"}),
    ),
)

_WORKERS = _strict(
    ("groupName", "minReplicas", "maxReplicas", "template"),
    groupName={"type": "string"},
    replicas=_COUNT,
    minReplicas=_COUNT,
    maxReplicas=_COUNT,
    idleTimeoutSeconds=_COUNT,
    rayStartParams=_TEXTS,
    template=_POD,
)

_CLUSTER = _strict(
    ("headGroupSpec",),
    rayVersion={"type": "string"},
    authOptions=_strict(
        ("mode",), mode={"enum": ["disabled", "token"]}, secretName={"type": "string"}
    ),
    enableInTreeAutoscaling={"type": "boolean"},
    autoscalerOptions=_strict(
        version={"enum": ["v1", "v2"]},
        idleTimeoutSeconds=_COUNT,
        upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
        resources={"type": "object"},
        securityContext={"type": "object"},
    ),
    gcsFaultToleranceOptions=_strict(
        ("redisAddress",),
        redisAddress={"type": "string"},
        redisPassword=_SECRET,
        externalStorageNamespace={"type": "string"},
    ),
    headGroupSpec=_strict(
        ("template",),
        serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
        rayStartParams=_TEXTS,
        template=_POD,
    ),
    workerGroupSpecs={"type": "array", "items": _WORKERS},
)

_JOB = _strict(
    ("entrypoint",),
    entrypoint={"type": "string"},
    clusterSelector=_TEXTS,
    jobId={"type": "string"},
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    shutdownAfterJobFinishes={"type": "boolean"},
    activeDeadlineSeconds={"type": "integer", "minimum": 1},
)

_RULE = {
    "oneOf": [
        _strict(("record", "expr"), record={"type": "string"}, expr={"type": "string"}),
        _strict(
            ("alert", "expr", "labels", "annotations"),
            alert={"type": "string"},
            expr={"type": "string"},
            labels=_TEXTS,
            annotations=_TEXTS,
            **{"for": {"type": "string", "pattern": "^[0-9]+[smh]$"}},
        ),
    ]
}

SPECS = {
    ("ray.io/v1", "RayCluster"): _CLUSTER,
    ("ray.io/v1", "RayJob"): _JOB,
    ("monitoring.coreos.com/v1", "PrometheusRule"): _strict(
        ("groups",),
        groups={
            "type": "array",
            "items": _strict(
                ("name", "rules"), name={"type": "string"}, rules={"type": "array", "items": _RULE}
            ),
        },
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): _strict(
        ("selector", "podMetricsEndpoints"),
        selector={"type": "object"},
        podMetricsEndpoints={
            "type": "array",
            "items": _strict(("port",), port={"type": "string"}, interval={"type": "string"}),
        },
    ),
}


def schema_of(each) -> dict[str, Any] | None:
    """Return the schema of an object that is not Kubernetes' own; None for one that is."""
    spec = SPECS.get((each["apiVersion"], each["kind"]))
    if spec is None:
        return None
    return _strict(
        ("apiVersion", "kind", "metadata", "spec"),
        apiVersion={"type": "string"},
        kind={"type": "string"},
        metadata=_METADATA,
        spec=spec,
    )


def groups(cluster):
    """Return the head and the groups of workers of a cluster."""
    spec = cluster["spec"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def pod_templates(each):
    """Return the templates of pods inside an object, as objects of Kubernetes' own."""
    templates = (
        [group["template"] for group in groups(each)] if each["kind"] == "RayCluster" else []
    )
    return [
        {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
        for template in templates
    ]

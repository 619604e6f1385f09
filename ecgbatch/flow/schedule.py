"""What makes a scheduler call ``ecgbatch backfill``: a CronJob of Kubernetes, or a line for cron.

Neither is trusted to fire once, or at all: ``backfill`` finds out by itself which slots are due.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ecgbatch.errors import ConfigError
from ecgbatch.flow.slots import zone_of

_FIELD = r"[0-9*,/\-]+|[A-Za-z]{3}(?:[-,][A-Za-z]{3})*"
_AT = re.compile(rf"(?:{_FIELD})(?: (?:{_FIELD})){{4}}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?")  # Kubernetes adds 11 characters
_GRACE_S = 120  # a run that is told to end commits what is finished
_LATE_S = 4 * 3600  # a call that could not start for so long is left to the next one
_KUBECTL_S = 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to call, and what.

    Attributes:
        at: Five fields as cron has them.
        zone: Of those fields.
        command: The call, from its program on.
        name: Of the CronJob.
        namespace: Where it stands.
        image: What its container runs.
        secret: Name of a secret whose keys become environment variables; None for none.
        account: Name of the pod's service account; None for that of the namespace.
        submits: Whether a Ray cluster does the work, and the pod only follows it.
        token_secret: Name of the secret with that cluster's token, as ``auth_token``.

    Raises:
        ConfigError: One of them is impossible.
    """

    at: str
    zone: str
    command: Sequence[str]
    name: str = "ecgbatch-backfill"
    namespace: str = "default"
    image: str = "ecgbatch:latest"
    secret: str | None = None
    account: str | None = None
    submits: bool = False
    token_secret: str | None = None

    def __post_init__(self) -> None:
        """Refuse what a scheduler would refuse later, or misunderstand."""
        if not _AT.fullmatch(self.at):
            raise ConfigError("--at has the five fields of cron, such as '30 2 * * *'")
        zone_of(self.zone)
        for text in (self.name, self.namespace, self.secret, self.account, self.token_secret):
            if text is not None and not _NAME.fullmatch(text):
                raise ConfigError(
                    "names in Kubernetes have small letters, digits and - only, at most 52 of them"
                )

    def cron_line(self) -> str:
        """Return lines for a crontab; ``%`` would end the command there."""
        command = shlex.join(self.command).replace("%", r"\%")
        return f"CRON_TZ={self.zone}\n{self.at} {command}\n"

    def cron_job(self) -> str:
        """Return the manifest of a CronJob (``batch/v1``) as YAML."""
        return _CRON_JOB.format(
            name=_text(self.name),
            namespace=_text(self.namespace),
            at=_text(self.at),
            zone=_text(self.zone),
            image=_text(self.image),
            command="".join(f"\n                - {_text(word)}" for word in self.command),
            account="" if self.account is None else _ACCOUNT.format(name=_text(self.account)),
            environment="" if self.secret is None else _ENVIRONMENT.format(name=_text(self.secret)),
            grace_s=_GRACE_S,
            late_s=_LATE_S,
            **self._submission(),
        )

    def _submission(self) -> dict[str, str]:
        """Return what a pod has that only submits and follows, and so can be confined further."""
        if not self.submits:
            return {"label": "", "token": "", "confined": "", "scratch": ""}
        token = self.token_secret
        return {
            "label": _LABEL,
            "token": "" if token is None else _WITH_CLUSTER.format(name=_text(token)),
            "confined": _CONFINED,
            "scratch": _SCRATCH,
        }


def apply(manifest: str) -> str:
    """Hand a manifest to ``kubectl apply`` and return its answer.

    Raises:
        ConfigError: There is no kubectl, or it refuses.
    """
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise ConfigError("there is no kubectl here: leave out --apply and pipe the lines to it")
    done = subprocess.run(  # noqa: S603 - the program that was found, with our own words
        [kubectl, "apply", "-f", "-"],
        input=manifest,
        capture_output=True,
        text=True,
        check=False,
        timeout=_KUBECTL_S,
    )
    if done.returncode:
        raise ConfigError(f"kubectl refuses: {done.stderr.strip()}")
    return done.stdout.strip()


def _text(value: str) -> str:
    return json.dumps(value)  # a string of JSON is one of YAML


_ACCOUNT = """
          serviceAccountName: {name}"""

_ENVIRONMENT = """
              envFrom:
                - secretRef:
                    name: {name}"""

# The network policy of cluster/base lets these pods reach Ray's dashboard.
_LABEL = """
        metadata:
          labels:
            app.kubernetes.io/component: submit"""

_WITH_CLUSTER = """
              env:
                - name: RAY_AUTH_WITH_CLUSTER
                  valueFrom:
                    secretKeyRef:
                      name: {name}
                      key: auth_token"""

_CONFINED = """
                readOnlyRootFilesystem: true
              resources:
                requests: {cpu: 250m, memory: 1Gi}
                limits: {cpu: "1", memory: 1Gi}
              volumeMounts:
                - name: scratch
                  mountPath: /tmp"""

_SCRATCH = """
          volumes:
            - name: scratch
              emptyDir: {sizeLimit: 1Gi}"""

_CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}
  namespace: {namespace}
spec:
  schedule: {at}
  timeZone: {zone}
  # It may fire twice, late, or not at all: which slots are done stands with the output.
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {late_s}
  successfulJobsHistoryLimit: 7
  failedJobsHistoryLimit: 14
  jobTemplate:
    spec:
      backoffLimit: 2
      podFailurePolicy:
        rules:
          # 75 means that the same command goes on; 1, 2 and 3 want a person first.
          - action: FailJob
            onExitCodes:
              operator: In
              values: [1, 2, 3]
      template:{label}
        spec:
          restartPolicy: Never{account}
          terminationGracePeriodSeconds: {grace_s}
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            runAsGroup: 10001
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: backfill
              image: {image}
              command:{command}{token}{environment}
              securityContext:
                allowPrivilegeEscalation: false
                capabilities:
                  drop: [ALL]{confined}{scratch}
"""

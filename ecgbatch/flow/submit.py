"""A job handed to a cluster: submitted, followed to its end, stopped.

A submission may have a name of its own. Ray takes a name once, so the same name given again is the
same job: where it runs it is followed, where it has succeeded it is not done again, and where it
failed or was stopped it is tried once more as ``NAME.2``, which goes on where the first stopped.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError

from ecgbatch.errors import ClusterError, ConfigError
from ecgbatch.flow.summary import DEFECTS, DONE, RESUMABLE

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSW|CREDENTIAL", re.IGNORECASE)
_TRIES = 1000  # of one name
_LOOK_EVERY_S = 1.0
_PATIENCE_S = 120.0  # a job server that restarts is back sooner


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run.

    Attributes:
        name: A module of ``jobs/``.
        arguments: As on the command line of ``python jobs/NAME.py``.
        working_dir: Folder to send along; None where the cluster's image has everything.
        variables: Environment of the job. They are shown on the dashboard.
    """

    name: str
    arguments: tuple[str, ...] = ()
    working_dir: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse variables that would show a secret."""
        for name in self.variables:
            if _SECRET.search(name):
                raise ConfigError(
                    f"{name} would stand on the dashboard for everybody: give secrets to the "
                    "cluster's machines (on Kubernetes a Secret), not to a job"
                )

    @property
    def entrypoint(self) -> str:
        """The command line that the cluster runs."""
        return shlex.join(["python", "-m", f"jobs.{self.name}", *self.arguments])

    @property
    def runtime_env(self) -> dict[str, Any]:
        """Files and variables of the job, as Ray wants them; never anything to install."""
        environment: dict[str, Any] = {}
        if self.working_dir is not None:
            environment["working_dir"] = self.working_dir
        if self.variables:
            environment["env_vars"] = dict(self.variables)
        return environment


def submit(client: Any, job: Job, *, submission_id: str | None = None) -> str:
    """Hand a job to a cluster, unless the job of this name is there.

    Args:
        client: Of the job server.
        job: What to run.
        submission_id: Name of the submission; by default one that Ray makes up.

    Returns:
        The name under which the job runs, ran, or is about to: follow that.

    Raises:
        ClusterError: The cluster refuses.
        ConfigError: The name is none, or belongs to another job.
    """
    if submission_id is None:
        return _submit(client, job, None)
    if not _ID.fullmatch(submission_id):
        raise ConfigError("--id has letters, digits and . _ - only, and at most 128 of them")
    for name in _names(submission_id):
        info = _info(client, name)
        if info is None:
            try:
                return _submit(client, job, name)
            except ClusterError:
                info = _info(client, name)  # somebody else was quicker with the same name
                if info is None:
                    raise
        if info.entrypoint != job.entrypoint:
            raise ConfigError(f"job {name} was asked for something else: choose another --id")
        if str(info.status) not in {"FAILED", "STOPPED"}:
            return name
    raise ClusterError(f"job {submission_id} has failed {_TRIES} times")


def _names(first: str) -> Iterator[str]:
    yield first
    for number in range(2, _TRIES + 1):
        yield f"{first}.{number}"


def _submit(client: Any, job: Job, submission_id: str | None) -> str:
    try:
        return str(
            client.submit_job(
                entrypoint=job.entrypoint,
                submission_id=submission_id,
                runtime_env=job.runtime_env,
                metadata={"ecgbatch": job.name},
            )
        )
    except ValueError as error:  # of the working directory: it is not there, or too large to send
        raise ConfigError(f"--working-dir: {error}") from None
    except (RuntimeError, OSError):
        raise ClusterError(
            "the cluster did not take the job: its dashboard and the log of its agent say why"
        ) from None


def follow(client: Any, submission_id: str, write: Callable[[str], None]) -> int:
    """Pass on what a job prints until it ends.

    A connection that breaks is made anew, and nothing is written twice.

    Args:
        client: Of the job server.
        submission_id: From ``submit``.
        write: Given what the job prints, piece by piece.

    Returns:
        The exit status of the job; ``RESUMABLE`` where it was stopped or lost.

    Raises:
        ClusterError: There is no such job, or the job server is gone for good.
    """
    _there(client, submission_id)
    log = _Log(write)
    answered_at = time.monotonic()
    ended = False
    while True:
        whole = log.follow(client, submission_id)
        if ended:  # and this was the second look at what it printed last
            return exit_status(client.get_job_info(submission_id))
        try:
            info = client.get_job_info(submission_id)
        except (RuntimeError, OSError):
            if time.monotonic() - answered_at > _PATIENCE_S:
                raise ClusterError(
                    f"the job server is gone; job {submission_id} may still run"
                ) from None
        else:
            answered_at = time.monotonic()
            ended = info.status.is_terminal()
            if ended and whole:
                return exit_status(info)
        time.sleep(_LOOK_EVERY_S)


class _Log:
    """What a job has printed so far; the server tells it from the beginning every time."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._written = 0

    def follow(self, client: Any, submission_id: str) -> bool:
        """Pass on what is new; False if the connection broke."""
        try:
            asyncio.run(self._follow(client, submission_id))
        except (RuntimeError, OSError, ClientError):
            return False
        return True

    async def _follow(self, client: Any, submission_id: str) -> None:
        told = 0
        async for text in client.tail_job_logs(submission_id):
            new = text[max(0, self._written - told) :]
            told += len(text)
            if new:
                self._write(new)
                self._written += len(new)


def exit_status(info: Any) -> int:
    """Return the exit status that a job's end means.

    Args:
        info: From the job server, of a job that has ended.
    """
    code = info.driver_exit_code
    if str(info.status) == "SUCCEEDED":
        return DONE
    if str(info.status) == "STOPPED" or code is None or code < 0:
        return RESUMABLE  # it was told to end, or something ended it: the same again goes on
    return int(code) or DEFECTS


def end_line(client: Any, submission_id: str) -> str:
    """Say in a line how a job ended.

    Raises:
        ClusterError: There is no such job.
    """
    info = _there(client, submission_id)
    words = str(info.status).lower()
    if info.driver_exit_code is not None:
        return f"job {submission_id} {words} with exit status {info.driver_exit_code}"
    kind = f" ({info.error_type})" if info.error_type else ""  # its message may quote anything
    return f"job {submission_id} {words}{kind}"


def stop(client: Any, submission_id: str) -> bool:
    """Ask a job to end, and wait until it has; False if it had ended before.

    Raises:
        ClusterError: There is no such job, or it does not end.
    """
    _there(client, submission_id)
    if not client.stop_job(submission_id):
        return False
    began = time.monotonic()
    while not client.get_job_status(submission_id).is_terminal():
        if time.monotonic() - began > _PATIENCE_S:
            raise ClusterError(f"job {submission_id} was asked to end and has not")
        time.sleep(_LOOK_EVERY_S)
    return True


def _there(client: Any, submission_id: str) -> Any:
    info = _info(client, submission_id)
    if info is None:
        raise ClusterError(f"there is no job {submission_id} on this cluster")
    return info


def _info(client: Any, submission_id: str) -> Any | None:
    try:
        return client.get_job_info(submission_id)
    except RuntimeError as error:
        if "status code 404" in str(error):
            return None
        raise ClusterError("the job server does not say how its jobs are") from None
    except OSError:
        raise ClusterError("the job server does not answer any more") from None

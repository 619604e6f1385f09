"""The job server of a Ray cluster: its address, and whether it may be told to run something.

Whoever reaches the job server of a cluster can run code on it. So a server on another machine is
only used with a token, and only if it turns away those who have none.
"""

from __future__ import annotations

import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit

import requests

from ecgbatch.errors import ClusterError, ConfigError

DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")  # as Ray's own client reads them
_TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
_ANSWER_S = 20.0
_REFUSALS = {401, 403}


def server_address(given: str | None) -> str:
    """Return the address of the job server: the one given, or that of the environment.

    Raises:
        ConfigError: It is not an address of a job server.
    """
    named = [given, *(os.environ.get(name) for name in _VARIABLES)]
    address = next((each for each in named if each), DEFAULT_ADDRESS).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(
            "jobs go to the dashboard's address: give --address http://HOST:8265, or set "
            "RAY_API_SERVER_ADDRESS"
        )
    if parts.username or parts.password:
        raise ConfigError("no password belongs into --address: set RAY_AUTH_TOKEN instead")
    return address


def is_remote(address: str) -> bool:
    """Say whether an address leads away from this machine.

    Example:
        >>> is_remote("http://127.0.0.1:8265"), is_remote("http://head.example:8265")
        (False, True)
    """
    host = urlsplit(address).hostname or ""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True  # a name; what it stands for is not ours to believe


def open_client(address: str, *, without_token: bool = False) -> Any:
    """Return Ray's client of a job server.

    Args:
        address: From ``server_address``.
        without_token: Use a remote server although anybody may.

    Raises:
        ClusterError: The server does not answer, or does not accept the token.
        ConfigError: It is on another machine, and there is no token, or none is asked for.
    """
    if any(os.environ.get(name) for name in _TOKENS):  # read when Ray is imported
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if is_remote(address) and not without_token:
        _require_token(address)
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    # Ray lets this variable win over the address that it is given, and RAY_ADDRESS, too.
    os.environ["RAY_API_SERVER_ADDRESS"] = address
    try:
        return JobSubmissionClient(address)
    except AuthenticationError:
        raise ClusterError(
            "the job server does not accept this token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN "
            "to the cluster's own"
        ) from None
    except (ConnectionError, requests.RequestException):
        raise ClusterError(
            f"no job server answers at {address}: check --address, or the tunnel to it"
        ) from None
    except RuntimeError:
        raise ConfigError(
            f"what answers at {address} takes no jobs of this Ray: check --address, and install "
            "one version on both sides"
        ) from None


def _require_token(address: str) -> None:
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        raise ConfigError(
            f"{address} is another machine and there is no token: set RAY_AUTH_TOKEN, or "
            "RAY_AUTH_MODE=token to use ~/.ray/auth_token; --without-token insists"
        )
    try:
        status = requests.get(
            f"{address}/api/jobs/", timeout=_ANSWER_S, allow_redirects=False
        ).status_code
    except requests.RequestException:
        raise ClusterError(
            f"no job server answers at {address}: check --address, or the tunnel to it"
        ) from None
    if status not in _REFUSALS:
        raise ConfigError(
            f"{address} lets everybody run code, as it asks for no token: start the cluster with "
            "RAY_AUTH_MODE=token; --without-token insists"
        )

"""One way to reach Ray: the cluster that was named, or a private one that ends with the run."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ecgbatch.config import PoolSettings
from ecgbatch.errors import ClusterError, RunError

_ANSWER_S = 10.0
_LEAST_CPUS = 4  # logical: two workers, and room for the tasks that feed and empty them


@contextmanager
def connected(pools: PoolSettings) -> Iterator[None]:
    """Connect to Ray for the length of a ``with`` block.

    ``pools.address`` or ``RAY_ADDRESS`` (which a submitted job has) name a cluster. Without
    either a private one is started on this machine's CPUs; it listens on the loopback address
    only and dies with this process, so it needs no token unless ``RAY_AUTH_MODE`` asks for one.

    Raises:
        ClusterError: The cluster that was named cannot be reached.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when Ray is imported
    import ray

    if ray.is_initialized():
        yield  # the connection belongs to the caller
        return
    main = threading.current_thread() is threading.main_thread()
    on_sigterm = signal.getsignal(signal.SIGTERM) if main else None
    address = pools.address or os.environ.get("RAY_ADDRESS")
    if address:
        _require_answer(address)
        ray.init(address=address, logging_level="warning", log_to_driver=False)
    else:
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        ray.init(
            address="local",  # never a stray cluster of somebody else
            num_cpus=max(_LEAST_CPUS, _cores() + 2),
            object_store_memory=pools.object_store_bytes,
            include_dashboard=pools.dashboard,
            logging_level="warning",
            log_to_driver=False,
        )
    if on_sigterm is not None:
        signal.signal(signal.SIGTERM, on_sigterm)  # ray.init took it for itself
    try:
        yield
    finally:
        ray.shutdown()


def resources() -> dict[str, float]:
    """Return the CPUs and GPUs that the cluster has, or may grow to where it says so."""
    import ray

    now = ray.cluster_resources()
    later = ray._private.state.state.get_max_resources_from_cluster_config() or {}  # noqa: SLF001  # no public way
    return {
        "cpus": max(now.get("CPU", 0.0), later.get("CPU", 0.0)),
        "gpus": max(now.get("GPU", 0.0), later.get("GPU", 0.0)),
    }


def died_of_memory(worker_id: str) -> bool:
    """Say whether Ray killed a worker because its machine was about to run out of memory.

    Whom the kernel kills, in a container that reached its limit, Ray cannot tell from a crash.
    """
    import ray
    from ray.core.generated import common_pb2, gcs_pb2

    cluster = ray._private.state.state._connect_and_get_accessor()  # noqa: SLF001  # no public way
    known = cluster.get_worker_info(ray.WorkerID.from_hex(worker_id))
    if not known:
        return False
    worker = gcs_pb2.WorkerTableData.FromString(known)
    return bool(not worker.is_alive and worker.exit_type == common_pb2.NODE_OUT_OF_MEMORY)


def own_error(error: BaseException) -> RunError:
    """Return the error of ours inside what Ray wrapped around it, or say what Ray lost.

    Messages of others are dropped: they may quote what a worker had in its hands.
    """
    innermost = error
    while True:
        if isinstance(innermost, RunError):
            return innermost
        cause = getattr(innermost, "cause", None) or innermost.__cause__
        if cause is None:
            return ClusterError(
                f"the run lost its workers ({type(innermost).__name__}); Ray's logs say more. "
                "Run the same command again: it goes on"
            )
        innermost = cause


def _require_answer(address: str) -> None:
    """Refuse an address at which nobody listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        return  # "auto" or another form that only Ray can resolve
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise ClusterError(
            "the Ray cluster that was named does not answer: check RAY_ADDRESS and pools.address, "
            "or leave both out to use the CPUs of this machine"
        ) from error


def _cores() -> int:
    """Return the CPUs that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1

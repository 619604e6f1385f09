"""Faults of machines: a local cluster of several nodes that lose each other; ids carry numbers."""

import os

import pytest

from ecgbatch.errors import ClusterError
from ecgbatch.flow.summary import RESUMABLE, exit_status_of
from tests.drivers_flow import drive, driver, wait_for_part
from tests.factories_flow import archive, rows_of, tables_of
from tests.killing import assert_undisturbed

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

STORE = 80 * 2**20
GCS_PATIENCE_S = 5


@pytest.fixture
def cluster():
    """A head that holds drivers, and two machines beside it that hold workers."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "object_store_memory": STORE,
            "include_dashboard": False,
            "_system_config": {
                "gcs_rpc_server_reconnect_timeout_s": GCS_PATIENCE_S,
                "worker_niceness": 0,
            },
        },
    )
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """An archive that takes some seconds."""
    return archive(tmp_path_factory.mktemp("nodes") / "in", 60, slow_s=0.1)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, source):
    """The tables of a run that nothing disturbs."""
    out = tmp_path_factory.mktemp("nodes") / "undisturbed"
    drive(source, out)
    return tables_of(out)


def test_fault_91_machines_are_lost_one_after_the_other_and_the_tables_are_right(
    tmp_path, cluster, source, expected
):
    """Two workers and what feeds them fit on two machines of the three, and nothing on none."""
    first, *others = (add_machine(cluster) for _ in range(3))
    out = tmp_path / "out"
    pools = {"cpu_workers_max": 2, "lost_machines_seconds": 5}
    process = driver(source, str(out), cluster.address, **pools)
    wait_for_part(out, process)
    cluster.remove_node(first, allow_graceful=False)
    wait_for_part(out, process)
    assert process.poll() is None
    for node in others:
        cluster.remove_node(node, allow_graceful=False)
    said, _ = process.communicate()
    assert process.returncode == RESUMABLE
    assert "has lost machines" in said
    assert 0 < len(rows_of(out, "pages")) < len(expected["pages"])
    summary = drive(source, out)
    assert (summary.state, summary.scans_done, summary.resumed) == ("done", 61, 1)
    assert_undisturbed(out, expected)


def add_machine(cluster, *, cpus=2):
    return cluster.add_node(num_cpus=cpus, object_store_memory=STORE)


def test_fault_92_the_head_is_lost_and_the_run_goes_on_elsewhere(
    tmp_path, cluster, source, expected
):
    add_machine(cluster, cpus=4)
    out = tmp_path / "out"
    process = driver(source, str(out), cluster.address)
    wait_for_part(out, process)
    assert process.poll() is None
    cluster.head_node.kill_gcs_server()
    process.wait(timeout=300)
    process.communicate()
    assert process.returncode != 0
    drive(source, out)
    assert_undisturbed(out, expected)


def test_fault_92_a_cluster_that_does_not_answer_any_more_is_resumable():
    assert exit_status_of(ClusterError("the head is gone")) == RESUMABLE == 75

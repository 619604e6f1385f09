"""Reaching Ray; what needs a Ray stands in tests/ray."""

import pytest

from ecgbatch.config import PoolSettings
from ecgbatch.errors import ClusterError
from ecgbatch.flow.connect import _require_answer, connected


def test_a_cluster_that_does_not_answer_is_refused_at_once(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ClusterError, match="does not answer: check RAY_ADDRESS"):
        connected(PoolSettings()).__enter__()


@pytest.mark.parametrize("address", ["auto", "local", "ray://head:10001"])
def test_forms_that_only_ray_can_resolve_are_left_to_it(address):
    _require_answer(address)

"""Workers and drivers killed at random; `make kills` does it with twenty seeds."""

import os
from pathlib import Path

import pytest

from tests.drivers_flow import drive
from tests.factories_flow import archive, tables_of
from tests.killing import assert_undisturbed, run_while_killing

pytestmark = pytest.mark.ray

SEEDS = range(int(os.environ.get("ECGBATCH_KILL_SEEDS", "2")))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """An archive of 201 pages in 144 files, and its undisturbed tables."""
    folder = tmp_path_factory.mktemp("pages")
    source = archive(folder / "in", 143, slow_s=0.02)
    drive(source, folder / "undisturbed")
    return source, tables_of(folder / "undisturbed")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault_90_and_88_seed_{seed}")
def test_whoever_is_killed_the_tables_are_those_of_an_undisturbed_run(
    tmp_path, pages, ray_address, seed, record_property
):
    source, expected = pages
    out = tmp_path / "out"
    folder = f"/tmp/eb-{os.getpid()}"
    killed, starts = run_while_killing(seed, source, out, ray_address, folder)
    record_property("killed", ", ".join(killed))
    record_property("starts", starts)
    print(f"seed {seed}: killed {', '.join(killed) or 'nobody'}; {starts} starts")  # noqa: T201
    assert_undisturbed(out, expected)
    assert Path(folder).exists()

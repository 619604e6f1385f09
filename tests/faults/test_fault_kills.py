"""Workers and drivers killed at random; `make kills` does it with twenty seeds."""

import os
from pathlib import Path

import pytest

from tests.drivers_flow import drive
from tests.factories_flow import archive, tables_of
from tests.killing import KINDS, STAGES, assert_undisturbed, run_while_killing

pytestmark = pytest.mark.ray

SEEDS = range(int(os.environ.get("ECGBATCH_KILL_SEEDS", "1")))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """An archive of 202 pages in 145 files, what one of them waits for, and undisturbed tables."""
    folder = tmp_path_factory.mktemp("pages")
    let_go = folder / "let go"
    source = archive(folder / "in", 143, slow_s=0.02, last={"until": str(let_go)})
    let_go.touch()
    drive(source, folder / "undisturbed")
    return source, let_go, tables_of(folder / "undisturbed")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"fault_90_and_88_seed_{seed}")
def test_whoever_is_killed_the_tables_are_those_of_an_undisturbed_run(
    tmp_path, pages, ray_address, seed, record_property
):
    source, let_go, expected = pages
    out = tmp_path / "out"
    folder = f"/tmp/eb-{os.getpid()}"
    let_go.unlink()
    killed, starts = run_while_killing(seed, source, out, ray_address, folder, let_go)
    record_property("killed", ", ".join(killed))
    record_property("starts", starts)
    print(f"seed {seed}: killed {', '.join(killed)}; {starts} starts")  # noqa: T201
    assert_undisturbed(out, expected)
    assert len(killed) == len(KINDS)
    assert "driver" in killed
    assert any(STAGES in name for name in killed)
    assert starts > 1
    assert Path(folder).exists()

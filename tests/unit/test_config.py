"""Settings: what changes a row changes the fingerprint, and nothing else does."""

import subprocess
import sys

from ecgbatch.config import PoolSettings, ReadSettings, RunConfig, StorageSettings

PRINT = "from ecgbatch.config import RunConfig; print(RunConfig().fingerprint())"


def test_every_process_computes_the_same_fingerprint():
    found = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2", "3")
    }
    assert found == {RunConfig().fingerprint()}


def test_speed_and_safety_are_outside_of_the_fingerprint():
    plain = RunConfig()
    fast = RunConfig(pools=PoolSettings(scans_per_block=7), storage=StorageSettings(retries=1))
    assert fast.fingerprint() == plain.fingerprint()
    assert RunConfig(release="x", max_quarantined_share=0.5).fingerprint() == plain.fingerprint()
    assert RunConfig(quarantine_judged_from_pages=5).fingerprint() == plain.fingerprint()


def test_what_can_change_a_row_is_inside():
    assert RunConfig(read=ReadSettings(pdf_dpi=200)).fingerprint() != RunConfig().fingerprint()

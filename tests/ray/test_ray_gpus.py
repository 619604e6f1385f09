"""With GPUs a run has three kinds of workers; here the GPU is one by name, so networks say so."""

import shutil
from pathlib import Path

import pytest

from ecgbatch.config import PoolSettings, RunConfig
from ecgbatch.flow.run import convert
from ecgbatch.flow.verify import verify
from jobs.convert import stages
from tests.factories_flow import tables_of

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_address")]

SAMPLES = Path(__file__).parents[2] / "samples" / "archive"


def test_networks_on_workers_of_their_own_give_the_rows_of_one_process(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for name in ("2021/ward 3/ECG_000117.jpg", "export/2213/waveform.dcm"):
        shutil.copy(SAMPLES / name, source)
    (source / "empty.jpg").write_bytes(b"")
    here, there = tmp_path / "here", tmp_path / "there"
    alone = RunConfig()
    convert(str(source), str(here), stages=stages(alone, str(source)), config=alone, local=True)
    pools = PoolSettings(
        gpu_workers=1, gpus_per_worker=0.5, pages_per_gpu_batch=3, scans_per_block=2
    )
    config = RunConfig(pools=pools)
    summary = convert(str(source), str(there), stages=stages(config, str(source)), config=config)
    assert tables_of(there) == tables_of(here)
    assert verify(str(there), config=config).findings == ()
    assert (summary.pages_published, summary.reasons) == (2, {"empty": 1})
    assert list(summary.stage_ms) == [stage.name for stage in stages(config, str(source))]
    assert summary.without_gpu == 1

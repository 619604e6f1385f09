"""Archive in, tables out.

::

    python jobs/convert.py s3://archive/ecg s3://lake/ecg --config run.toml
    ray job submit --working-dir . -- python jobs/convert.py s3://archive/ecg s3://lake/ecg

The same as ``ecgbatch convert``. What happens to a scan, in this order, is the list below.
"""

from __future__ import annotations

from ecgbatch.config import RunConfig
from ecgbatch.stages.base import ON_CPU, Needs, Stage
from ecgbatch.stages.calibrate import Calibrate
from ecgbatch.stages.diagnose import Diagnose, diagnose_needs
from ecgbatch.stages.glance import Glance
from ecgbatch.stages.locate import Locate
from ecgbatch.stages.measure import Measure
from ecgbatch.stages.read import Read
from ecgbatch.stages.rectify import Rectify
from ecgbatch.stages.trace import Trace
from ecgbatch.storage import to_uri


def stages(config: RunConfig, *archives: str) -> list[Stage]:
    """Return the stages of a conversion.

    Args:
        config: Every setting.
        *archives: Addresses or paths below which the scans lie; at least one.
    """
    looking = needs_of_networks(config)
    root_uri, *others = map(to_uri, archives)
    roots = (*config.storage.allowed_roots, *others)
    storage = config.storage.model_copy(update={"allowed_roots": roots})
    return [
        Read(config.read, root_uri=root_uri, storage=storage, locate=config.locate),
        Rectify(config.rectify),
        Locate(config.locate, looking),
        Glance(config.diagnose, looking),
        Trace(config.trace, looking),
        Calibrate(config.calibrate, traced=config.trace.enabled),
        Measure(),
        Diagnose(config.diagnose, needs=diagnose_needs(config.pools)),
    ]


def needs_of_networks(config: RunConfig) -> Needs:
    """Return what the stages occupy in which networks see pixels.

    With ``pools.gpu_workers`` they share a worker on a GPU, so that a page travels to it once, as
    the upright page of ``schema.RECTIFIED``, and only traces leave it. What stands before and
    after them stays on CPUs.
    """
    if not (config.pools.gpu_workers and (config.locate.networks or config.trace.network)):
        return ON_CPU
    return Needs(
        cpus=0.0,
        gpus=config.pools.gpus_per_worker,
        rows_per_batch=config.pools.pages_per_gpu_batch,
    )


if __name__ == "__main__":
    import sys

    from ecgbatch.cli import main

    main(["convert", *sys.argv[1:]])

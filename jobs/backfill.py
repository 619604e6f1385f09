"""What changed in an archive, slot by slot.

::

    ray job submit --working-dir . -- python jobs/backfill.py s3://archive/ecg s3://lake/ecg

The same as ``ecgbatch backfill``, with the stages of ``jobs/convert.py``.
"""

import sys

from ecgbatch.cli import main

if __name__ == "__main__":
    main(["backfill", *sys.argv[1:]])

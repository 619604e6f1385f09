"""Quarantined pages once more.

::

    ray job submit --working-dir . -- python jobs/retry.py s3://lake/ecg timeout worker_crash

The same as ``ecgbatch retry``, with the stages of ``jobs/convert.py``.
"""

import sys

from ecgbatch.cli import main

if __name__ == "__main__":
    main(["retry", *sys.argv[1:]])

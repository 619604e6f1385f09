"""Printed ECGs whose truth is known, as a job.

::

    python jobs/synthesize.py boxes s3://lake/boxes --count 100000 --recipe boxes.toml
    ray job submit --working-dir . -- python jobs/synthesize.py pages s3://lake/pages

The same as ``ecgbatch synth``.
"""

import sys

from ecgbatch.cli import main

if __name__ == "__main__":
    main(["synth", *sys.argv[1:]])

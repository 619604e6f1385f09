"""The proof that every listed page is published or quarantined once, and every file whole.

::

    python jobs/verify.py s3://lake/ecg

The same as ``ecgbatch verify``; it needs no cluster.
"""

import sys

from ecgbatch.cli import main

if __name__ == "__main__":
    main(["verify", *sys.argv[1:]])

"""Pages whose true signals are known, and how close the conversion comes to them.

::

    python jobs/evaluate.py pages/ --truth records/

The same as ``ecgbatch evaluate``; it works in this process and needs no cluster.
"""

import sys

from ecgbatch.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])

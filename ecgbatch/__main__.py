"""``python -m ecgbatch`` is the command line."""

from ecgbatch.cli import main

main()

"""Entry points: parse arguments, build the list of stages, run."""

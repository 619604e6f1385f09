# One named command per chore; CI calls the same ones.
SHELL := /bin/bash
PYTHON ?= python3
# A shared environment can be named from outside: make VENV=~/venvs/ecgbatch test
VENV ?= $(or $(ECGBATCH_VENV),.venv)
BIN := $(VENV)/bin
# Setuptools warns at length of editable installs, and there is nothing to do about it.
INSTALL := PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet
# The environment belongs to what was asked for, so a changed pin makes it anew.
STAMP := $(VENV)/.ecgbatch-$(shell cat pyproject.toml constraints.txt | sha256sum | cut -c1-16)

.DEFAULT_GOAL := help
.PHONY: help setup check fix test test-fast kills convert sample contact-sheet docs bench clean

help:            ## this list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

$(STAMP):
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --upgrade pip
	$(INSTALL) --constraint constraints.txt torch
	$(INSTALL) --constraint constraints.txt --editable '.[dev]'
	@rm -f $(VENV)/.ecgbatch-*; touch $@

# The link to this checkout is renewed when the environment was last used from another one.
setup: $(STAMP)  ## environment with everything, from pyproject.toml and constraints.txt
	@$(BIN)/python -c "import pathlib, sys; sys.path.pop(0); import ecgbatch; \
	  sys.exit(pathlib.Path(ecgbatch.__file__).parents[1] != pathlib.Path.cwd())" 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable . \
	  || $(BIN)/python -m pip install --quiet --no-deps --editable .

check: setup     ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: setup       ## what ruff can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup      ## every test
	$(BIN)/python -m pytest -q

test-fast: setup ## tests without a cluster or a server
	$(BIN)/python -m pytest -q -m 'not ray and not s3'

kills: setup     ## workers and drivers killed at random, with twenty seeds; some minutes
	ECGBATCH_KILL_SEEDS=20 $(BIN)/python -m pytest -q -s tests/faults/test_fault_kills.py

SAMPLE_QUESTION := SELECT source_format, layout, quality_class, count(*) AS pages, \
  round(avg(quality_score), 2) AS score FROM pages GROUP BY ALL ORDER BY ALL

sample: setup    ## samples/ anew, from synth/sample.toml
	rm -rf samples
	$(BIN)/python -m ecgbatch.synth.sample samples

convert: setup   ## the sample archive to tables in out/sample, and one question to them
	$(BIN)/ecgbatch convert samples/archive out/sample
	$(BIN)/ecgbatch query out/sample "$(SAMPLE_QUESTION)"

contact-sheet: setup ## every layout, every damage and drawn pages, as pictures in docs/
	$(BIN)/python -m ecgbatch.synth.contact docs

docs: setup      ## docs/tables.md from schema/, docs/models from the cards of the weights
	$(BIN)/python -m ecgbatch.report.tables > docs/tables.md
	$(BIN)/python -m ecgbatch.report.cards docs/models

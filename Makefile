# Everything a person does here, by name. A fresh machine needs Python 3.11+ with venv, and make.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INPUTS := pyproject.toml requirements.lock

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench lint infra format openapi rules lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.laptop ## Install what a laptop needs into .venv, and nothing else

run: $(VENV)/.laptop ## Run everything here; ARGS="--port 8123 --data DIR" goes to `datayard up`
	@exec $(BIN)/datayard up --demo $(ARGS)

# Dozens of processes are started: they find the project compiled, even where the environment forbids to keep that.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -q -n 2 --dist loadscope --no-loadscope-reorder

test: $(VENV)/.dev ## Run the tests but for the slow ones, two processes at a time; ARGS go to pytest
	@$(PYTEST) -m "not slow" $(ARGS)

check: lint infra ## Everything CI checks: lint, Terraform, drift of what docs have from the code, tests
	@$(BIN)/python -m services.api.openapi --check docs/openapi.json
	@$(BIN)/python -m services.api.rules_page --check docs/rules.md
	@$(MAKE) --no-print-directory test
	@$(PYTEST) -m slow $(ARGS)

lint: $(VENV)/.dev ## Format, style, types and the layers of the code, without changing it
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

infra: $(VENV)/.dev $(VENV)/.checkov ## Terraform: format, validity by the provider's schema, what is unsafe
	@$(BIN)/python -m tests.infra.terraform
	@$(VENV)/checkov/bin/checkov --directory infra/terraform --framework terraform --skip-download --compact --quiet

format: $(VENV)/.dev ## Format the code and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.dev ## Measure rates and memory; ARGS go to tests.bench
	@$(BIN)/python -m tests.bench $(ARGS)

openapi: $(VENV)/.dev ## Write docs/openapi.json anew
	@$(BIN)/python -m services.api.openapi docs/openapi.json

rules: $(VENV)/.dev ## Write the table of docs/rules.md anew
	@$(BIN)/python -m services.api.rules_page docs/rules.md

lock: $(VENV)/.dev ## Resolve requirements.lock anew; ARGS=--upgrade takes the newest versions
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --strip-extras --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet \
		--output-file requirements.lock $(ARGS)
	@echo checkov==3.3.30 | $(BIN)/uv pip compile - --universal --python-version 3.11 --no-annotate --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" --quiet --output-file infra/checkov.lock $(ARGS)

clean: ## Remove .venv, caches and build output; data (.datayard) stay
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
		.schemathesis
	@find services shared tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Datayard needs Python 3.11 or newer as $(PYTHON); name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# The stamps hold as long as what they were made from is unchanged; dev includes laptop.
$(VENV)/.laptop: $(INPUTS) | $(BIN)/python
	@echo "Installing Datayard into $(VENV) (a minute or two the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[laptop]"
	@touch $@

$(VENV)/.dev: $(INPUTS) | $(BIN)/python
	@echo "Installing Datayard and its development tools into $(VENV) (a minute or two the first time)"
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[dev]"
	@touch $(VENV)/.laptop $@

# checkov pins old versions of what we use new ones of.
$(VENV)/.checkov: infra/checkov.lock | $(VENV)/.dev
	@echo "Installing checkov into $(VENV)/checkov"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)/checkov
	@$(BIN)/uv pip install --quiet --python $(VENV)/checkov/bin/python --requirement infra/checkov.lock
	@touch $@

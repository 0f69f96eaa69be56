# `make serve` runs the gateway, `make test` runs everything, `make check` is what a change must pass.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
ARGS ?=
PYTEST_ARGS ?=
WORKERS ?= 2
pip = $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: serve install torch dev test test-fast test-long check format bench bench-discovery bench-supervision bench-learning docs clean help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

serve: install  ## install what is missing and run the gateway
	@./scripts/torch-later "$(BIN)" "$(TORCH_INDEX)"
	@$(BIN)/mcp-gateway serve $(ARGS)

install: $(VENV)/.installed

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mcp-gateway needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@echo "making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# Everything but torch: the daemon serves without it, and torch's default Linux build is large.
$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.created
	@echo "installing the gateway (locked versions) ..."
	@$(BIN)/python scripts/requirements.py > $(VENV)/requirements.txt
	@$(pip) install -c constraints.txt -r $(VENV)/requirements.txt
	@$(pip) install -c constraints.txt hatchling editables
	@$(pip) install --no-deps --no-build-isolation -e .
	@touch $@

torch: install  ## install torch now (TORCH_INDEX=URL takes it from another index)
	@$(BIN)/python -c 'import torch' 2>/dev/null || $(pip) install -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch

$(VENV)/.dev: $(VENV)/.installed
	@echo "installing the development tools ..."
	@$(MAKE) --no-print-directory torch
	@$(BIN)/python scripts/requirements.py dev > $(VENV)/requirements-dev.txt
	@$(pip) install -c constraints.txt -r $(VENV)/requirements-dev.txt
	@touch $@

dev: $(VENV)/.dev  ## everything needed to develop

test: dev  ## the whole suite: real children, real MassGen, real browser
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not long" $(PYTEST_ARGS)

test-fast: dev  ## pure and in-process tests, seconds
	$(BIN)/python -m pytest -m "not process and not network and not massgen and not browser and not long" $(PYTEST_ARGS)

test-long: dev  ## soaks and kill series
	$(BIN)/python -m pytest -m long --timeout 1800 $(PYTEST_ARGS)

check: dev  ## format, lint, types, import contracts, docs, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check
	$(MAKE) --no-print-directory test-fast

format: dev  ## put every file into house form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev  ## latency and throughput of a call through the gateway against a direct one
	$(BIN)/python bench/relay.py
	$(BIN)/python bench/startup.py

bench-discovery: dev  ## search, sync, the registry client, installing, and a restart with 200 servers
	$(BIN)/python bench/registry_client.py
	$(BIN)/python bench/search.py
	$(BIN)/python bench/sync.py
	$(BIN)/python bench/installing.py
	$(BIN)/python bench/restart.py

bench-supervision: dev  ## deaths, restarts, neighbours; 200 idle servers, a cold start of 50
	$(BIN)/python bench/supervision.py
	$(BIN)/python bench/many_servers.py

bench-learning: dev  ## the policy against the static ranker; DATA=folder of tool-selection data
	$(BIN)/python bench/selection.py $(DATA)

docs: dev  ## write the generated reference pages
	$(BIN)/python docs/generate.py

clean:  ## forget the virtual environment
	rm -rf $(VENV)

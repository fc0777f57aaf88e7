# `make` alone lists what there is. Plain pip and venv; TORCH=URL takes torch from another index.

PYTHON ?= python3
VENV ?= .venv
TORCH ?=
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-input
INPUTS := pyproject.toml requirements.lock

export PIP_NO_INPUT = 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint studio bench lock clean

help: ## List what make can do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: $(VENV)/.demo ## Make the first picture (installs what that needs into .venv)
	@$(BIN)/lovebird run workflows/lovebird.json --out outputs

test: $(VENV)/.test ## Run every test
	@$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.test ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright

studio: ## Open the graph editor
	@echo "The studio is not built yet. Run workflows by: make demo, or lovebird run FILE" >&2
	@exit 1

bench: $(VENV)/.demo ## Measure start-up and the engine
	@$(BIN)/python benchmarks/startup.py
	@$(BIN)/python benchmarks/engine.py

lock: $(VENV)/.test ## Pin what is installed now in requirements.lock
	@$(BIN)/python -m pip freeze --all --exclude-editable --exclude lovebird --exclude pip \
		| sed -E 's/\+(cpu|cu[0-9]+)$$//' > requirements.lock.part
	@mv requirements.lock.part requirements.lock
	@echo "wrote requirements.lock"

clean: ## Remove .venv and what tools leave behind
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("lovebird needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(INPUTS) | $(BIN)/python
	$(if $(TORCH),$(PIP) --index-url $(TORCH) -c requirements.lock torch)
	$(PIP) -c requirements.lock -e '.[image]'
	@touch $@

$(VENV)/.test: $(INPUTS) | $(BIN)/python
	$(if $(TORCH),$(PIP) --index-url $(TORCH) -c requirements.lock torch)
	$(PIP) -c requirements.lock -e '.[image,train,dev]'
	@touch $@ $(VENV)/.demo

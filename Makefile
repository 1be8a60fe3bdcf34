# Every target sets up .venv by itself; the first time takes a few minutes, later ones no time.
.DEFAULT_GOAL := help
BIN := .venv/bin
BENCH ?= bench

.PHONY: help setup run test check format bench docs audit clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Make .venv with the pinned packages
	@PYTHON="$(PYTHON)" bash scripts/setup.sh

run: setup ## Train four small networks for three epochs, export, evaluate and time them
	@$(BIN)/mnistbench reproduce quick

test: setup ## Run the tests (ARGS="-m 'not slow'" skips those that train or install)
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## Lint, types, import contracts, generated documents
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/render_docs.py --check

format: setup ## Format and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Run the benchmarks, or one by BENCH=bench/test_FILE.py (nothing else should run meanwhile)
	@mkdir -p runs
	@$(BIN)/python -m pytest $(BENCH) -q --benchmark-columns=min,median,iqr,rounds --benchmark-json=runs/pytest-benchmark.json $(ARGS)

docs: setup ## Write the generated parts of README.md and docs/ anew
	@$(BIN)/python scripts/render_docs.py

audit: setup ## Look for known advisories of the pinned packages (needs the network)
	@$(BIN)/python scripts/audit.py

clean: ## Remove .venv and caches; runs/ stays
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist build

# Everything here works in its own environment, .venv, made of nothing but Python 3.11 (or newer) and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
GANDYN := $(BIN)/gandyn
AUDIT := audit
# Tests run in this many processes, one numerical thread each.
JOBS ?= 2
# pyright comes complete from the package registry; it need not look for a newer one.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all lint format bench gallery clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, got " + sys.version.split()[0] + ": run make PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -q -c constraints.txt -e '.[dev]'
	@touch $@

install: $(STAMP) ## make the environment (the other targets do it when it is missing or out of date)

demo: $(STAMP) ## the quick audit: verdicts, pictures, a real GAN beside its flow, HTML report in audit/
	@mkdir -p $(AUDIT)
	@rm -rf $(AUDIT)/digits-mlp $(AUDIT)/comparison.zarr
	@echo "[1/5] Stability of the Dirac-GAN without and with a gradient penalty"
	$(GANDYN) stability dirac-gan
	$(GANDYN) stability dirac-gan --set penalty=r1,gamma=0.3
	@echo "[2/5] Its phase portrait"
	$(GANDYN) portrait dirac-gan --set penalty=r1,gamma=0.3 --out $(AUDIT)/portrait.png
	@echo "[3/5] A real GAN on handwritten digits, recorded"
	$(GANDYN) train digits-mlp --out $(AUDIT)/digits-mlp
	@echo "[4/5] The recorded GAN beside its gradient flow (a minute or two)"
	$(GANDYN) compare $(AUDIT)/digits-mlp --out $(AUDIT)/comparison.zarr
	@echo "[5/5] The claims, measured, and the report"
	$(GANDYN) report --quick --out $(AUDIT)
	@echo "Done: open $(AUDIT)/index.html"

test: $(STAMP) ## the test suite without the slow part
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

test-all: $(STAMP) ## the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "slow or not slow"

lint: $(STAMP) ## format, lint, types and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(STAMP) ## format and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## throughput table
	$(GANDYN) bench

gallery: $(STAMP) ## draw the pictures of the README again
	$(BIN)/python -m figures.gallery

clean: ## remove the environment and everything that was generated
	rm -rf $(VENV) $(AUDIT) runs build dist .pytest_cache .ruff_cache .hypothesis .benchmarks .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

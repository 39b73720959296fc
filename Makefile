# Three commands for everybody: install, serve, test. Five more for those who work on the house: check, audit, faults, bench, lock.

PYTHON ?= python3
EXTRAS ?= dev
BIN := .venv/bin
SHOP ?= demo-shop

.PHONY: help install serve test check audit faults bench lock clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/.installed-$(EXTRAS)  ## the environment alone, in .venv (EXTRAS=dev,deep adds neural training)

.venv/.installed-$(EXTRAS): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tailorbird needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 install")'
	@echo "Installing into .venv: a minute or two."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[$(EXTRAS)]'
	@touch $@

serve: install  ## a simulated shop with history, training, then API and console
	@test -e $(SHOP)/tailorbird.db || echo "Making a shop with two months of history: about a minute."
	@test -e $(SHOP)/tailorbird.db -a ! -e $(SHOP)/simulator.part.json || $(BIN)/tailorbird --shop-dir $(SHOP) simulate shop
	@test -e $(SHOP)/models/current.json || echo "Training the models: a minute or two."
	@test -e $(SHOP)/models/current.json || $(BIN)/tailorbird --shop-dir $(SHOP) train
	$(BIN)/tailorbird --shop-dir $(SHOP) serve --demo

test: install  ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: install  ## style, types, layers, and the documents that are generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

audit: install  ## dependencies (pinned, needed, licences, known weaknesses) and how model files are loaded
	$(BIN)/python .ci/audit.py
	$(BIN)/python -m pytest -q tests/house/test_dependencies.py tests/house/test_loading.py tests/learning/test_registry.py

faults: install  ## kills, a full disk and fuzzing, many times over (half an hour; EXTRAS=dev,fuzz adds schemathesis)
	$(BIN)/python -m pytest tests/faults -m faults

bench: install  ## speed, then quality on the data sets in DATA (minutes to an hour)
	$(BIN)/tailorbird bench decide
	$(BIN)/tailorbird bench ingest
	@if [ -n "$(DATA)" ]; then $(BIN)/python benchmarks/quality.py $(DATA); else echo "Quality needs data sets: make bench DATA=folder"; fi

lock:  ## write requirements.lock from what pip would install today
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet -e '.[dev,fuzz,neural]' onnx
	.venv-lock/bin/python -m pip freeze --exclude-editable --exclude tailorbird > requirements.lock
	rm -rf .venv-lock

clean:  ## the environment and caches; never a shop
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache build src/*.egg-info

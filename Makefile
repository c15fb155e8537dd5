# What a person and .ci/run call. `make demo` and `make test`, each alone, take a fresh machine (Python 3.11 or later,
# pip, make) to the running demo and to passed tests. Another Python: make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXAMPLES ?= 5000
# Tests wait for sockets and browsers more than they compute.
WORKERS ?= $(shell expr 2 \* $$(nproc))
# The tests start the command hundreds of times: compiled anew each time, it would be most of what they do.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo test pages lint format bench soak fuzz schema wheel clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## everything into .venv

# Debian's Python comes without ensurepip: then the environment is made bare, and the machine's own pip fills it.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V). Another: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 \
		|| $(PYTHON) -m venv --clear $(VENV) 2>/dev/null \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -q pip; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## a sample shop behind the proxy, with stand-ins for its vendors; Ctrl-C ends it
	@exec $(BIN)/consentry demo $(ARGS)

test: $(STAMP)  ## all tests (browser tests where Debian's chromium is installed); ARGS goes to pytest
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

lint: $(STAMP)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP)  ## put the code in shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

pages: $(STAMP)  ## every page of ../shared/pages, every global of tests/stubs, every law and state in a real browser
	ALL_PAGES=1 $(BIN)/python -m pytest tests/browser/test_pages.py tests/browser/test_stubs.py tests/browser/test_journeys.py tests/browser/test_states.py -n 4 --dist worksteal --timeout=600 $(ARGS)

bench: $(STAMP)  ## speed of rewriting, matching and serving, and memory: tables, and bench-results.json; LISTS="FILE…" PAGES=DIR: what is caught
	$(BIN)/python -m tests.bench.rewriting $(ARGS)
	$(BIN)/python -m tests.bench.matching $(ARGS)
	$(BIN)/python -m tests.bench.serving $(ARGS)
ifdef LISTS
	$(BIN)/python -m pip install -q adblock
	$(BIN)/python -m tests.bench.catching $(LISTS) $(if $(PAGES),--pages $(PAGES))
endif

soak: $(STAMP)  ## ten minutes of visitors and a storefront that break off, slow clients, choices and events under load: what leaks, mixes, lags or is lost
	$(BIN)/python -m tests.bench.soak $(ARGS)
	$(BIN)/python -m tests.bench.choices $(ARGS)
	$(BIN)/python -m tests.bench.events $(ARGS)

fuzz: $(STAMP)  ## the property tests with many more examples: make fuzz EXAMPLES=20000
	HYPOTHESIS_PROFILE=fuzz FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -m hypothesis --timeout=1800 $(ARGS)

schema: $(STAMP)  ## vendors/schema.json, from the code
	$(BIN)/python -m proxy.catalogue.json_schema

wheel: $(STAMP)  ## dist/consentry-*.whl
	rm -rf dist
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps --wheel-dir dist .

clean:  ## everything that was made here
	rm -rf $(VENV) dist build consentry-state bench-results.json .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What a person and .ci/run call. `make demo` and `make test`, each alone, take a fresh machine (Python 3.11 or later,
# pip, make) to the running demo and to passed tests. Another Python: make test PYTHON=python3.12

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_RESULTS ?= bench-results.json

.DEFAULT_GOAL := help
.PHONY: help install demo test lint format bench fuzz schema wheel clean

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

install: $(STAMP)  ## everything into .venv

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) -V). Another: make PYTHON=python3.12" >&2; exit 1; }
	# Debian's Python comes without ensurepip: then the environment is made bare, and the machine's pip fills it.
	test -x $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1 \
		|| $(PYTHON) -m venv --clear $(VENV) 2>/dev/null \
		|| { $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install -q pip; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)  ## a sample shop behind the proxy, with stand-ins for its vendors; Ctrl-C ends it
	@exec $(BIN)/consentry demo $(ARGS)

test: $(STAMP)  ## all tests (browser tests where Debian's chromium is installed); ARGS goes to pytest
	$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP)  ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(STAMP)  ## put the code in shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP)  ## speed of page rewriting and matching, as a table and in bench-results.json
	$(BIN)/python -m tests.bench.rewriting --json $(BENCH_RESULTS) $(ARGS)
	$(BIN)/python -m tests.bench.matching --json $(BENCH_RESULTS) $(ARGS)

clean:  ## everything that was made here
	rm -rf $(VENV) dist build consentry-state $(BENCH_RESULTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

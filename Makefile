# wechat-dialog: `make help` says what there is. Needs Python >= 3.11 and nothing else.

VENV ?= .venv
PYTHON ?=
# Test processes, seconds of fuzzing, and what else pytest should be told: make test ARGS='-k turn'
JOBS ?= 2
FUZZ_SECONDS ?= 60
ARGS ?=

BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
FUZZ := $(VENV)/.installed-fuzz
INPUTS := pyproject.toml .ci/install.py

# The first Python that runs (a pyenv shim may exist and not run) and is new enough.
define FIND_PYTHON
for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
    then found=$$python; break; fi; \
done; \
if [ -z "$${found:-}" ]; then \
    echo 'no Python >= 3.11 found: install one, or say where it is: make PYTHON=/path/to/python3' >&2; \
    exit 1; \
fi
endef

.PHONY: help venv demo test lint format chaos fuzz bench browser clean
.DEFAULT_GOAL := help

help:  ## this list
	@echo 'make …'
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' Makefile | expand -t 12

demo: $(RUN)  ## the example bot on a web page (ARGS=--no-browser, ARGS=--terminal)
	@exec $(BIN)/wechat-dialog demo $(ARGS)

test: $(DEV) browser  ## the whole test suite, with a redis-server of its own
	@$(BIN)/python -m pytest -q -n $(JOBS) $(ARGS)

lint: $(DEV)  ## ruff, mypy and pyright
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

format: $(DEV)  ## let ruff put the source in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

chaos: $(DEV)  ## the long runs: a million simulated turns, workers killed at random
	$(BIN)/python -m pytest -q --long -m long $(ARGS)

fuzz: $(FUZZ)  ## throw bytes at the door (FUZZ_SECONDS=60)
	$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS)

bench: $(DEV)  ## measure, and print a table of ratios
	$(BIN)/python -m benchmarks $(ARGS)

venv: $(DEV)  ## everything a developer needs, in .venv

browser:
	@.ci/browser

# A change of pyproject.toml installs again. `dev` contains what `demo` needs.
$(RUN): $(INPUTS)
	@$(FIND_PYTHON); "$$found" .ci/install.py $(VENV) all >&2
	@touch $@

$(DEV): $(INPUTS)
	@$(FIND_PYTHON); "$$found" .ci/install.py $(VENV) dev >&2
	@touch $(RUN) $@

$(FUZZ): $(DEV)
	@$(FIND_PYTHON); "$$found" .ci/install.py $(VENV) dev,fuzz >&2
	@touch $@

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests examples benchmarks fuzz -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# wechat-dialog: `make help` says what there is. Needs Python >= 3.11 and nothing else.

VENV ?= .venv
PYTHON ?=
# Test processes, seconds of fuzzing, and what else pytest should be told: make test ARGS='-k turn'
# Twice as many processes as cores: half of the time tests wait, for a server to start or a lease to
# end.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 2)
FUZZ_SECONDS ?= 60
ARGS ?=

BIN := $(VENV)/bin
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
FUZZ := $(VENV)/.installed-fuzz
DOCS := $(VENV)/.installed-docs
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

.PHONY: help venv demo test lint format chaos fuzz bench docs release matrix coverage browser servers clean
.DEFAULT_GOAL := help

help:  ## this list
	@echo 'make …'
	@sed -n 's/^\([a-z]*\):[^#]*## /  \1\t/p' Makefile | expand -t 12

demo: $(RUN)  ## the example bot on a web page (ARGS=--no-browser, ARGS=--terminal)
	@exec $(BIN)/wechat-dialog demo $(ARGS)

test: $(DEV) browser servers  ## the whole test suite, with a redis-server of its own
	@# Hundreds of Pythons are started: told to write no bytecode, each would compile all of ours anew.
	@# A process that has nothing left to do takes over half of what another has.
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(ARGS)

lint: $(DEV)  ## ruff, mypy and pyright
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

format: $(DEV)  ## let ruff put the source in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

chaos: $(DEV)  ## the long runs: a million simulated turns, workers killed at random, new inputs drawn
	$(BIN)/python -m pytest -q --long -m 'long or hypothesis' $(ARGS)

fuzz: $(FUZZ)  ## throw bytes at the door (FUZZ_SECONDS=60)
	$(BIN)/python -m fuzz.run --seconds $(FUZZ_SECONDS) $(ARGS)

bench: $(DEV)  ## measure, and print a table of ratios
	$(BIN)/python -m benchmarks $(ARGS)

docs: $(DOCS)  ## the documentation as a site, in build/site/html; a warning is an error
	$(BIN)/python .ci/site.py build/site

release: $(DEV)  ## build the wheel and the sdist, and try both on every Python here
	$(BIN)/python .ci/release.py

matrix: $(DEV)  ## messages, journals and stores on every Python, with old and new packages (ARGS=tests/engine: others)
	$(BIN)/python .ci/matrix.py $(ARGS)

coverage: $(DEV)  ## which lines of src no test of the quick ones reaches, with a floor
	$(BIN)/python -m pip install -q 'coverage>=7.6'
	$(BIN)/python -m coverage run -m pytest -q -n 0 tests/engine tests/wire tests/formats tests/dialogs tests/answer_pages tests/parsers tests/deploys tests/operators tests/legacy tests/stores
	$(BIN)/python -m coverage report --skip-covered

venv: $(DEV)  ## everything a developer needs, in .venv

browser:
	@.ci/browser

servers: $(DEV)
	@.ci/servers $(VENV)

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

$(DOCS): $(INPUTS)
	@$(FIND_PYTHON); "$$found" .ci/install.py $(VENV) docs >&2
	@touch $@

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests examples benchmarks fuzz -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

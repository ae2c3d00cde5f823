# What you can ask for:
#
#   make run      start Tocsin with a service to guard, on this machine; nothing else is needed
#   make test     everything: what `make check` does, and all tests on SQLite and PostgreSQL
#   make check    before each push: format, lint, types, imports and the fast tests
#   make format   put the code into shape
#   make bench    measure; ONLY=name measures one thing, KILLS=30 kills less often in ONLY=kill
#   make screenshots  pictures of every page, in both themes and three widths, in build/screenshots
#   make mutants  would the fast tests notice if the core decided otherwise? ONLY='tocsin.incidents.owed*' tries some
#   make lock     bring requirements/ in line with pyproject.toml
#   make clean    remove what the others made here
#
# Every path is relative, so the folder may stand anywhere and have spaces in its name.

# What one process has compiled, the next need not: the tests start a hundred, and so does whoever types commands.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test check lint types tests format bench screenshots mutants lock clean
help:
	@sed -n 's/^#   make/make/p' Makefile

run: .venv/.run
	@.venv/bin/tocsin rehearse run

test: .venv/.dev
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory -j 2 types tests

check: lint types
	@$(TEST) -q tests/core

lint: .venv/.dev
	@.venv/bin/ruff format --check
	@.venv/bin/ruff check --quiet
	@.venv/bin/lint-imports --no-logo

types: .venv/.dev
	@.venv/bin/mypy --strict src

tests: .venv/.dev
	@$(TEST)

# One worker more than a small machine has cores, since many tests wait for a server. A worker that is done takes what
# the others have left, so that they end together, and a file's tests mostly stay with one.
TEST := .venv/bin/python -m pytest -n 3 --dist worksteal

format: .venv/.dev
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

bench: .venv/.dev
	@.venv/bin/python -m bench $(ONLY)

screenshots: .venv/.dev
	@.venv/bin/python -m tools.screenshots

mutants: .venv/.mutants
	@.venv/bin/mutmut run $(ONLY); .venv/bin/mutmut results

clean:
	rm -rf .venv build mutants dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis


# ---- The environment -------------------------------------------------------------------------------------------------
#
# One .venv holds what running needs and, after `make check` or `make test`, what developing needs too. Each stage leaves
# an empty file when it is complete and not before: after an interruption the next run takes the stage up again.

PIP := .venv/bin/python -m pip -qq --disable-pip-version-check --no-input
INSTALL_TOCSIN := $(PIP) install --no-deps --no-build-isolation --editable .

.venv/.run: requirements/run.txt pyproject.toml .venv/.made
	@echo "Installing what Tocsin runs on (the first time: a minute)"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(INSTALL_TOCSIN)
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml .venv/.made
	@echo "Installing what Tocsin is developed with (the first time: two minutes)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@$(INSTALL_TOCSIN)
	@touch $@

.venv/.mutants: requirements/mutants.txt pyproject.toml .venv/.dev
	@$(PIP) install --require-hashes -r requirements/mutants.txt
	@touch $@

# The first of these that is 3.11 or later and can make a virtual environment.
PYTHONS := python3.13 python3.12 python3.11 python3

.venv/.made:
	@for python in $(PYTHONS); do \
	    if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making .venv with $$("$$python" --version)"; \
	        "$$python" -m venv --clear .venv && touch $@; \
	        exit; \
	    fi; \
	done; \
	echo "Tocsin needs Python 3.11 or later with its venv module, and there is none here."; \
	echo "On Debian 12, Ubuntu 24.04 or later: apt-get install python3 python3-venv"; \
	echo "On macOS: brew install python@3.13"; \
	exit 1

# An environment that was moved here, or whose Python has gone, is made again.
WORKS := $(shell grep -qsF "$$(pwd -P)/.venv" .venv/bin/activate && .venv/bin/python -c 'import pip' 2>/dev/null && echo yes)
ifneq ($(WORKS),yes)
.PHONY: .venv/.made
endif


# ---- The lock --------------------------------------------------------------------------------------------------------
#
# Universal: the same files serve every platform and every Python from 3.11 on. They hold hashes and no addresses.
# A version that was chosen before stays while it fits; delete them first to choose all of them anew.

COMPILE := pip compile --quiet pyproject.toml --extra notify-all --extra otlp --extra postgres --extra push \
    --extra rehearsal --extra slack --extra sso --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

lock: .venv/.made
	@rm -rf build/uv
	@.venv/bin/python -m venv build/uv
	@build/uv/bin/python -m pip -qq --disable-pip-version-check install uv
	@build/uv/bin/uv $(COMPILE) --group build -o requirements/run.txt
	@build/uv/bin/uv $(COMPILE) --group dev -o requirements/dev.txt
	@build/uv/bin/uv $(COMPILE) --group mutants -o requirements/mutants.txt
	@rm -rf build/uv

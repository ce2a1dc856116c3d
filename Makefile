# Needs make and Python 3.11 or newer with pip and venv. Everything goes into .venv, from requirements.lock.
#   make demo    the whole job in the built-in world: no key, no network
#   make test    everything that must pass: lint, then the suite
#   make cover   the suite with branch coverage, which takes twice as long
#   make bench   the measurements
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test cover lint bench lock clean

demo: .venv/installed
	@$(BIN)/cmo demo

test: lint
	@$(BIN)/python -m pytest -n 2

cover: .venv/installed
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

lint: .venv/installed
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/installed
	@$(BIN)/python -m benchmarks

# Writes requirements.lock: project, its extra, dev group and build backend, for every platform and every Python from
# 3.11, with hashes and without a host or a path. uv does it and is put into .venv for that; nothing else needs it.
# Pins stay as they are while they fit; `make lock LOCK_FLAGS=--upgrade` takes the newest.
lock:
	@test -x $(BIN)/python || { $(check_python); "$(PYTHON)" -m venv .venv; }
	@$(PIP) install --quiet uv==$(UV_VERSION)
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| $(BIN)/uv pip compile pyproject.toml --extra serve --group dev - --output-file requirements.lock \
			--quiet $(LOCK_FLAGS) --generate-hashes --universal --python-version 3.11 --no-header --no-annotate
	@! grep -nE '^-|://| @ ' requirements.lock || { echo "requirements.lock names a host or a path" >&2; exit 1; }

clean:
	rm -rf .venv .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The libraries. Built from nothing whenever the lock changes, so that .venv holds what the lock says and no more.
.venv/locked: requirements.lock
	@$(check_python)
	@echo "Setting up .venv (half a minute or so) ..."
	@"$(PYTHON)" -m venv --clear .venv
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements.lock
	@touch $@

# The project itself, from this folder.
.venv/installed: .venv/locked pyproject.toml
	@$(PIP) install --quiet --no-build-isolation --no-deps -e .
	@touch $@

define check_python
"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "cmo needs Python 3.11 or newer, and '$(PYTHON)' is not that. Name one: make PYTHON=python3.11" >&2; exit 1; }
endef

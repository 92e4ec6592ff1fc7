# Each target does all of its own set-up; `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
export PORT
ifdef DATA_DIR
export DATA_DIR
endif

.PHONY: help setup demo bench chaos fuzz test test-clients test-fast check check-types check-others docs pictures format lock audit clean
.DEFAULT_GOAL := help

help:
	@echo "make demo         a server on port $(PORT) with a demo project, logged by real training runs (PORT, DATA_DIR)"
	@echo "make test         every test on SQLite, and on PostgreSQL what can tell the two apart; with the real wandb client"
	@echo "make test-clients every client scenario on both databases, some with older clients (CLIENTS=\"0.19.11 j_readback\")"
	@echo "make test-fast    the unit and view tests on SQLite only"
	@echo "make check        ruff, mypy, import-linter, djade, Django's own checks, missing migrations, links in docs/"
	@echo "make docs         the documentation on port $(PORT)"
	@echo "make pictures     its pictures, drawn anew"
	@echo "make bench        charts, runs table, ingestion, disk and memory, measured on both databases (BENCH=--quick: less than a minute)"
	@echo "make chaos        clients log while servers are killed, requests cut, disks filled (CHAOS=\"--minutes 3 --clients 64\")"
	@echo "make fuzz         bad input to all doors for people (FUZZ=300 rounds of some hundred requests, FUZZ_SEED=1)"
	@echo "make setup        the environment in .venv, and the database migrated"
	@echo "make lock         resolve the dependencies anew into requirements.lock, and those of a server into deploy/"
	@echo "make audit        known weaknesses of the locked dependencies, by pip-audit (needs the internet)"

setup: .venv/.synced
	@$(BIN)/python manage.py migrate --no-input --verbosity 0
	@$(BIN)/python manage.py collect_static
	@echo "setup: done"

.venv/.synced: requirements.lock
	@test -x $(BIN)/python || { echo "setup: making .venv"; sh scripts/venv.sh $(PYTHON); }
	@test -x $(BIN)/uv || { echo "setup: installing uv"; $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; }
	@echo "setup: installing the locked dependencies"
	@VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	@touch $@

demo: setup
	@$(BIN)/python manage.py demo --port $(PORT)

bench: .venv/.synced
	@$(BIN)/python manage.py bench $(BENCH)

chaos: .venv/.synced
	@$(BIN)/python -m tests.chaos $(CHAOS)

fuzz: FUZZ ?= 300
fuzz: .venv/.synced
	@FUZZ=$(FUZZ) LOG_LEVEL=CRITICAL DATA_DIR=$$(mktemp -d) $(BIN)/python -m pytest -q -s tests/projects/hostile

test-clients: setup
	@$(BIN)/python scripts/test_clients.py $(CLIENTS)

test: setup
	@sh scripts/chromium.sh $(BIN)/python
	@$(BIN)/python scripts/test_both.py

test-fast: setup
	@$(BIN)/python -m pytest -q -n auto -m "not client and not browser"

# The types take as long as all else.
check: .venv/.synced
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-types check-others

check-types: .venv/.synced
	$(BIN)/mypy .

check-others: .venv/.synced
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check $$(git ls-files 'templates/*.html')
	$(BIN)/lint-imports
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

docs: .venv/.synced
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --dev-addr 127.0.0.1:$(PORT)

pictures: setup
	@sh scripts/chromium.sh $(BIN)/python
	$(BIN)/python scripts/pictures.py

format: .venv/.synced
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := uv pip compile --quiet pyproject.toml --universal --generate-hashes --fork-strategy fewest --no-header

lock: .venv/.synced
	$(BIN)/$(COMPILE) --group demo --group dev --upgrade --output-file requirements.lock
	$(BIN)/$(COMPILE) --constraint requirements.lock --no-annotate --output-file deploy/requirements.lock

audit: .venv/.synced
	$(BIN)/uv tool run pip-audit --require-hashes --disable-pip -r requirements.lock

clean:
	rm -rf .venv .cache staticfiles artifacts

# `make help` lists the targets. Each prepares .venv first, which costs milliseconds once it stands.
.DEFAULT_GOAL := help
.PHONY: help setup demo serve stack test room conformance mutants histories independent bench bench-quick million ea-package ea-mutants ea-wine check lock schemas clean screenshots

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup:  ## create .venv from requirements.lock (needs only python3 >= 3.11)
	@sh deploy/bootstrap.sh

demo: setup  ## the whole gateway in one process, with scripted EAs (DEMO_ARGS=...; with --stack: on those of `make stack`)
	@$(if $(filter --stack,$(DEMO_ARGS)),$(BIN)/python -m tests.stack.demo,$(MANAGE) demo) $(DEMO_ARGS)

serve: setup  ## the whole gateway in one process (SERVE_ARGS=...)
	@$(MANAGE) serve $(SERVE_ARGS)

stack: setup  ## a deployment's processes: PostgreSQL, Valkey, two gateways, worker, beat, Caddy (STACK_ARGS=...)
	@$(BIN)/python -m tests.stack $(STACK_ARGS)

test: setup  ## every test on every lane (TEST_ARGS='-k heartbeat --lane embedded')
	@$(BIN)/pytest $(TEST_ARGS)

room: setup  ## the tests of one room (ROOM=orders/copies ROOM_ARGS='-k fill'), or without ROOM the list of rooms
	@$(BIN)/python -m tests.rooms $(ROOM) $(ROOM_ARGS)

conformance: setup  ## the conformance cases on every lane (or URL=... ACCOUNTS=FILE; CONFORMANCE_ARGS=...)
	@$(BIN)/python -m tests.conformance $(if $(URL),--url $(URL) --accounts $(ACCOUNTS)) $(CONFORMANCE_ARGS)

mutants: setup  ## mutation testing of orders/domain, nightly (MUTANTS_ARGS='--only orders/domain/sizing')
	@$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

histories: setup  ## random histories through the real services, nightly (N=5000 HISTORIES_ARGS='--seed 123 --replay')
	@$(BIN)/python -m tests.histories $(or $(N),500) $(HISTORIES_ARGS)

independent: setup  ## random days of a broker and EA that know the documents alone, nightly (DAYS=40 DAYS_ARGS='--seed 7')
	@$(BIN)/python -m tests.independent $(or $(DAYS),40) $(DAYS_ARGS)

bench: setup  ## the real processes against a bare relay, interleaved (BENCH_ARGS='--only 1-100 --server daphne')
	@$(BIN)/python -m tests.bench $(BENCH_ARGS)

bench-quick: setup  ## the same in two minutes; fails when a ratio falls short by more than a fifth
	@$(BIN)/python -m tests.bench --quick $(BENCH_ARGS)

million: setup  ## every page over a million commands and 2,000 accounts, nightly (MILLION_ARGS='--commands 100000')
	@$(BIN)/python -m tests.million $(MILLION_ARGS)

ea-package: setup  ## the EA's sources for a trader, as dist/eagateway-ea-<version>.zip; the same sources give the same bytes
	@$(BIN)/python -m ea.pack dist

ea-mutants: setup  ## named faults in the EA's core, nightly: each must fail a test (EA_MUTANTS_ARGS='--only requote')
	@$(BIN)/python -m tests.ea.mutants $(EA_MUTANTS_ARGS)

ea-wine: setup  ## the EA as a 32-bit program of Windows under wine; without wine and mingw one line says what is missing
	@EAGATEWAY_NIGHTLY=1 $(BIN)/python -m pytest -q -rs -p no:cacheprovider -c pyproject.toml --lane embedded tests/e2e/test_wine.py

check: setup  ## format, lint, types, import contracts, migrations
	@sh .ci/check

lock: setup  ## resolve pyproject.toml into requirements.lock (LOCK_ARGS=--upgrade)
	$(BIN)/uv pip compile pyproject.toml --extra production --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --quiet $(LOCK_ARGS) --output-file requirements.lock
	@$(MAKE) --no-print-directory setup

schemas: setup  ## write docs/schemas from the message types
	@$(MANAGE) export_schemas
	@$(BIN)/python sdk/python/generate_types.py

screenshots: setup  ## pictures of the running demo's pages, into docs/screenshots
	@$(BIN)/python -m tests.screenshots

clean:  ## remove .venv and everything the tools wrote
	rm -rf .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

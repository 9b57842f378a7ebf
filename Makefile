# The commands of this project; CI calls the same ones. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test check format demo bench chaos histories doctor schema migrations clean

BIN := .venv/bin
# Compiled once, not by each of the hundreds of processes that tests start; aside, so that the tree stays clean.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv with everything that is needed (the others do this by themselves)
	@scripts/setup

run: setup ## serve everything in this terminal; PORTAL_PORT moves it from port 8000
	@$(BIN)/portal dev

test: setup ## run the tests; ARGS="tests/booking -k race" picks some
	@$(BIN)/pytest $(ARGS)

check: setup ## lint, formatting, types, import contracts
	@scripts/check

format: setup ## put the code into the house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only --quiet .

demo: setup ## play the resident's journey against a fresh stack
	@$(BIN)/python -m tests.journeys.demo

bench: setup ## measure recognising a caller, booking, parcels, paying and telling, as ratios of one run
	@$(BIN)/python -m tests.benchmarks

chaos: setup ## book a million times, pay ten thousand times, while all dies; ARGS="payments --payments 1000"
	@$(BIN)/python -m tests.chaos $(ARGS)

histories: setup ## play ten thousand mornings at a counter and lives of a bill; HISTORIES=500 fewer
	@rm -f .venv/walked
	@PORTAL_TEST_HISTORIES=$(or $(HISTORIES),10000) PORTAL_TEST_WALKED=.venv/walked \
		$(BIN)/pytest -n `getconf _NPROCESSORS_ONLN` --dist load \
		tests/booking/test_histories.py tests/payments/test_histories.py
	@$(BIN)/python -m tests.payments.onlooker .venv/walked $(if $(HISTORIES),|| true)

doctor: setup ## ask every part of the running stack whether it works
	@$(BIN)/portal doctor

schema: setup ## write graphql_schema/schema.graphql and docs/errors.md
	@$(BIN)/portal schema > .venv/printed && mv .venv/printed graphql_schema/schema.graphql
	@$(BIN)/portal errors > .venv/printed && mv .venv/printed docs/errors.md

migrations: setup ## write the migration for changed models; NAME=what_changed
	@test -n "$(NAME)" || { echo "Say what changed: make migrations NAME=add_opening_hours" >&2; exit 1; }
	@$(BIN)/tortoise makemigrations portal --name "$(NAME)"

clean: ## stop the stack and remove its data; FORCE=1 does not ask
	@FORCE="$(FORCE)" scripts/clean

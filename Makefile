SHELL := /bin/bash
# `make run` starts everything; `make test` checks everything. The recipes are in scripts/.
.PHONY: run test bench flamegraph faults restarts setup fmt check audit suites clean

run:            ## Install what is missing, build, and start Postgres, dashboard, edge and emulator
	@scripts/run.sh

test:           ## Everything CI checks, with the time of each part
	@scripts/test.sh

faults:         ## Two edges through the faults of a seed: make faults SEED=7 MINUTES=5 (docs/faults.md)
	@scripts/faults.sh

setup:          ## Install the tools only
	@scripts/setup.sh --test

fmt:            ## Format the Rust sources
	@. scripts/lib.sh && use_toolchain && cargo fmt --all

check:          ## Fast: formatting, lints and unit tests of the pure rules
	@scripts/check.sh

audit:          ## Licenses, sources, duplicates and known vulnerabilities of the dependencies
	@scripts/audit.sh

bench:          ## The edge's speed beside nginx and Envoy; QUICK=1 for a first look
	@QUICK=$(QUICK) scripts/bench.sh

flamegraph:     ## Where the edge's processor time goes: docs/flamegraph.svg
	@scripts/flamegraph.sh

restarts:       ## What rolling restarts under load lose; ROUNDS=20
	@ROUNDS=$(ROUNDS) scripts/restarts.sh

suites:         ## Figures from suites that others wrote, to docs/scoreboard.md; ONLY="wycheproof oracle" runs some, MINUTES=1 fuzzes for less
	@scripts/suites.sh

clean:          ## Remove what was built and the development database
	@for cluster in postgres test-postgres; do [ ! -d .keyward/$$cluster ] || scripts/postgres.sh remove .keyward/$$cluster; done
	@rm -rf target .keyward

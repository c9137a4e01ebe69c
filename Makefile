# `make run` and `make test` need git, Python 3.10 or later and pip, and nothing else. Everything lands in this folder.
EVENT ?= events/remove-two.json
PYTHON ?= python3
VENV ?= .venv
SECONDS ?= 60
MESSAGES ?= 10000
TESTS ?=
BENCH ?=
PORT ?= 8080
# requirements-test: of the deployed package's tests, a fifth of the size.
NEEDS ?= requirements-dev
FAST_TESTS = tests/unit tests/processing tests/house
# Runs with two environments at the same time keep their temporary files apart.
WORKERS ?= auto
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --basetemp=.pytest-tmp$(notdir $(VENV))
BIN = $(VENV)/bin
VALIDATORS = tests/validators/node_modules
TEMPLATES = template.yml template-fc2.yml s-resources.yml alarms.yml

export PYTHONPATH := handler:.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of short processes. Where an image forbids byte code, each compiles all that it imports: twice the time.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup servers run run-alarm run-queue test test-fast test-long coverage fuzz chaos mutants test-all docs check lint types fix bench load console node-modules validate clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*##/ { line = sprintf("%-13s", $$1); n = split($$2, words, " "); \
	    for (i = 1; i <= n; i++) { if (length(line) + length(words[i]) > 78) { print line; line = sprintf("%13s", "") } line = line " " words[i] } \
	    print line }' Makefile

setup: $(VENV)/installed-$(NEEDS) ## make .venv, with all that tests and checks need

# What each kind of target needs: the others install less.
$(VENV)/installed-%: %.txt requirements.txt requirements-run.txt requirements-test.txt tools/make_venv.sh
	@sh tools/make_venv.sh "$(PYTHON)" "$(VENV)" $<

RUN_SETUP = $(VENV)/installed-requirements-run

run: $(RUN_SETUP) ## run the main job on a local cloud (EVENT=events/x.json takes any event)
	@$(BIN)/python -m scalein_cli run "$(EVENT)"

run-alarm: $(RUN_SETUP) ## run an alarm's whole path on a local cloud: metric, queue, trigger, function, ESS, outcome
	@$(BIN)/python -m scalein_cli run-alarm

run-queue: $(RUN_SETUP) ## run the main job from a real RabbitMQ (installs it with apt-get where it is missing)
	@$(BIN)/python -c "import pika" 2>/dev/null || $(BIN)/pip install --quiet "$$(grep -o "^pika==[0-9.]*" requirements-dev.txt)"
	@sh tools/install_server.sh rabbitmq-server
	@$(BIN)/python -m scalein_cli run-queue

console: $(RUN_SETUP) ## a local Auto Scaling to look at and play with (PORT=8080); prints the address to open
	@$(BIN)/python -m localcloud --port $(PORT)

node-modules: tests/node/node_modules ## the SDK of Node.js, for the tests that speak through it (needs npm)

tests/node/node_modules: tests/node/package-lock.json
	@npm ci --prefix tests/node --no-audit --no-fund --silent
	@touch $@

validate: setup ## the ROS templates and s.yaml, by Alibaba's own definitions and reader, and by ours (needs npm)
	@$(BIN)/python -m tools.ros_definitions $(TEMPLATES)
	@for template in $(TEMPLATES); do $(BIN)/scalein check --template $$template || exit 1; done
	@[ -x $(VALIDATORS)/.bin/s ] || npm ci --prefix tests/validators --no-audit --no-fund --silent --loglevel error
	@mkdir -p .cache && HOME=$(CURDIR)/.cache $(VALIDATORS)/.bin/s preview -t s.yaml >.cache/s-preview || (cat .cache/s-preview; exit 1)

servers: ## install redis-server, rabbitmq-server and chromium, which some tests need, where apt-get can
	@for server in redis-server rabbitmq-server chromium; do sh tools/install_server.sh $$server || true; done

test: setup servers ## all tests, with real servers; at its end, what was skipped and which command brings it
	$(PYTEST) $(TESTS)

test-fast: setup ## the tests that need no server: a minute
	HYPOTHESIS_PROFILE=$${HYPOTHESIS_PROFILE:-quick} $(PYTEST) -m fast $(FAST_TESTS)

test-long: setup ## all tests, with many more examples for each property
	HYPOTHESIS_PROFILE=long $(PYTEST) $(TESTS)

coverage: setup ## the fast tests, and which lines of handler/ they do not reach; fails below the floor
	@mkdir -p .cache
	$(PYTEST) -m fast --cov --cov-report=term $(FAST_TESTS)

fuzz: setup ## feed the intake with made-up bytes (SECONDS=60), where Atheris installs
	@sh tools/fuzz.sh "$(BIN)/python" "$(SECONDS)"

chaos: setup ## thousands of messages, late reads, killed processes and every fault (MESSAGES=10000; needs redis-server)
	@sh tools/install_server.sh redis-server
	@$(BIN)/python -m tests.chaos --messages $(MESSAGES)

mutants: setup ## break the deciding modules in one place at a time, and list what no test notices (half an hour)
	@sh tools/mutants.sh "$(BIN)/python"

test-all: ## all tests, on each of Python 3.10 to 3.13 that is found
	@sh tools/each_python.sh "$(MAKE)"

docs: setup ## write the tables of docs/operations.md and docs/observability.md from the code; copy template.yml's parts
	@$(BIN)/python -m tools.operations_tables
	@$(BIN)/python -m tools.observability
	@$(BIN)/python -m tools.templates

check: lint types ## lint, format and types

lint: setup ## lint and format, without types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## types, by mypy --strict
	$(BIN)/mypy

fix: setup ## fix what ruff can fix, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure over HTTPS, and print tables (nine minutes; BENCH="--only removals", or "--write docs/tuning.md")
	$(BIN)/python -m benchmarks $(BENCH)

load: setup ## the local cloud next to moto: pages a second, their cost, start, 200 calls a second (four minutes)
	@test -x .cache/moto/bin/python || $(PYTHON) -m venv .cache/moto
	@.cache/moto/bin/python -m pip install --quiet "moto[server,autoscaling]==5.2.5"
	@$(BIN)/python -m benchmarks.pages --moto .cache/moto/bin/python
	@$(BIN)/python -m benchmarks.load --moto .cache/moto/bin/python

clean: ## remove everything that was made
	rm -rf .venv .venv-* .cache .hypothesis .mypy_cache .ruff_cache .pytest_cache .pytest-tmp*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

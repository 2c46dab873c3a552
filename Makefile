# hsm-hil. Each target installs what it needs where it may (root on Debian or Ubuntu), else one
# line says what is missing. The work is done by the scripts in docker/.

# auto takes Docker where an engine answers already, else plain processes; or process, or docker.
BACKEND ?= auto
PROFILE ?= default
PYTEST_ARGS ?= -n 2 --dist worksteal

# System packages, by Debian's names.
BENCH := python3-venv softhsm2 p11-kit opensc strace
POSTGRESQL := postgresql
NSS := libnss3 libnss3-tools gcc libc6-dev
BROWSER := chromium

.DEFAULT_GOAL := help
.PHONY: help hil hil-pytest bench doctor test test-long defects engine image venv packages postgresql nss browser test-packages picture lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  Variables: BACKEND=auto|process|docker, PROFILE=default|documented|smoke|full, ARGS=... (for hil), PYTEST_ARGS=..., PYTHON=... (3.11-3.13)"

hil: packages venv ## Run the campaign: every crash point, every control
	@docker/backend.sh $(BACKEND)
	.venv/bin/hil run --profile $(PROFILE) --backend $(BACKEND) $(ARGS)

hil-pytest: packages venv ## Run a sample of the campaign as tests of pytest
	@docker/backend.sh $(BACKEND)
	@mkdir -p .build
	.venv/bin/hil plan --profile smoke --out .build/plan.jsonl
	.venv/bin/pytest --hil-plan .build/plan.jsonl --hil-backend $(BACKEND) --hil-operational 1 $(PYTEST_ARGS)

bench: packages venv ## Measure this machine: scenarios, rewraps against a C loop and python-pkcs11, starts (ARGS=--quick)
	.venv/bin/hil bench --peer tests/hil/targets/hpcs/tools/bench/python_pkcs11.py $(ARGS)

doctor: venv ## Say what this machine lacks for the bench, and what to do
	.venv/bin/hil doctor --backend $(BACKEND) $(ARGS)

test: test-packages venv ## Run linters, type checker and tests, with a Docker engine where one can be had
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	docker/engine.sh during .venv/bin/pytest -m "not long" $(PYTEST_ARGS)

test-long: test-packages venv ## Run the tests that take longest, which make test leaves out
	docker/engine.sh during .venv/bin/pytest -m long $(PYTEST_ARGS)

defects: packages venv ## Sow known defects into the emulator, one at a time: the bench has to convict each (ARGS='--only PATTERN')
	.venv/bin/python -m tests.defects.run $(ARGS)

engine: ## Start a Docker engine unless one answers (make image and the docker backend need one)
	@docker/engine.sh start

image: venv ## Build the image of a crypto unit
	@docker/image.sh

venv: ## Make the project venv from requirements.lock
	@docker/venv.sh

packages: ## Install the system packages that crypto units and the bench use
	@docker/packages.sh $(BENCH)

postgresql: ## Install a PostgreSQL server, for --keystore postgresql
	@docker/packages.sh $(POSTGRESQL)

nss: ## Install NSS, its certutil and a C compiler, for --module-profile examples/hil-nss.toml
	@docker/packages.sh $(NSS)

browser: ## Install Chromium, in which the tests look at report.html
	@docker/packages.sh $(BROWSER)

test-packages: ## Install every system package that make test needs
	@docker/packages.sh $(BENCH) $(POSTGRESQL) $(NSS) $(BROWSER)

picture: venv browser ## Take the picture of the README from report.html of the newest run
	.venv/bin/python -P tests/browser/picture.py runs/latest docs/report.png

lock: venv ## Resolve pyproject.toml anew into requirements.lock (ARGS=--upgrade for newer versions)
	@docker/lock.sh $(ARGS)

clean: ## Remove .build, caches, and containers and images that no living run uses (keeps .venv and runs)
	@docker/clean.sh

# The targets a person types are the ones that CI calls. `make help` lists them.
PYTHON ?= python3
VENV := .venv/bin/python
MINI := .cache/mini
# With another model, a preset that names one or an engine elsewhere, the mini model is not needed.
OTHER_MODEL := $(MODEL_NAME)$(filter-out mini,$(PRESET))$(ENGINE_URL)

.DEFAULT_GOAL := help
.PHONY: help setup run platform test lint fmt types check image smoke push image-test monitoring-test \
        java-test bench load update-bench faithfulness docs lock hooks clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: ## install what is missing into .venv (ACCELERATOR=cpu, gpu or none; else by the machine)
	@$(PYTHON) scripts/setup.py $(if $(ACCELERATOR),--accelerator $(ACCELERATOR))

run: setup ## run the worker once over test_input.json (STYLE=FRIEND, MODEL_NAME=…, any setting)
	@$(if $(OTHER_MODEL),,$(VENV) -m builder mini $(MINI))
	@$(VENV) -m worker $(if $(STYLE),--style $(STYLE))

platform: setup ## run the platform on loopback (PLATFORM_PORT=8100) with one worker, for curl and clients
	@$(if $(OTHER_MODEL),,$(VENV) -m builder mini $(MINI))
	@$(VENV) -m tests.platform

test: setup ## run all tests, the real engine included
	@$(VENV) -m pytest $(ARGS)

lint: setup ## check style and formatting
	@$(VENV) -m ruff check .
	@$(VENV) -m ruff format --check .

types: setup ## check types (mypy strict on worker and builder)
	@$(VENV) -m mypy

fmt: setup ## format the code and mend what ruff can mend
	@$(VENV) -m ruff check --fix .
	@$(VENV) -m ruff format .

check: lint types test ## all that must hold before a push

image: setup ## build the image (TAG=user/name:1.0.0, ARGS="--model … --revision …"; HF_TOKEN)
	@$(VENV) -m builder build $(if $(TAG),--tag $(TAG)) $(ARGS)

smoke: setup ## prove that an image works, without a network (TAG=…, ARGS="--gpus all")
	@$(VENV) -m builder smoke $(TAG) $(ARGS)

push: setup ## push an image (TAG=…; logged in, or DOCKER_USERNAME and DOCKER_PASSWORD)
	@$(VENV) -m builder push $(TAG) $(ARGS)

image-test: setup ## build, prove and push an image with the mini model (needs root, a Docker engine)
	@$(VENV) -m pytest tests/image $(ARGS)

monitoring-test: setup ## run the alerts in a real Prometheus (Debian's package: .ci/prometheus)
	@$(VENV) -m pytest tests/monitoring $(ARGS)

java-test: setup ## compile and run README's Java (a JDK of 17 or later: .ci/jdk)
	@$(VENV) -m pytest tests/java $(ARGS)

bench: setup ## compare with the handler people write today; writes benchmarks/results/
	@$(VENV) -m builder mini --size mid .cache/mini-mid
	@TRUST_REMOTE_CODE=true $(VENV) -m benchmarks.handler --model .cache/mini-mid $(ARGS)

load: setup ## load the HTTP service beside raw vLLM, or any endpoint (ARGS="--url …"); benchmarks/results/
	@$(VENV) -m benchmarks.load $(ARGS)

update-bench: setup ## measure a one-line change until the registry has it; writes benchmarks/results/
	@$(VENV) -m benchmarks.update $(ARGS)

faithfulness: setup ## measure the guard; writes benchmarks/results/
	@$(VENV) -m benchmarks.faithfulness --out benchmarks/results $(ARGS)

docs: setup ## write the tables of README.md, .runpod/ and schemas/, from the code
	@$(VENV) scripts/docs.py
	@$(VENV) scripts/schemas.py
	@$(VENV) scripts/runpod_files.py

lock: setup ## resolve pyproject.toml into the locks
	@scripts/lock.sh $(ARGS)

hooks: setup ## run the quick checks before every commit
	@$(VENV) -m pre_commit install

clean: ## remove everything that the other targets made
	rm -rf .venv .tools .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

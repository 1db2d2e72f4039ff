# The front door. `make demo` and `make test` install what they need; nothing but Python >= 3.11 and make is expected.

PYTHON ?= python3
GPU ?=
PAIRS ?=
REAL ?=
LAB ?=
MOVEMENTS ?= build/movements
CLIP ?=
UPGRADE ?=
VENV := .venv
BIN := $(VENV)/bin
REFERENCE := .venv-reference
UV := $(or $(shell command -v uv 2>/dev/null),.tools/bin/uv)
SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help install demo test test-training test-reference check format bench-speed bench-service bench-accuracy bench-analysis models images train-env lock vendor clean
.PHONY: docs docs-deploy smoke dist coverage test-wheel test-standalone networks

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(VENV)/.run  ## install HumanPose3D into .venv (with GPU=1: for CUDA 13)

demo: $(VENV)/.run  ## run the pipeline on the sample video; results in out/
	$(BIN)/humanpose3d run --video examples/sample.mp4 --height 1.72 --weight 70 --output out \
	    --estimate-missing --force-complete --plot-all-joint-angles --export-preview

test: $(VENV)/.test  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/page --ignore tests/wheel --ignore tests/standalone
	$(BIN)/python -m pytest tests/page  # apart: Playwright keeps an event loop running in its process

coverage: $(VENV)/.test  ## run the tests and measure which lines they reach, child processes included; build/coverage
	mkdir -p build/coverage
	COVERAGE_FILE=build/coverage/data $(BIN)/python -m pytest -n 2 --dist loadfile --ignore tests/page --ignore tests/wheel \
	    --ignore tests/standalone --cov --cov-report term:skip-covered --cov-report html:build/coverage/html

test-training: .venv-train/.torch  ## run the tests of the training, which need torch and OpenGL
	.venv-train/bin/python -m pytest tests/training

test-reference: $(REFERENCE)/.made  ## compare with Pose2Sim itself, in its own environment (about 2 GB)
	$(REFERENCE)/bin/python -m pytest -m reference

test-wheel: $(VENV)/.test | uv  ## build the wheel, install it into a clean environment and run it there
	PATH="$(CURDIR)/.tools/bin:$$PATH" $(BIN)/python -m pytest tests/wheel

test-standalone: $(VENV)/.test  ## build the standalone app for Linux and run it without Python and network
	PYTHON="$(PYTHON)" deploy/standalone/build.sh linux
	$(BIN)/python -m pytest tests/standalone

check: $(VENV)/.test  ## format, lint, types, import rule
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test  ## format and correct what the linter can correct
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

smoke:  ## build the images and try them out under Docker Compose, on Docker or podman
	deploy/smoke/run.sh

docs: .venv-docs/.made  ## build the documentation into build/docs; warnings are errors
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/python -m mkdocs build --strict

docs-deploy: .venv-docs/.made  ## put the documentation of DOCS_VERSION (also as DOCS_ALIAS) on the branch that is served
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mike deploy --push --update-aliases $(DOCS_VERSION) $(DOCS_ALIAS)
	$(if $(DOCS_ALIAS),.venv-docs/bin/mike set-default --push $(DOCS_ALIAS))

dist: $(VENV)/.test | uv  ## build the sdist and, from it, the wheel into dist/
	$(UV) build -q

bench-speed: $(VENV)/.test $(REFERENCE)/.made  ## speed against MediaPipe, Pose2Sim and OpenSim: LAB=folder of the laboratory's motions
	$(BIN)/python -m benchmarks.landmarkers
	$(BIN)/python -m benchmarks.speed --reference $(REFERENCE)/bin/python $(if $(LAB),--lab $(LAB))

bench-service: $(VENV)/.test  ## what the service costs and bears: load, memory, overhead against one process
	$(BIN)/python -m benchmarks.service

bench-accuracy: $(VENV)/.test  ## errors against the truth: PAIRS=rendered pairs, REAL=real people, CLIP=Pose2Sim's Demo_SinglePerson
	$(BIN)/python -m benchmarks.accuracy $(if $(PAIRS),--pairs $(PAIRS)) $(if $(REAL),--real $(REAL)) $(if $(CLIP),--clip $(CLIP))
	$(BIN)/python -m benchmarks.measured_errors

bench-analysis: .venv-train/.torch  ## events and key figures on rendered movements: MOVEMENTS=folder of clips, LAB=folders of motions
	.venv-train/bin/python -m benchmarks.analysis --movements $(MOVEMENTS) $(if $(LAB),--mocap $(LAB))

models: $(VENV)/.run  ## rebuild models/pose_landmarker_*.task from the npm package
	$(BIN)/python models/build_pose_landmarker.py

networks: .venv-convert/.made  ## rebuild models/pose_*.onnx from the .task bundles, in an environment of its own (2 GB)
	.venv-convert/bin/python models/build_pose_networks.py

lock: .tools/bin/uv  ## compile requirements/*.txt from pyproject.toml (with UPGRADE=1: at the newest versions)
	requirements/compile.sh $(UV) $(if $(UPGRADE),--upgrade)

pictures: $(VENV)/.test  ## take the images of the page in README and docs again (needs chromium)
	$(BIN)/python -m tests.page.screenshots

vendor:  ## fetch the page's libraries at their pinned versions (needs npm)
	deploy/vendor.sh

clean:  ## remove environments and results
	rm -rf $(VENV) $(REFERENCE) .venv-docs .venv-standalone .venv-convert .tools out build dist

# An environment is current when its stamp is newer than the requirement file it was made from.
RUN_REQUIREMENTS := requirements/$(if $(GPU),gpu,run).txt

$(VENV)/.run: $(RUN_REQUIREMENTS) pyproject.toml | $(VENV)/bin/python
	$(UV) pip sync -q --python $(BIN)/python --require-hashes $(RUN_REQUIREMENTS)
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@rm -f $(VENV)/.test && touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml | $(VENV)/bin/python
	$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements/test.txt
	$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@ $(VENV)/.run

$(REFERENCE)/.made: requirements/reference.txt pyproject.toml | $(REFERENCE)/bin/python
	$(UV) pip sync -q --python $(REFERENCE)/bin/python --require-hashes requirements/reference.txt
	$(UV) pip install -q --python $(REFERENCE)/bin/python --no-deps -e .
	@touch $@

.venv-docs/.made: requirements/docs.txt pyproject.toml | .venv-docs/bin/python
	$(UV) pip sync -q --python .venv-docs/bin/python --require-hashes requirements/docs.txt
	$(UV) pip install -q --python .venv-docs/bin/python --no-deps -e .
	@touch $@

.venv-convert/.made: requirements/convert.txt | .venv-convert/bin/python
	$(UV) pip sync -q --python .venv-convert/bin/python --require-hashes requirements/convert.txt
	@touch $@

train-env: .venv-train/.torch  ## install what training needs into .venv-train, torch among it

# torch's flavour (CPU or CUDA) is what pip finds right for this machine.
.venv-train/.torch: .venv-train/.stamp
	$(PYTHON) -m pip --python .venv-train/bin/python install -q --disable-pip-version-check torch==2.13.0
	@touch $@

.venv-train/.stamp: requirements/train.txt requirements/body.txt pyproject.toml | .venv-train/bin/python
	$(UV) pip sync -q --python .venv-train/bin/python --require-hashes requirements/train.txt
	$(UV) pip install -q --python .venv-train/bin/python --require-hashes --no-deps -r requirements/body.txt
	$(UV) pip install -q --python .venv-train/bin/python --no-deps -e .
	@touch $@

$(VENV)/bin/python $(REFERENCE)/bin/python .venv-docs/bin/python .venv-train/bin/python .venv-convert/bin/python: | uv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "HumanPose3D needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11")'
	$(UV) venv -q --no-python-downloads --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(@D:/bin=)

.PHONY: uv
uv:
	@command -v $(UV) >/dev/null || $(PYTHON) -m pip --version >/dev/null 2>&1 || { echo "pip is missing, which fetches what HumanPose3D needs. \
	Debian, Ubuntu: apt install python3-pip. Fedora: dnf install python3-pip. Elsewhere: python3 -m ensurepip" >&2; exit 1; }
	@command -v $(UV) >/dev/null || $(PYTHON) -m pip install -q --disable-pip-version-check --target .tools uv

.tools/bin/uv: uv ;

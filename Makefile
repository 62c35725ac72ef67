# make demo    everything from nothing to a prediction on a real photograph
# make test    every check and test that needs no GPU
# make serve   the server in the foreground; Ctrl-C stops it
# make help    all of them

PYTHON ?= python3
PYTHON310 ?= python3.10
VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
PIP    := $(PY) -m pip --disable-pip-version-check
STAMP  := $(VENV)/.installed
COINS  := model_store/coins.mar
LITSERVE := build/litserve/.installed
CRDS   := build/crds/.installed
# Each takes 3 GB with its servers; tests/distribution.py says which runs what.
TEST_PROCESSES ?= 2

.DELETE_ON_ERROR:
.PHONY: help setup demo serve lint tools test gpu compiled zoo bench bench-gpu torture soak cluster clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##\(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(STAMP)  ## make .venv and install everything into it (done by the others as well)

demo: $(COINS)  ## export the coins model, serve it, ask it about a photograph, draw the answer
	@$(PY) -m examples.coins.demo

serve: $(COINS)  ## serve model_store in the foreground; Ctrl-C stops it
	@$(PY) -m server

lint: $(STAMP)  ## style, types and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

tools: $(STAMP)  ## fetch nginx, openssl, prometheus, kustomize and chromium from Debian into build/tools, where this machine lacks them
	@$(PY) -m tests.tools.debian nginx openssl prometheus kustomize chromium

test: lint tools $(CRDS) $(COINS)  ## lint, and every test that needs no GPU
	# One thread: on a busy machine torch's threads wait for one another, ten times as long.
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(TEST_PROCESSES) --no-loadscope-reorder

gpu: $(STAMP)  ## what needs a GPU, on a machine that has one: its tests, then bench-gpu
	$(BIN)/pytest tests/gpu
	$(MAKE) bench-gpu

compiled: $(STAMP) .venv-compiled/.installed  ## the handler beside a Detectron2 with compiled operators; needs Python 3.10
	rm -rf build/compiled
	$(PY) -m tests.compiled.archives build/compiled
	OMP_NUM_THREADS=1 .venv-compiled/bin/python -m pytest -p no:cacheprovider --confcutdir=tests/compiled tests/compiled

.venv-compiled/.installed: tests/compiled/requirements.txt requirements-detectron2.txt
	@command -v $(PYTHON310) >/dev/null || { echo "No $(PYTHON310): name one: make compiled PYTHON310=/path/to/python3.10"; exit 1; }
	$(PYTHON310) -m venv .venv-compiled
	.venv-compiled/bin/pip install -r tests/compiled/requirements.txt
	.venv-compiled/bin/pip install --no-deps --require-hashes -r requirements-detectron2.txt
	@touch $@

zoo: $(STAMP)  ## every config of Detectron2's model zoo, exported and held against Detectron2; an hour, goes on where it stopped
	$(PY) -m fidelity zoo
	$(PY) -m fidelity batches

bench: $(STAMP) $(LITSERVE)  ## how fast it is on the CPU, against Detectron2 and others: 30 minutes on two quiet cores
	$(PY) -m benchmarks
	$(PY) -m benchmarks report benchmarks/results/*.json

bench-gpu: $(STAMP) $(LITSERVE)  ## the same on a GPU, ten minutes
	$(PY) -m benchmarks --gpu
	$(PY) -m benchmarks report benchmarks/results/*.json

torture: $(COINS)  ## faults on purpose, and what clients see of them: 30 minutes; writes docs/reliability.md
	$(PY) -m torture

soak: $(COINS)  ## an hour at 70 % of what a server can answer: does anything fail or grow?
	$(PY) -m torture soak --minutes 60

cluster: $(COINS)  ## Ray on three nodes of this machine: requests, a lost node, scaling, jobs; writes deploy/ray/results
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/cluster

# Apart from .venv, which holds what this project needs and nothing else.
$(LITSERVE): $(STAMP) benchmarks/requirements.txt
	rm -rf $(@D)
	$(PIP) install --no-deps --target $(@D) -r benchmarks/requirements.txt
	@touch $@

# What they need in turn would take the place of versions that others need; nothing of it is run.
$(CRDS): $(STAMP) tests/deploy/kubernetes/requirements.txt
	rm -rf $(@D)
	$(PIP) install --no-deps --target $(@D) -r tests/deploy/kubernetes/requirements.txt
	@touch $@

# Archives stay in build/ as well: docs/versions.md has new versions exported into it.
clean:  ## remove what the targets above have made, .venv included; your archives stay
	rm -rf $(VENV) .venv-compiled logs key_file.json $(COINS) $(COINS).sha256
	@if [ -d build ]; then \
		find build -mindepth 1 -maxdepth 1 ! -name '*.mar' ! -name '*.mar.sha256' -exec rm -rf {} +; \
		rmdir build 2>/dev/null || true; \
	fi
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The stamp is written last: an interrupted set-up goes on where it stopped.
$(STAMP): requirements.txt requirements-detectron2.txt requirements-dev.txt requirements-java.txt deploy/ray/requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON): install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V): Python 3.11 or newer is needed, name one: make PYTHON=/path/to/python3"; exit 1; }
	@echo "==> Making $(VENV) with $$($(PYTHON) -V)"
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "==> Installing the pinned packages (about 7 GB, most of it torch's CUDA libraries)"
	$(PIP) install -r requirements.txt -r requirements-dev.txt
	@echo "==> Installing Detectron2"
	$(PIP) install --no-deps --only-binary=:all: --python-version 3.10 --require-hashes --upgrade \
		--target "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
		-r requirements-detectron2.txt
	@$(PY) -c 'import cv2' 2>/dev/null || { \
		echo "==> Here is no libGL: the same OpenCV without windows, which are not used"; \
		$(PIP) install --no-deps --force-reinstall $$(sed -n 's/^opencv-python\(==[^ ]*\).*/opencv-python-headless\1/p' requirements.txt); \
		$(PY) -c 'import cv2'; }
	@echo "==> Looking for Java"
	@$(PY) -m server.java 2>/dev/null || { \
		echo "==> Installing a Java runtime into $(VENV)"; \
		$(PIP) install -r requirements-java.txt; \
		$(PY) -m server.java; }
	@touch $@

$(COINS): $(STAMP) $(shell find handler export -name '*.py' -o -name '*.yaml') $(wildcard examples/coins/config.yaml examples/coins/*.pth examples/coins/classes.txt)
	@echo "==> Exporting the coins model"
	@$(PY) -m export --config-file examples/coins/config.yaml --weights examples/coins/model_best.pth \
		--classes examples/coins/classes.txt --model-name coins --version 1.0 \
		--score-threshold 0.7 --force

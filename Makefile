# `make` alone lists the targets. PYTHON=... chooses the interpreter, ARGS="..." passes settings.
suitable = import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
first = $(shell for python in $(1); do $$python -c '$(suitable)' 2>/dev/null && echo $$python && break; done)
PYTHON ?= $(call first,python3.12 python3.11 python3.13 python3 python)
BIN := .venv/bin
PIP = -m pip -qq --disable-pip-version-check

.PHONY: help setup train table rerun report bench suite test check docs ui lock clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

setup: .venv/ready  ## make .venv with the pinned dependencies

train: ARGS ?= pretrain.epochs=2
train: .venv/ready  ## pre-train and classify: ARGS="pretrain.epochs=1 seed=3"
	@$(BIN)/python train.py $(ARGS)

# Each worker goes through the same studies, and starts with another: two don't wait for one pre-training. What is run,
# or being run by another, it leaves alone.
table: N ?= 50
table: EPOCHS ?= 0 1 2 3 4
table: SAMPLER ?= random
table: WORKERS ?= 1
table: .venv/ready  ## search each number of epochs: N=50 EPOCHS="0 1 2 3 4" WORKERS=1 SAMPLER=random ARGS="+experiment=imdb_1k vectors.path=glove.6B.zip"
	@set -- $(EPOCHS); for worker in $$(seq $(WORKERS)); do \
	  (for epochs; do \
	    $(BIN)/python train.py -m sweep=$(SAMPLER) hydra.sweeper.n_trials=$(N) pretrain.epochs=$$epochs $(ARGS) || exit; \
	  done) & workers="$$workers $$!"; \
	  first=$$1; shift; set -- "$$@" $$first; \
	done; status=0; for worker in $$workers; do wait $$worker || status=$$?; done; exit $$status

rerun: M ?= 10
rerun: .venv/ready  ## train the best setting of each study again, with M=10 fresh seeds
	@$(BIN)/python -m lmao.rerun --seeds $(M) $(ARGS)

report: .venv/ready  ## the studies as tables and plots, in report/
	@$(BIN)/python -m lmao.report $(ARGS)

bench: ARGS = --write
bench: .venv/ready  ## speed against spacy pretrain, side by side: a page in results/speed/
	@$(BIN)/python -m benchmarks $(ARGS)

suite: .venv/ready  ## accuracy with few labels beside others', in results/suite; resumes: ARGS="--data suite --imdb aclImdb_v1.tar.gz"
	@$(BIN)/python -m benchmarks.suite $(ARGS)

# One process a core, each with whole files: what a file's tests share is made once.
test: .venv/ready  ## run the tests
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=8 --dist=loadfile --no-loadscope-reorder \
	  --durations=25 --durations-min=5

check: .venv/ready  ## format, lint, types, which room imports which, documentation
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

docs: .venv/ready  ## the documentation, in site/: open site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

ui: .venv/ready  ## MLflow's UI on the runs in mlflow.db, at http://127.0.0.1:5000
	@echo "runs     http://127.0.0.1:5000"
	@echo "studies  optuna-dashboard sqlite:///optuna.db   (pip install optuna-dashboard)"
	@$(BIN)/mlflow ui

.venv/ready: requirements.lock pyproject.toml
	@$(if $(PYTHON),,echo "$(missing)" >&2; exit 2)
	@echo "making .venv with $(PYTHON): a few minutes"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/python $(PIP) install -r requirements.lock
	@$(BIN)/python $(PIP) install --no-deps --no-build-isolation -e .
	@$(BIN)/python -c "import lmao.engine.kernels"  # compiled once, here
	@touch $@

missing = error: no Python 3.11, 3.12 or 3.13 with its venv module is here: install one, python3.12 and python3.12-venv \
	for example, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python

# On the oldest Python, since what it can install the newer ones can too.
lock: PYTHON = $(call first,python3.11)
lock:  ## make requirements.lock again from pyproject.toml, in a fresh environment (Python 3.11)
	@$(if $(PYTHON),,echo "$(missing)" >&2; exit 2)
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(PYTHON) -m venv "$$folder"; \
	"$$folder/bin/python" $(PIP) install --upgrade setuptools; \
	"$$folder/bin/python" $(PIP) install -e ".[dev]"; \
	"$$folder/bin/python" -m pip freeze --all --exclude lmao-textcat --exclude pip | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' > "$$folder/lock"; \
	cp "$$folder/lock" requirements.lock; \
	echo "requirements.lock: $$(wc -l < requirements.lock) packages"

clean:  ## remove .venv and the tools' caches; runs and mlflow.db stay
	@rm -rf .venv build site *.egg-info .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

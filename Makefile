# Two commands matter: `make book` and `make test`. Each sets up what it needs.
.DEFAULT_GOAL := help
.PHONY: help setup book pdf test spark faults course lint format notebooks data montecarlo bench readme lock system lab serve clean

# Python 3.11 is what the committed outputs were made with; any later one will do.
PYTHON ?= $(or $(shell for p in python3.11 python3 python python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done), \
	$(error Python 3.11 or later is needed; name yours with make PYTHON=...))
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
JOBS ?= 2
ARGS ?=
# uv does not read what names a mirror for pip; tools/setup.py lets pip read what names one for uv.
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX ?= $(or $(UV_INDEX_URL),$(PIP_INDEX_URL))
endif

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' Makefile | while IFS=: read -r name text; do \
		printf '  make %-10s%s\n' "$$name" "$$text"; done

setup: ## create .venv from the lock, where it is missing or out of date
	@$(PYTHON) tools/setup.py

book: setup ## run the notebooks, compare with the committed, build the site (_build/html)
	$(BIN)/replication book $(ARGS)

pdf: setup ## print the built site as one PDF (_build/html/book.pdf), after `make book`
	@$(BIN)/python tools/system_packages.py
	$(BIN)/replication pdf

test: lint ## run all checks and tests, the notebooks' outputs included
	@$(BIN)/python tools/system_packages.py || test "$$CI" != true
	$(BIN)/pytest --nbval --nbval-current-env -n $(JOBS) --dist loadscope $(ARGS)

spark: setup ## build the panel on Spark, in an environment of its own, and compare (minutes)
	@$(BIN)/python tools/system_packages.py --java
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/spark
	$(BIN)/uv pip install --quiet --require-hashes --python build/spark -r tests/spark/requirements.txt
	PYTHONPATH=src $(subst .venv,build/spark,$(BIN))/python -m pytest -m spark tests/spark $(ARGS)

faults: setup ## kill the commands at every step and at random times (minutes)
	$(BIN)/pytest -m faults tests/faults -n $(JOBS) $(ARGS)

course: setup ## build a course and mark hand-ins with it (minutes)
	$(BIN)/pytest -m course tests/page/course $(ARGS)

lint: setup ## check style, format, types, imports between stages, dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry src

format: setup ## put the code into the project's format
	$(BIN)/ruff check --fix src tests tools book
	$(BIN)/ruff format

notebooks: setup ## run every notebook and keep its outputs and results
	$(BIN)/replication run --update $(ARGS)

data: setup ## simulate the records, build the panel and print the codebook
	$(BIN)/replication simulate --out data/records
	$(BIN)/replication build --records data/records --out data/panel.parquet
	$(BIN)/replication truth --out data/truth.csv
	$(BIN)/replication codebook

montecarlo: setup ## run the committed Monte Carlo again where its code has changed (an hour at most)
	$(BIN)/replication montecarlo --jobs $(JOBS) $(ARGS)

bench: setup ## time our tests for few clusters and large builds beside others (half an hour)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python build/benchmarks
	$(BIN)/uv pip install --quiet --require-hashes --python build/benchmarks -r benchmarks/requirements.txt
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=src $(subst .venv,build/benchmarks,$(BIN))/python \
		benchmarks/run.py $(ARGS)
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=src $(subst .venv,build/benchmarks,$(BIN))/python \
		benchmarks/scale.py
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=src $(subst .venv,build/benchmarks,$(BIN))/python \
		benchmarks/ingest.py
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=src $(subst .venv,build/benchmarks,$(BIN))/python \
		benchmarks/records.py

readme: setup ## print the generated parts of README.md and the deposit's checksums
	$(BIN)/replication readme $(ARGS)

# The peers have a lock of their own: with numba beside it, moderndid takes other ways. Spark has
# one, since it is larger than all the rest.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --quiet \
	--universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links

lock: setup ## resolve pyproject.toml into requirements.txt (ARGS=--upgrade for newer versions)
	$(COMPILE) --extra validation --extra course $(addprefix --group ,build tests lint lock) -o requirements.txt $(ARGS)
	$(COMPILE) --extra validation --group benchmarks -c requirements.txt -o benchmarks/requirements.txt $(ARGS)
	$(COMPILE) --extra spark --group tests -c requirements.txt -o tests/spark/requirements.txt $(ARGS)

system: setup ## install the browser and the Chinese fonts that the tests need
	$(BIN)/python tools/system_packages.py

# JupyterLab stands apart: its many packages would be in the lock of every reader.
lab: setup ## open the notebooks in JupyterLab (the first time it is downloaded)
	$(BIN)/python -m ipykernel install --prefix build/lab --name python3
	JUPYTER_PATH=$(CURDIR)/build/lab/share/jupyter $(BIN)/uv tool run --from "jupyterlab>=4,<5" \
		jupyter-lab --notebook-dir notebooks $(ARGS)

serve: ## show the built site on this machine, port 8000
	$(PYTHON) -m http.server --bind 127.0.0.1 --directory _build/html 8000

clean: ## remove what was built; .venv stays
	rm -rf _build build .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .hypothesis

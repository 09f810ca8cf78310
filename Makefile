# `make demo` runs the whole pipeline, `make test` runs the tests, `make bench` measures; all make the
# environment first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-fast bench check docs web lock audit install clean

demo: $(VENV)/.installed
	$(BIN)/cargan quickstart

# All tests, in two processes: most of the time goes into tracing graphs, which keeps one core busy.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# Those that start neither TensorFlow nor another process.
test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/unit

# Speed and memory beside a reference; half an hour, on a machine that does nothing else.
bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks --json benchmarks.json

# What must hold besides the tests: style, types, the direction of imports.
check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The configuration reference from the model, then the site into site/.
docs: $(VENV)/.installed-dev
	$(BIN)/python -m cargan_tf.config.markdown_reference > docs/reference/configuration.md
	$(BIN)/python -m mkdocs build --strict

# The page without a server, into the package, from where `cargan web OUT` writes it with a model.
# Needs Node.js 18 or later.
web:
	cd web && npm ci && npm run build

# What deployments install, to the hash; and what is known to be wrong with it, from PyPI's advisories.
LOCK := deploy/requirements.txt

lock: $(VENV)/.installed-dev
	head -2 $(LOCK) > $(LOCK).new
	$(BIN)/uv pip compile pyproject.toml --extra serve --extra page --extra video --quiet \
	  --generate-hashes --python-version 3.11 --no-header >> $(LOCK).new
	mv $(LOCK).new $(LOCK)

audit: $(VENV)/.installed-dev
	$(BIN)/pip-audit --requirement $(LOCK) --disable-pip --require-hashes --strict

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The stamps are made anew when the dependencies change, so a second call installs nothing.
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build site *.egg-info web/node_modules cargan_tf/demo/site

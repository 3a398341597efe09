# Ripplecut. Needs Python 3.11 or later with venv, make, and the package registries; no Node.

VENV := .venv
PY   := $(VENV)/bin/python
PIP  := $(PY) -m pip --disable-pip-version-check
DATA  = data
SOAK_SECONDS ?= 20
JOBS ?= 2

# Where an environment forbids to keep compiled modules, every start of the program would compile all
# of them again: that is half of what a start takes, and the tests start it a hundred times.
unexport PYTHONDONTWRITEBYTECODE

# Only HOST and PORT of make's command line count: many environments export one for other reasons.
# There, RIPPLECUT_HOST and RIPPLECUT_PORT are the program's own settings.
given = $(if $(findstring command,$(origin $1)),$($1))
ADDRESS = $(if $(call given,HOST),--host $(HOST)) $(if $(call given,PORT),--port $(PORT))
STRICTLY = $(if $(filter-out 0 no false,$(STRICT)),RIPPLECUT_TEST_STRICT=1)

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench soak pictures lock clean page dev

help:
	@echo 'make run     the demo production on http://127.0.0.1:8000   [HOST=…] [PORT=…] [DATA=data]'
	@echo 'make test    every test   [STRICT=1: what is skipped fails] [ARGS="-k name"] [JOBS=$(JOBS)]'
	@echo 'make soak    the long tests, with a fixed budget   [SOAK_SECONDS=$(SOAK_SECONDS) each]'
	@echo 'make lint    ruff, mypy, the import layers, the page'
	@echo 'make bench   the measurements   [ARGS=…]'
	@echo 'make pictures  the screenshots of the README'
	@echo 'make setup   what make run does before it serves'
	@echo 'make lock    take the newest versions of what is depended on'
	@echo 'make clean   remove what was built and installed (not the data)'

setup: $(VENV)/.installed

run: setup
	@exec $(VENV)/bin/ripplecut serve --demo --data '$(DATA)' $(ADDRESS)

test: dev
	$(PY) static/page.py npm test
	$(STRICTLY) $(PY) -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(ARGS)

# --session-timeout ends the whole, whatever the tests make of their own budget.
soak: dev
	@if grep -rqs --include='*.py' 'mark\.soak' tests; then \
	    echo '$(PY) -m pytest -m soak' && \
	    $(STRICTLY) RIPPLECUT_SOAK_SECONDS=$(SOAK_SECONDS) $(PY) -m pytest -m soak \
	        --hypothesis-profile=soak --timeout=600 --session-timeout=3000 $(ARGS); \
	else echo 'No test is marked soak: nothing to do.'; fi

lint: dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) static/page.py npm run lint

bench: dev
	$(PY) -m bench $(ARGS)

pictures: dev
	$(PY) -m bench.screenshots

lock: $(PY)
	$(PY) .ci/lock.py

clean:
	rm -rf $(VENV) dist build server/web/page static/node_modules
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── What the targets above stand on ──────────────────────────────────────────────────────────────

dev: $(VENV)/.installed-dev

# Where a Python is removed, the link dangles and the venv is made anew.
$(PY):
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        echo "Making $(VENV) with $$("$$python" --version) …"; \
	        "$$python" -m venv --clear $(VENV) && exit 0; \
	        rm -rf $(VENV); \
	        echo "That Python has no working venv (Debian: apt-get install python3-venv)." >&2; \
	        exit 1; \
	    fi; \
	done; \
	echo "Ripplecut needs Python 3.11 or later; python3 here is: $$(python3 --version 2>&1)." >&2; \
	echo "Name another one with: make PYTHON=/path/to/python3" >&2; \
	exit 1

# Looks at the content of static/ by itself, and does nothing where the page is current.
page: | $(PY)
	@$(PY) static/page.py build

$(VENV)/.installed: pyproject.toml requirements.lock hatch_build.py | $(PY) page
	@echo 'Installing Ripplecut …'
	@$(PIP) install --quiet -c requirements.lock -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml requirements.lock requirements-dev.lock hatch_build.py | $(PY) page
	@echo 'Installing Ripplecut and its tools …'
	@$(PIP) install --quiet -c requirements-dev.lock -e '.[dev]'
	@touch $(VENV)/.installed $@

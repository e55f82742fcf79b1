# `make run` starts the program, `make test` runs all tests, `make quick` the fast ones, `make demo` invented patients.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# OpenMP threads that spin beside another busy process cost 40 times the work.
export OMP_WAIT_POLICY ?= PASSIVE
# Python keeps what it compiled, wherever the caller forbids it: the tests start hundreds of processes.
export PYTHONDONTWRITEBYTECODE :=

# Files of tests run beside each other, one a core, each on one thread.
AT_ONCE ?= --numprocesses logical --dist loadfile --no-loadscope-reorder
ONE_THREAD := OMP_NUM_THREADS=1

.PHONY: run demo test alone together quick machines attacks check format newest lock clean

$(VENV)/run.stamp: requirements.txt constraints.txt pyproject.toml
	@echo "Installing the packages: about 3 GB are downloaded and 6 GB written. This takes minutes, without a word."
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -r requirements.txt
	touch $@

# In one go with what `make run` needs. Python compiles what is used when it is used: all of it would take a minute.
$(VENV)/dev.stamp: requirements-dev.txt constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --no-compile -r requirements-dev.txt
	touch $(VENV)/run.stamp $@

run: $(VENV)/run.stamp
	$(BIN)/python -m clinic migrate
	@echo "Open http://127.0.0.1:$${STREAMLIT_SERVER_PORT:-8501} in a browser. The first time it asks for a code, which is printed below. Ctrl+C stops."
	$(BIN)/streamlit run streamlit_app.py

demo: $(VENV)/run.stamp
	$(BIN)/python -m clinic demo
	@echo "Open http://127.0.0.1:$${STREAMLIT_SERVER_PORT:-8501} in a browser: invented patients, in a database of their own. Sign in as printed above."
	FER_DEMO=1 $(BIN)/streamlit run streamlit_app.py

test: $(VENV)/dev.stamp
	$(MAKE) --no-print-directory alone
	$(MAKE) --no-print-directory together

alone: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m alone tests/train

together: $(VENV)/dev.stamp
	$(ONE_THREAD) $(BIN)/python -m pytest -m "not alone and not machines" $(AT_ONCE)

# Leaves out what is marked slow: browsers, PostgreSQL, processes that are started and killed, training, simulations,
# walks over tables.
quick: $(VENV)/dev.stamp
	$(ONE_THREAD) $(BIN)/python -m pytest -m "not slow and not alone and not machines" $(AT_ONCE)

# Boots a second machine with all units, and lets two machines share one database. Needs root, systemd-container,
# nginx-light and iproute2, and an otherwise idle computer for ten minutes.
machines: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m machines tests/deploy

# Tries every attack of the tests, and writes docs/attacks.md with the answers and docs/roles.md with the roles.
attacks: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m attack --attacks=docs/attacks.md
	$(BIN)/python -m tests.roles

check: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Takes the newest releases that pyproject.toml allows. Then: make check test lock.
newest: $(VENV)/dev.stamp
	$(PIP) install --upgrade --upgrade-strategy eager --editable .[app,train,cluster,dev]

# Writes down the releases that are installed, and so were tried: in a fresh environment (make clean newest).
lock: $(VENV)/dev.stamp
	echo "# The releases that were tried together. Written by 'make lock'; pyproject.toml says which are allowed." > constraints.txt
	$(PIP) freeze --exclude-editable >> constraints.txt
	touch $(VENV)/run.stamp $(VENV)/dev.stamp

clean:
	rm -rf $(VENV)

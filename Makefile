# `make run` starts the program, `make test` runs all tests, `make check` the linters, `make demo` invented patients.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# OpenMP threads that spin beside another busy process cost 40 times the work.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: run demo test attacks check format clean

$(VENV)/run.stamp: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt requirements-train.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: $(VENV)/run.stamp
	$(BIN)/python -m clinic migrate
	@echo "Open http://127.0.0.1:8501 in a browser. The first time it asks for a code, which is printed below. Ctrl+C stops."
	$(BIN)/streamlit run streamlit_app.py

demo: $(VENV)/run.stamp
	$(BIN)/python -m clinic demo
	@echo "Open http://127.0.0.1:8501 in a browser: invented patients, in a database of their own. Sign in as printed above."
	FER_DEMO=1 $(BIN)/streamlit run streamlit_app.py

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

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

clean:
	rm -rf $(VENV)

# Two commands for everybody: "make demo" and "make test". Each makes its own .venv and installs what it needs.
PYTHON ?= python3
VENV ?= .venv
PANDAS ?= pandas>=3,<4
BIN = $(VENV)/bin
# one more than there are cores, because tests wait for servers
JOBS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')

.PHONY: demo test test-pandas2 test-long fuzz check format bench bench-links clean

$(VENV)/demo.done: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[sandbox]" "$(PANDAS)"
	@touch $@

$(VENV)/dev.done: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[dev]" "$(PANDAS)"
	@touch $@

demo: $(VENV)/demo.done
	@$(BIN)/insight-frames demo

test: $(VENV)/dev.done
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not long" $(ARGS)

test-long: $(VENV)/dev.done
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m long $(ARGS)

test-pandas2:
	$(MAKE) test VENV=.venv-pandas2 PANDAS="pandas==2.2.*"

fuzz: $(VENV)/dev.done
	FUZZ_MUTATIONS=100000 $(BIN)/python -m pytest -n $(JOBS) tests/fuzz $(ARGS)

check: $(VENV)/dev.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.done
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venv-pandas2 build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

bench: $(VENV)/dev.done
	$(BIN)/python -m benchmarks $(ARGS)

bench-links: $(VENV)/dev.done
	$(BIN)/python -m benchmarks.links $(ARGS)

# The habits of this project. `make` alone lists them.
PYTHON ?= .venv/bin/python
DATA ?= ../shared/data

.PHONY: help setup test lint bench nightly docs weights reference

help:
	@grep -E '^[a-z]+:.*#' Makefile | sed 's/:.*# /\t/' | expand -t 12

setup:  # a virtual environment for work on troth
	python3 -m venv .venv && .venv/bin/pip install -q -e '.[test,bench]'

test:  # all tests
	$(PYTHON) -m pytest -n auto --dist worksteal

lint:  # style, import order, types
	$(PYTHON) -m ruff check . && $(PYTHON) -m ruff format --check . && .venv/bin/pyright --pythonpath $(PYTHON)

bench:  # speed, memory and growth, each beside what a user would pick instead
	$(PYTHON) -m pytest -q -m timed
	for each in bench/*.py; do echo "== $$each"; $(PYTHON) $$each || exit 1; done

nightly:  # what takes hours: 200,000 altered inputs for each reader, 50,000 calls of the API, an import killed at 100 points
	TROTH_FUZZ=200000 TROTH_KILLS=100 $(PYTHON) -m pytest -q $$(grep -lE "mutations|TROTH_FUZZ|TROTH_KILLS" tests/test_*.py)

docs:  # the pages that are made from the code
	$(PYTHON) docs/make.py

weights:  # train, calibrate and export the encoder from labelled data
	$(PYTHON) -m training.build --data $(DATA)

reference:  # measure the reference population with the shipped encoder
	$(PYTHON) -m training.reference --data $(DATA)

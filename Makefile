# Every target builds .venv when it is missing or older than what it is built from.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Tests wait more than they work, so two cores take five.
WORKERS ?= 5
# An empty value keeps what Python compiles, whatever the caller's environment says: without that,
# each of the thousand processes that tests start would compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test check format bench scores soak fuzz mutation gallery docs man dist test-all clean
help:            ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

$(STAMP): pyproject.toml constraints.txt hatch_build.py harness/wireproof/load/swarm/compiled_turn.pyx
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "wireproof needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	touch $@

demo: $(STAMP)   ## the main job against the reference server; leaves reports/latest/
	$(BIN)/wireproof run

# What measures time comes behind, alone.
test: $(STAMP)   ## every test
	$(BIN)/python -m pytest -n $(WORKERS) -m "not quiet"
	$(BIN)/python -m pytest -m quiet

check: $(STAMP)  ## lint, format, spelling, dead code and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell harness reference_server tests reports/README.md docs *.md Makefile pyproject.toml
	$(BIN)/vulture
	$(BIN)/mypy

format: $(STAMP) ## put the code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

gallery: $(STAMP) ## real servers: install them all, judge them, print the table
	$(BIN)/python -m tests.real_servers --install --markdown reports/gallery.md $(GALLERY)

bench: $(STAMP)  ## ratios against other servers and clients, interleaved in one run
	$(BIN)/python -m tests.bench

scores: $(STAMP) ## faults of the zoo caught, false alarms on its sound variants
	$(BIN)/python -m tests.scores

soak: $(STAMP)   ## ten thousand connections at once, a hundred thousand in turn
	$(BIN)/python -m tests.soak

fuzz: $(STAMP)   ## readers of files, and oracles, against bytes guided by coverage (FUZZ_SECONDS=600)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz

mutation: $(STAMP) ## mutants of oracles, framings and figures: the share that tests kill, and survivors
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutation]'
	$(BIN)/python -m tests.mutation

docs: $(STAMP)   ## the site, built strictly into build/site: a dead link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

man: $(STAMP)    ## a man page for each command, into build/man
	$(BIN)/python -m docs.man_pages build/man

dist: $(STAMP)   ## sdist and wheel, built into dist/ and checked
	$(BIN)/python -m hatchling build
	$(BIN)/python -m twine check --strict dist/*

test-all:        ## the tests under every interpreter from 3.11 up that is found
	@for minor in 11 12 13 14 15; do \
	  interpreter=$$(command -v python3.$$minor) || continue; \
	  $(MAKE) test PYTHON=$$interpreter VENV=.venv-3.$$minor || exit 1; \
	done

clean:           ## remove what was built
	rm -rf $(VENV) .venv-3.* mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis

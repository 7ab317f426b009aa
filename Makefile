# make book    the environment if it is missing, every chapter, the site; ARGS="--tier full --device cuda"
# make course  the students' and the instructors' edition, notebooks and assignments in _build/course
# make test    the tests; ARGS="-m slow": those that take seconds each; ARGS="-m browser": that open pages in Chromium
# make serve   the built site on this machine, PORT=8000
# make pdf     the book and its chapters as PDF, linked from the built site (needs Chromium)
# make figures every figure as SVG and PDF in _build/figures
# make portability  tests and chapters under other processors' arithmetic, 1 and 2 threads; ARGS=--quick, --list
# make lint    style, types, and the order of the package's floors
# make clean   remove _build; distclean also removes .venv

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
BIN := .venv/bin
# no script of .venv: the shell would read the path of this folder in it, where a $ or a quote means something
COMMAND := $(BIN)/python -P -m claimbook.cli
STAMP := .venv/.installed

.PHONY: book course test serve pdf figures portability lint clean distclean

book: $(STAMP)
	@$(COMMAND) build $(ARGS)

course: $(STAMP)
	@$(COMMAND) course $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 $(ARGS)

serve: $(STAMP)
	@$(COMMAND) serve --port $(PORT)

pdf: $(STAMP)
	@$(COMMAND) pdf

figures: $(STAMP)
	@$(COMMAND) figures $(ARGS)

portability: $(STAMP)
	@$(BIN)/python tests/portability.py $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/pyright
	@$(BIN)/lint-imports

$(STAMP): requirements.txt pyproject.toml src/claimbook/pyproject.toml book/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: '$(PYTHON)' is missing or older than Python 3.11: name another one, for example make PYTHON=python3.12" >&2; \
	  exit 2; }
	@echo "installing the pinned packages into .venv (once; some minutes)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

clean:
	rm -rf _build

distclean: clean
	rm -rf .venv

"""How many mutants of the judges the tests kill: `python -m tests.mutation`."""

"""Reports: pure functions of the result file, and the environment that goes into it."""

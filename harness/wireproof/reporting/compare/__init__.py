"""Two result files, judged against each other."""

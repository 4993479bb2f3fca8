"""A result file for other programs: tables, test reports, metrics."""

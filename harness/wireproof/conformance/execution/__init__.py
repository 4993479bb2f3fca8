"""Executing plans on real connections, each judged as it goes."""

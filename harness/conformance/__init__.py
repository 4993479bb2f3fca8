"""Conformance: the catalogue, the engine that executes it, and the evidence."""

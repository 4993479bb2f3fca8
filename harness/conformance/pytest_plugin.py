"""The pytest face of the catalogue."""

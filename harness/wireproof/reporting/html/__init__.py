"""The page: one self-contained file."""

"""The catalogue as pytest items, for any server: `pytest --pyargs wireproof.conformance`."""

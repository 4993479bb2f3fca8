"""The catalogue as pytest items, for any server: `pytest --pyargs harness.conformance`."""

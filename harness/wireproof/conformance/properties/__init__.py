"""The properties: for each requirement, the plans that test it."""

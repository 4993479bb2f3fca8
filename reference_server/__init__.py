"""A timestamp server: the embedded default, the yardstick and the model to read."""

"""A connection of a load, from the socket up to its way round a ring."""

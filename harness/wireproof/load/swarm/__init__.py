"""The swarm: one loop that drives all connections of a process and verifies every reply."""

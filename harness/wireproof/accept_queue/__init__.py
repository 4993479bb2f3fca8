"""The accept queue: how deep it is, and what a burst of connects sees when it is full."""

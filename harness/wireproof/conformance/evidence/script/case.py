"""What is replayed; a script has the recorded case in its place."""

CASE = {}

"""What is tried on a command, and what comes of it; nothing is told yet."""

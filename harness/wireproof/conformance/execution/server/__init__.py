"""What the server's own processes show while plans are executed."""

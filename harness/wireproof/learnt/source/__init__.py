"""What was learnt as the source of a protocol file."""

"""What was found, in words, records and files."""

"""What is left of a failure: files with which anyone can see it again."""

"""One run of a command under one schedule."""

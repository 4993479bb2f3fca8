"""A relay between any command and any server, which cuts the streams of both."""

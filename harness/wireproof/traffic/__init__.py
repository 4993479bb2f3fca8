"""Where traffic comes from: captures, recordings, files of requests, and the relay that records."""

"""Messages whose size can be changed: the numbers in them that count bytes, and what then moves."""

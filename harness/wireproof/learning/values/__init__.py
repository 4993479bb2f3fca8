"""The kinds of values that replies hold: numbers, dates, lengths, binary fields."""

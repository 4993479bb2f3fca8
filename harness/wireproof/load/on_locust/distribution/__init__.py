"""Master and workers: who belongs to the run, and what they may tell each other."""

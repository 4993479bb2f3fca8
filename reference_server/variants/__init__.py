"""The zoo, a file a kind of fault, and one for the sound variants; `faults.py` lists them all."""

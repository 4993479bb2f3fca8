"""How good the catalogue is: the faults of the zoo that it catches, and its false alarms.

zone.py      a time zone in which every fault of time can be seen on every day
record.py    what one run showed, kept in a file of its own, so that work can be done in pieces
minima.py    the smallest conversation found, beside the one that the zoo notes
judging.py   one run of the catalogue against one variant
scripts.py   its evidence scripts, against the fault and against the sound server
table.py     the kill matrix and both scores, from the records
"""

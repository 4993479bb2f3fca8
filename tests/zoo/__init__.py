"""A small store with a log-in: sound, with one defect, or sound and odd.

protocol.py  what it speaks: a variable-length header, identifiers, values of all sizes
server.py    the sound server, a thread for each connection
defects.py   one class for each defect, with the requirement that must find it
odd.py       sound ones that come close
test_zoo.py  each defect is found, under the right id; the sound pass

python -m tests.zoo.server NAME [PORT] serves one of them and prints its port.
"""

"""The parts of the scripts that replay a failure with nothing but Python's standard library.

Each is a module by itself, and ends up in a script as it stands: see `assembly`. They are programs
for any Python from 3.9 on, to be read by whoever has to fix a server: no types, and functions as
plain as they come.
"""

"""Servers with one defect each, and servers that are odd but sound; `faults.py` lists them."""

"""Wireproof: does your socket server hold up on the wire?"""

__version__ = "0.1.0"

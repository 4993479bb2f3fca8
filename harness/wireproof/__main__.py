"""`python -m wireproof` is `wireproof`."""

from wireproof.cli import main

main()

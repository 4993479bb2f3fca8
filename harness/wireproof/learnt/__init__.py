"""A protocol made of what was learnt: scripts of whole conversations, and what judges by them."""

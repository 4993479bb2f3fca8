"""What a worker counts, in which phase, and what of it the kernel times."""

"""Floor 2: sockets, and what the kernel knows of them."""

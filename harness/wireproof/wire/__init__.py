"""The wire: sockets, deadlines, what is seen on them, and the kernel's own word on delivery."""

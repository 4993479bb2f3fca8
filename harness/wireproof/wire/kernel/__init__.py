"""What the kernel knows of sockets and processes, and how it is asked."""

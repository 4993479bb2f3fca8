"""`python fragile_server.py PORT WAY`: an echo of lines that one thing ends.

WAY is `sound`; `partial`: it exits on a read that ends inside a line; `reset`: it aborts on one;
`slow`: sound, and takes 50 ms a read; `hang`: a read of 4,096 bytes and more is answered, and from
then on nobody is served.
"""

import os
import socket
import sys
import threading
import time

PORT, WAY = int(sys.argv[1]), sys.argv[2]
hung = threading.Event()


def serve(client: socket.socket) -> None:
    """Serve one connection."""
    buffer = b""
    try:
        while data := client.recv(65536):
            buffer += data
            if WAY == "partial" and not buffer.endswith(b"\n"):
                os.write(1, b"assertion failed: whole lines only\n")
                os._exit(3)
            if WAY == "slow":
                time.sleep(0.05)
            *lines, buffer = buffer.split(b"\n")
            client.sendall(b"".join(line + b"\n" for line in lines))
            if WAY == "hang" and len(data) >= 4096:
                hung.set()
    except ConnectionError:
        if WAY == "reset":
            os.write(1, b"uncaught: connection reset\n")
            os.abort()
    finally:
        client.close()


with socket.create_server(("127.0.0.1", PORT), backlog=128) as server:
    while True:
        accepted = server.accept()[0]
        if hung.is_set():
            threading.Event().wait()
        threading.Thread(target=serve, args=(accepted,), daemon=True).start()

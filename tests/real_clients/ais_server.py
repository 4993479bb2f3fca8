"""Three AIS reports for whoever connects, then the end of the stream."""

import contextlib
import socket
import sys
import threading

REPORTS = (
    b"!AIVDM,1,1,,B,15M67FC000G?ufbE`FepT@3n00Sa,0*5C\r\n"
    b"!AIVDM,1,1,,A,13HOI:0P0000VOHLCnHQKwvL05Ip,0*23\r\n"
    b"!AIVDM,1,1,,B,133sVfPP00PD>hRMDH@jNOvN20S8,0*7F\r\n"
)


def _tell(peer: socket.socket) -> None:
    with peer, contextlib.suppress(OSError):
        peer.sendall(REPORTS)
        peer.shutdown(socket.SHUT_WR)
        peer.recv(1)


with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64) as listener:
    while True:
        threading.Thread(target=_tell, args=(listener.accept()[0],), daemon=True).start()

"""TLS: the context, a self-signed pair, and a connection in a worker's loop."""

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
from pathlib import Path
from select import EPOLLIN, EPOLLOUT

from reference_server.config import Config
from reference_server.connection import Connection, Loop
from reference_server.errors import StartError

_VALID_DAYS = 30


def server_context(config: Config) -> ssl.SSLContext | None:
    """The context that the configuration asks for; None without TLS.

    Raises:
        StartError: certificate or key cannot be read or made.

    """
    if config.tls_cert is None and not config.tls_self_signed:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that ends with TCP's end alone has ended its input: it gets what it is owed. OpenSSL
    # would answer with an alert. Chunks have no meaning that truncation could change.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_IGNORE_UNEXPECTED_EOF
    # A client that never reads would leave the tickets unread and turn its close into a reset.
    context.num_tickets = 0
    with tempfile.TemporaryDirectory() as scratch:
        cert = Path(config.tls_cert or f"{scratch}/cert.pem")
        key = Path(config.tls_key or f"{scratch}/key.pem")
        try:
            if config.tls_self_signed:
                _write_self_signed(cert, key, config.host or "localhost")
            context.load_cert_chain(cert, key)
        except OSError as error:  # ssl.SSLError is one
            raise StartError(f"cannot use {cert} and {key}: {error}") from None
    return context


def _write_self_signed(cert: Path, key: Path, host: str) -> None:
    # Lazy: it is optional, and makes a start half as long again.
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise StartError(
            "a self-signed pair needs the cryptography package: pip install 'wireproof[tls]'"
        ) from None
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "reference server")])
    alternatives: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    with contextlib.suppress(ValueError):
        alternatives.append(x509.IPAddress(ipaddress.ip_address(host)))
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    cert.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def wrapped(sock: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
    """The socket behind TLS, the handshake still to come; itself without a context.

    Raises:
        ConnectionResetError: the peer has gone already.

    """
    if context is None:
        return sock
    try:
        return context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:  # as the wrapper calls what it finds of a reset
        raise ConnectionResetError(str(error)) from None


class TlsConnection(Connection):
    """A connection whose bytes go through OpenSSL; the handshake is part of the first reads."""

    __slots__ = ("_tls",)

    def __init__(self, sock: socket.socket, loop: Loop) -> None:
        super().__init__(sock, loop)
        assert isinstance(sock, ssl.SSLSocket)
        self._tls = sock

    def receive(self) -> None:
        """Read and answer until OpenSSL holds nothing more, which epoll could not see."""
        try:
            more = True
            while more:
                data = self._tls.recv(self.loop.read_bytes)
                if not data:
                    self.end_of_input()
                    return
                left = self._send_what_fits(self._framer.frames(data))
                if left:
                    self.owe(left)
                more = not left and self._tls.pending() > 0
        except ssl.SSLWantReadError:
            return
        except ssl.SSLWantWriteError:  # a handshake longer than the kernel takes at once
            self.loop.watch(self, EPOLLOUT, self._receive_again)
        except OSError:
            self.close()

    def _receive_again(self) -> None:
        self.loop.watch(self, EPOLLIN, self.receive)
        self.receive()

    def flush(self) -> None:
        """Send on what is owed; then read, first what OpenSSL may hold."""
        try:
            self.owed = self._send_what_fits(self.owed)
        except OSError:
            self.close()
            return
        if not self.owed:
            self._receive_again()

    def _send_what_fits(self, replies: bytes) -> bytes:
        try:
            while replies:
                replies = replies[self._tls.send(replies) :]
        except ssl.SSLWantWriteError:
            pass
        return replies

    def end_of_input(self) -> None:
        """Answer the peer's close_notify with ours, then close."""
        with contextlib.suppress(OSError):
            self._tls.unwrap()
        self.close()

    def end_output(self) -> None:
        """Send close_notify, then TCP's end."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        super().end_output()

"""Certificates that sign themselves: one for loopback, and one to distrust."""

import datetime as dt
import functools
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


def certified(folder: Path) -> ssl.SSLContext:
    """Return the context of a server on loopback; `write_certificate` has the file."""
    return _context(write_certificate(folder))


def write_certificate(folder: Path) -> Path:
    """Write a key with its certificate for `localhost`, both in one file."""
    file = folder / "certificate.pem"
    file.write_bytes(_signed("localhost", dt.datetime.now(dt.UTC) - _DAY, 2 * _DAY))
    return file


@functools.cache
def server_context() -> ssl.SSLContext:
    """Return the context of a server whose certificate is expired, and for another host."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(_signed("elsewhere.invalid", dt.datetime(2001, 1, 1, tzinfo=dt.UTC), _DAY))
        file.flush()
        return _context(Path(file.name))


def _signed(host: str, begun: dt.datetime, length: dt.timedelta) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + length)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context

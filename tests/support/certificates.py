"""Certificates: for loopback, one to distrust, and an authority with the clients that it knows."""

import datetime as dt
import functools
import ssl
import tempfile
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Authority:
    """Who vouches for clients: files in a folder.

    Attributes:
        context: of a server on loopback that lets in nobody else, TLS 1.3.
        certificate: a client's.
        key: its key, in a file of its own.
        stranger: a certificate with its key, that the authority knows nothing of.

    """

    context: ssl.SSLContext
    certificate: Path
    key: Path
    stranger: Path


def authority(folder: Path) -> Authority:
    """Make an authority of one's own, and a server that asks clients for its signature."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    now = dt.datetime.now(dt.UTC)
    root = (
        _built(name, name, own, now - _DAY, 2 * _DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(own, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    client = _built(subject, name, key, now - _DAY, 2 * _DAY).sign(own, hashes.SHA256())
    files = {name: folder / f"{name}.pem" for name in ("authority", "client", "key", "stranger")}
    files["authority"].write_bytes(root.public_bytes(serialization.Encoding.PEM))
    files["client"].write_bytes(client.public_bytes(serialization.Encoding.PEM))
    files["key"].write_bytes(_private(key))
    files["stranger"].write_bytes(_signed("stranger", now - _DAY, 2 * _DAY))
    context = certified(folder)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(files["authority"])
    return Authority(context, files["client"], files["key"], files["stranger"])


def _signed(host: str, begun: dt.datetime, length: dt.timedelta) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = _built(name, name, key, begun, length).sign(key, hashes.SHA256())
    return _private(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _built(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    begun: dt.datetime,
    length: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + length)
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context

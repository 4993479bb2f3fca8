"""TLS as a client speaks it: any certificate is taken, and ours is shown where there is one.

Ours is a matter of the whole process and of those that it starts: commands, load workers, pytest
and users' locustfiles find it in the environment, where `--tls-cert` and `--tls-key` put it.
"""

import functools
import os
import ssl

from wireproof.errors import UsageError

CERTIFICATE = "WIREPROOF_TLS_CERT"
KEY = "WIREPROOF_TLS_KEY"
_RECORD_BYTES = 16384  # RFC 8446, section 5.1
_MISSING = {
    "certificate required",
    "handshake failure",
    # asyncio's servers end the connection without an alert
    "no handshake",
    "unexpected eof while reading",
    "the connection ends after the handshake",
}
_DISTRUSTED = {
    "unknown ca",
    "bad certificate",
    "certificate unknown",
    "certificate expired",
    "certificate revoked",
    "unsupported certificate",
    "access denied",
}


def client_tls() -> ssl.SSLContext:
    """Return what a client speaks TLS with that takes any certificate.

    Raises:
        UsageError: our own certificate cannot be used.

    """
    return _context(os.environ.get(CERTIFICATE, ""), os.environ.get(KEY, ""))


@functools.cache
def _context(certificate: str, key: str) -> ssl.SSLContext:
    # The server's certificate is not what is tested here, and test servers sign their own.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if key and not certificate:
        raise UsageError("--tls-key has no certificate", "add --tls-cert FILE")
    if certificate:
        _show(context, certificate, key)
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str) -> None:
    for path in filter(None, (certificate, key)):
        try:
            with open(path, "rb"):  # noqa: PTH123 - ssl's own error does not say which file
                pass
        except OSError as error:
            raise UsageError(f"cannot read {path!r}: {error.strerror}") from None
    try:
        context.load_cert_chain(certificate, key or None, password=_no_password)
    except _EncryptedKeyError:
        named = key or certificate
        raise UsageError(
            f"the key in {named!r} is encrypted", f"write openssl pkey -in {named} -out plain.pem"
        ) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError(f"the key is not that of the certificate {certificate!r}") from None
        if key:
            raise UsageError(
                f"{certificate!r} and {key!r} are not a certificate and its key", "both are PEM"
            ) from None
        raise UsageError(
            f"{certificate!r} is not a certificate with its key, in PEM",
            "if the key is in a file of its own, add --tls-key FILE",
        ) from None


class _EncryptedKeyError(Exception):
    pass


def _no_password() -> str:
    raise _EncryptedKeyError


def alert_words(error: ssl.SSLError) -> str:
    """Return in a few words why TLS failed."""
    return (error.reason or "no handshake").replace("_", " ").lower()


def certificate_wanted(reason: str) -> str:
    """Return what to do where a server refuses us for our certificate, or for having none.

    Args:
        reason: as `alert_words` has it, or as a connect's reason.

    """
    alert = reason.rpartition(" alert ")[2].removeprefix("no TLS, ")
    if alert in _MISSING and not os.environ.get(CERTIFICATE):
        return "if it asks for a certificate, add --tls-cert FILE --tls-key FILE"
    if alert in _MISSING | _DISTRUSTED and os.environ.get(CERTIFICATE):
        return "name a certificate that the server trusts with --tls-cert"
    return ""


def send_records(secured: ssl.SSLSocket, data: bytes | memoryview) -> int:
    """Hand bytes to TLS record by record, and return how many it took.

    Of more than a record, `SSLSocket.send` raises SSLWantWriteError also where the first ones have
    left: the peer would answer what nobody knows to be sent. What was refused is offered again
    from its beginning (SSL_write(3), SSL_MODE_ENABLE_PARTIAL_WRITE).

    Raises:
        ssl.SSLWantReadError: none can be taken now.
        ssl.SSLWantWriteError: none can be taken now.
        OSError: the connection is gone.

    """
    view = memoryview(data)
    taken = 0
    try:
        while taken < len(view):
            taken += secured.send(view[taken : taken + _RECORD_BYTES])
    except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
        if not taken:
            raise
    return taken

"""Our own certificate: what of it cannot be used, and what a server says that wants another."""

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.certificates import Authority, authority
from wireproof.errors import UsageError
from wireproof.wire.client_tls import CERTIFICATE, KEY, certificate_wanted, client_tls


@pytest.fixture
def known(tmp_path: Path) -> Authority:
    """An authority with its client."""
    return authority(tmp_path)


def _encrypted(plain: Path) -> Path:
    key = serialization.load_pem_private_key(plain.read_bytes(), None)
    locked = plain.with_name("locked.pem")
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return locked


def test_what_cannot_be_used_is_told_with_what_to_write(
    known: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing file, a missing key, another's key, an encrypted one, what is no PEM: one each."""
    text = tmp_path / "text.pem"
    text.write_text("hello\n")
    wrong = [
        (tmp_path / "none.pem", known.key, "none.pem': No such file"),
        (known.certificate, tmp_path / "no.key", "no.key': No such file"),
        (known.certificate, "", "if the key is in a file of its own, add --tls-key FILE"),
        (known.certificate, known.stranger, "the key is not that of the certificate"),
        (known.certificate, _encrypted(known.key), "is encrypted\nwrite openssl pkey -in"),
        (text, known.key, "are not a certificate and its key"),
        ("", known.key, "--tls-key has no certificate\nadd --tls-cert FILE"),
    ]
    for certificate, key, words in wrong:
        monkeypatch.setenv(CERTIFICATE, str(certificate))
        monkeypatch.setenv(KEY, str(key))
        with pytest.raises(UsageError) as told:
            client_tls()
        assert words in str(told.value)


def test_one_context_serves_all_connections(known: Authority, monkeypatch: pytest.MonkeyPatch):
    """Ten thousand connections read the certificate once."""
    monkeypatch.setenv(CERTIFICATE, str(known.stranger))
    monkeypatch.delenv(KEY, raising=False)
    assert client_tls() is client_tls()
    assert client_tls().verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("reason", "shown", "words"),
    [
        ("tlsv13 alert certificate required", False, "add --tls-cert FILE --tls-key FILE"),
        ("no TLS, sslv3 alert handshake failure", False, "add --tls-cert FILE --tls-key FILE"),
        ("tlsv1 alert unknown ca", True, "name a certificate that the server trusts"),
        ("tlsv1 alert unknown ca", False, ""),  # of the server's own chain, not of ours
        ("no TLS, wrong version number", True, ""),
    ],
)
def test_a_refusal_says_what_to_do(
    reason: str, shown: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts that speak of our certificate are told from all others."""
    monkeypatch.setitem(os.environ, CERTIFICATE, "client.pem" if shown else "")
    told = certificate_wanted(reason)
    assert words in told
    assert bool(words) == bool(told)

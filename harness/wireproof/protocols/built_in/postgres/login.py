"""Log-ins that answer a number which the server draws: MD5, and SCRAM-SHA-256.

SCRAM is RFC 5802 with the hash of RFC 7677, without channel binding. The client's own number is
fixed, so that an opening is known but for what the server adds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import unicodedata
from functools import lru_cache

from wireproof.protocols.built_in.postgres import messages as pg
from wireproof.protocols.oracle import MalformedReplyError

MECHANISM = b"SCRAM-SHA-256"
NONCE_CHARACTERS = 24
"""What PostgreSQL and its poolers add to ours: 18 bytes in base64 (SCRAM_RAW_NONCE_LEN)."""
OUR_NONCE = b"wireproofWIREPROOF0123+/"
_HEADER = b"n,,"  # no channel binding, no other name than that of the start-up
_PROOF_CHARACTERS = 44
_MOST_ITERATIONS = 1_000_000
_SALT_BYTES = 4


def md5_blank() -> bytes:
    """Return the answer to an MD5 question, with a blank for the digest."""
    return pg.message(b"p", b"md5" + bytes(32) + b"\0")


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    """Return the answer to an MD5 question (documentation, AuthenticationMD5Password)."""
    inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
    digest = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return pg.message(b"p", b"md5" + digest.encode() + b"\0")


def md5_salt(reply: bytes) -> bytes | None:
    """Return the salt of AuthenticationMD5Password; None for another message."""
    is_asked = reply[:1] == b"R" and reply[5:9] == (5).to_bytes(4)
    return reply[9:] if is_asked and len(reply) == 9 + _SALT_BYTES else None


def sasl_data(reply: bytes, step: int) -> bytes | None:
    """Return what an authentication message of SASL holds; None for another message."""
    is_step = reply[:1] == b"R" and reply[5:9] == step.to_bytes(4)
    return reply[9:] if is_step else None


def client_first() -> bytes:
    """Return SASLInitialResponse (RFC 5802, section 7: client-first-message)."""
    first = _HEADER + _first_bare(OUR_NONCE)
    return pg.message(b"p", MECHANISM + b"\0", len(first).to_bytes(4), first)


def client_final_blank() -> bytes:
    """Return SASLResponse, with blanks for the server's part of the number and for the proof."""
    blank = b"_" * NONCE_CHARACTERS
    return pg.message(b"p", _final_bare(OUR_NONCE + blank), b",p=" + b"_" * _PROOF_CHARACTERS)


class Scram:
    """One exchange, from the client's side.

    Attributes:
        final: the client's last message (client-final-message).
        signature: what the server must prove that it knows the password by (server-final-message).

    """

    def __init__(self, password: str, server_first: bytes, our_nonce: bytes = OUR_NONCE) -> None:
        """Answer the server's first message.

        Raises:
            MalformedReplyError: it is none.

        """
        nonce, salt, iterations = _read(server_first, our_nonce)
        without_proof = _final_bare(nonce)
        signed = b",".join([_first_bare(our_nonce), server_first, without_proof])
        client_key, server_key = _keys(unicodedata.normalize("NFKC", password), salt, iterations)
        signature = _hmac(hashlib.sha256(client_key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self.final = without_proof + b",p=" + base64.b64encode(proof)
        self.signature = b"v=" + base64.b64encode(_hmac(server_key, signed))


def _read(server_first: bytes, our_nonce: bytes) -> tuple[bytes, bytes, int]:
    """Return number, salt and iterations of server-first-message."""
    fields = dict(field.partition(b"=")[::2] for field in server_first.split(b","))
    nonce = fields.get(b"r", b"")
    if not nonce.startswith(our_nonce) or len(nonce) == len(our_nonce):
        raise MalformedReplyError("a nonce that does not begin with ours, or adds nothing")
    try:
        salt = base64.b64decode(fields[b"s"], validate=True)
        iterations = int(fields[b"i"])
    except (KeyError, ValueError, binascii.Error):
        raise MalformedReplyError("no salt and number of iterations") from None
    if not 1 <= iterations <= _MOST_ITERATIONS:
        raise MalformedReplyError(f"{iterations} iterations, not 1 to {_MOST_ITERATIONS}")
    return nonce, salt, iterations


def _first_bare(nonce: bytes) -> bytes:
    return b"n=,r=" + nonce


def _final_bare(nonce: bytes) -> bytes:
    return b"c=" + base64.b64encode(_HEADER) + b",r=" + nonce


@lru_cache(maxsize=64)
def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return ClientKey and ServerKey (RFC 5802, section 3); the same for all of one user's."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    return _hmac(salted, b"Client Key"), _hmac(salted, b"Server Key")


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")

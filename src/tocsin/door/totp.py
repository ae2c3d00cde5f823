"""Codes of six digits that an app makes of a secret and the time (RFC 6238), and codes for when the app is lost."""

import base64
import hmac
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

STEP = 30  # seconds
DIGITS = 6
SECRET_BYTES = 20  # as many as the hash has, as RFC 4226 asks
DRIFT = 1  # steps that a clock may be off, in either direction
ISSUER = "Tocsin"
RECOVERY_CODES = 10
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 letters without l, o, 0 and 1: five bits each
_GROUPS, _GROUP = 4, 4  # 80 bits, which no list of hashes gives away


def new_secret() -> str:
    """In base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, handle: str, host: str) -> str:
    """What a picture of it holds for an app to read."""
    return _totp(secret).get_provisioning_uri(f"{handle}@{host}", ISSUER)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Which step of time this code is of, if it is one of now or of a step beside it. Each is then accepted once."""
    if not secret:  # it is sealed, and the key to it is missing: a recovery code or a passkey still opens
        return None
    present = int(now.timestamp()) // STEP
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(_totp(secret).generate(step * STEP), code.encode()):
            found = step
    return found


def code_at(secret: str, now: datetime) -> str:
    return _totp(secret).generate(int(now.timestamp())).decode()


def _totp(secret: str) -> TOTP:
    # SHA-1 and 30 seconds are what every app knows; HMAC does not rest on what is broken in SHA-1.
    return TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP)  # noqa: S303 - as said above


def new_recovery_codes() -> list[str]:
    return [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def plain(typed: str) -> str:
    """A code without the spaces and dashes that people type or leave out."""
    return "".join(letter for letter in typed.lower() if letter.isascii() and letter.isalnum())


def is_recovery_code(typed: str) -> bool:
    return len(plain(typed)) == _GROUPS * _GROUP

"""Secrets that must be readable again, sealed with a key that stands elsewhere than they do.

AES-256-GCM. What is sealed says with which key, so that a key can be replaced while the old one still opens:
`sealed:3f9c11ab:<nonce, ciphertext and proof>`. Text without that mark was written before there was a key, and is
read as it stands.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin.kit.errors import Invalid, Refused
from tocsin.kit.ids import new_secret

MARK = "sealed:"
SHORTEST_KEY = 32  # characters
_NONCE = 12  # bytes, as AES-GCM has them


class NoKey(Refused):
    """This server has no key for the secrets in its database. Give it the one with which they were sealed."""


class WrongKey(Refused):
    """A secret in the database was sealed with a key that this server does not have."""


def new_key() -> str:
    """A key as it stands in a file or in the environment."""
    return f"tsk_{new_secret()}"


def key_id(key: str) -> str:
    """The name of a key, by which what it sealed is known. It tells nothing of the key."""
    return hashlib.sha256(b"tocsin: the name of a key\0" + key.encode()).hexdigest()[:8]


def sealed_by(text: str) -> str | None:
    """The name of the key with which a text is sealed; None if it is not sealed."""
    return text.removeprefix(MARK).partition(":")[0] if text.startswith(MARK) else None


def checked(keys: Sequence[str]) -> tuple[str, ...]:
    """The same keys. Raises Invalid for one that is too short to be one."""
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise Invalid(f"A key has at least {SHORTEST_KEY} characters; `tocsin secrets key` makes one.")
    return tuple(keys)


class Keyring:
    """The keys of an installation: the first seals, all of them open. Without any, secrets stand as they are.

    `source` is asked again whenever something is sealed, and when something was sealed with a key that is not known,
    so that a server learns of a new key while it runs.
    """

    def __init__(self, source: Callable[[], Sequence[str]] = tuple) -> None:
        self._source = source
        self._keys: tuple[str, ...] | None = None
        self._ciphers: dict[str, AESGCM] = {}
        self.must_seal = False  # the database holds what is sealed: without a key nothing is written in plain

    @property
    def current(self) -> str | None:
        """The name of the key that seals; None without a key."""
        self._renew()
        return next(iter(self._ciphers), None)

    @property
    def names(self) -> tuple[str, ...]:
        self._renew()
        return tuple(self._ciphers)

    def seal(self, text: str) -> str:
        """The text as the database may hold it. Raises NoKey where others have sealed, and we can't."""
        name = self.current
        if name is None:
            if self.must_seal:
                raise NoKey
            return text
        nonce = os.urandom(_NONCE)
        body = self._ciphers[name].encrypt(nonce, text.encode(), name.encode())
        return f"{MARK}{name}:{base64.urlsafe_b64encode(nonce + body).decode()}"

    def open_(self, text: str) -> str:
        """What was sealed. Raises WrongKey, or NoKey where there is none at all."""
        name = sealed_by(text)
        if name is None:
            return text
        if name not in self._ciphers:
            self._renew()
        if name not in self._ciphers:
            raise _unknown(name, self.names)
        try:
            body = base64.urlsafe_b64decode(text.removeprefix(f"{MARK}{name}:"))
            return self._ciphers[name].decrypt(body[:_NONCE], body[_NONCE:], name.encode()).decode()
        except (InvalidTag, ValueError):
            raise WrongKey(f"A secret in the database can't be opened with key {name}: it was changed.") from None

    def opens(self, text: str | None) -> bool:
        """Whether there is a key for what was sealed; what is not sealed needs none."""
        name = sealed_by(text or "")
        return name is None or name in self._ciphers or name in self.names

    def shown(self, text: str | None) -> str:
        """What was sealed, to be shown to whom it belongs; nothing where it can't be opened."""
        try:
            return self.open_(text or "")
        except (NoKey, WrongKey):
            return ""

    def _renew(self) -> None:
        keys = tuple(self._source())
        if keys != self._keys:
            self._ciphers = {key_id(key): AESGCM(_derived(key)) for key in checked(keys)}
            self._keys = keys


def _derived(key: str) -> bytes:
    return hashlib.sha256(b"tocsin: secrets at rest\0" + key.encode()).digest()


def _unknown(name: str, known: Sequence[str]) -> Refused:
    if not known:
        return NoKey(f"A secret was sealed with key {name}, and this server has no key. Give it that one.")
    mine = ", ".join(known)
    return WrongKey(f"A secret was sealed with key {name}; this server has {mine}. Give it that one as well.")

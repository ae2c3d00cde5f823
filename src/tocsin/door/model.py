"""What somebody proves at the door, besides a password: a second factor, recovery codes, passkeys."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Factor:
    """The secret that a person's app makes codes of. It counts once a first code has shown that the app has it."""

    handle: str
    secret: str
    made_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Passkey:
    """A key that stays in a device; we keep its public half. `uses` is the device's own count, where it keeps one."""

    id: str
    handle: str
    name: str
    credential: str
    public_key: str
    uses: int
    transports: tuple[str, ...]
    made_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """How somebody is let in, for the page of their own and for administrators."""

    since: datetime | None  # since when a second factor is asked
    codes_left: int
    passkeys: tuple[Passkey, ...]

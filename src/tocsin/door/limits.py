"""How long somebody waits after wrong passwords and codes, so that guessing is slow and nobody is kept out by others.

Failures are counted by whom was tried together with where it came from, and by where it came from alone. What strangers
do from elsewhere so never counts against the owner. Where both share an address, a browser that has signed in before is
counted by itself.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import timedelta

from tocsin.kit.ids import new_secret

FORGOTTEN_AFTER = timedelta(hours=1)  # since the last failure
LONGEST = timedelta(minutes=5)
OF_ONE = 5  # failures for which nobody waits
OF_SOURCE = 30  # people may share an address
OF_CODES = 50  # at the codes of one account, from anywhere: whoever gets so far has the password


@dataclass(frozen=True)
class Key:
    """What failures are counted by, and how many are free."""

    name: str
    free: int
    is_shared: bool = False  # by others too, so that a success of one does not take back the failures of all


def wait(failures: int, free: int) -> timedelta:
    """How long to wait after so many failures: nothing at first, then twice as long each time."""
    if failures < free:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - free, 16)), LONGEST)


def keys(who: str, source: str, device: str) -> list[Key]:
    """By what a try at this account from there is counted. `device` is known to have signed in as them before."""
    if device:
        return [_key("device", who, device, free=OF_ONE)]
    return [_key("one", who, network(source), free=OF_ONE), *place_keys(source)]


def place_keys(source: str) -> list[Key]:
    """By where it came from alone: for what nobody can guess, and what names nobody."""
    return [_key("source", network(source), free=OF_SOURCE, is_shared=True)]


def code_keys(who: str, source: str, device: str) -> list[Key]:
    """The same for codes: a million are few enough to be guessed from many places, so these count together as well.
    A known browser, a passkey and a recovery code are the owner's ways past that."""
    found = keys(who, source, device)
    return found if device else [*found, _key("codes", who, free=OF_CODES)]


def _key(kind: str, *parts: str, free: int, is_shared: bool = False) -> Key:
    """A digest: what strangers type is neither kept nor long."""
    digest = hashlib.sha256("\x00".join((kind, *parts)).encode("utf-8", "replace")).hexdigest()[:32]
    return Key(f"{kind}:{digest}", free, is_shared)


def network(source: str) -> str:
    """Where it came from. A household has a whole network of addresses of the sixth version, and counts once."""
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return source


# ---- Browsers that have signed in before -----------------------------------------------------------------------------


def device_cookie(signing_key: str, handle: str) -> str:
    """What a browser keeps after a sign-in: whose it was, which browser, and our seal. It lets nobody in."""
    nonce = new_secret()[:22]
    return f"{handle}:{nonce}:{_seal(signing_key, handle, nonce)}"


def device_of(signing_key: str, cookie: str, handle: str) -> str:
    """Which browser this is, if it has signed in as this person before; else nothing."""
    owner, _, rest = cookie.partition(":")
    nonce, _, seal = rest.partition(":")
    good = hmac.compare_digest(seal.encode(), _seal(signing_key, owner, nonce).encode())
    return nonce if good and owner == handle else ""


def _seal(signing_key: str, handle: str, nonce: str) -> str:
    said = f"device:{handle}:{nonce}".encode()
    return hmac.new(signing_key.encode(), said, hashlib.sha256).hexdigest()

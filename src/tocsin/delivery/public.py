"""Which addresses belong to everybody's network, and not to this machine or the one around it."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")  # all else is for special ends, some of them ways around a guard
_OF_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")


def is_public(address: str, also: Iterable[Network] = ()) -> bool:
    """Whether an address, written in figures, leads outside, or into a network that may be reached `also`. Raises
    ValueError for anything else."""
    reached = _reached(address)
    return _is_open(reached) or any(reached in network for network in also)


INSIDE = (
    "This address is of the server's own machine or network, and nothing is sent there. Whoever runs the server can "
    "allow it with TOCSIN_ALLOW_PRIVATE_WEBHOOKS, or for one network with TOCSIN_PRIVATE_NETWORKS."
)
_NEVER_OUTSIDE = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def doubt_of(url: str, *, anywhere: bool, also: str) -> str:
    """Why nothing will go to an address that somebody entered, as far as it shows that; empty if it doesn't."""
    return INSIDE if not anywhere and is_plainly_inside(url, networks(also)) else ""


def is_plainly_inside(url: str, also: Iterable[Network] = ()) -> bool:
    """Whether an address leads to this machine or its network by what is written in it alone, without asking where a
    name leads: that counts at the moment of the connection."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    try:
        return not is_public(host, also)
    except ValueError:
        return "." not in host or host.endswith(_NEVER_OUTSIDE)


def _is_open(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    special = address not in _GIVEN_OUT if isinstance(address, ipaddress.IPv6Address) else address in _OF_PROTOCOLS
    return address.is_global and not address.is_multicast and not special


def networks(text: str) -> tuple[Network, ...]:
    """Networks written like `10.1.0.0/16 fd00::/8`. Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(one) for one in text.split())


def _reached(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """What an address leads to: some IPv6 addresses only wrap one of IPv4, for a gateway to unwrap."""
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found
    translated = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
    return found.ipv4_mapped or found.sixtofour or translated or found

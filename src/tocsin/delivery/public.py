"""Which addresses belong to everybody's network, and not to this machine or the one around it."""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.IPv6Network("2000::/3")  # all else is for special ends, some of them ways around a guard
_OF_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")


def is_public(address: str, also: Iterable[Network] = ()) -> bool:
    """Whether an address, written in figures, leads outside, or into a network that may be reached `also`. Raises
    ValueError for anything else."""
    reached = _reached(address)
    return _is_open(reached) or any(reached in network for network in also)


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

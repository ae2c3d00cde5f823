"""Which addresses belong to everybody's network, and not to this machine or the one around it."""

import ipaddress

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address, written in figures, leads outside. Raises ValueError for anything else."""
    return _reached(address).is_global


def _reached(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """What an address leads to: some IPv6 addresses only wrap one of IPv4, for a gateway to unwrap."""
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found
    translated = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
    return found.ipv4_mapped or found.sixtofour or translated or found

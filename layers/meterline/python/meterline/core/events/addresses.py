"""Which addresses events may be sent to: those that anybody on the internet could reach.

An endpoint's URL is written by a client of the API. Whatever else its name resolves to (the
function itself, its metadata, a private network behind it, or one of these in the form of IPv6)
must not be reached through Meterline.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_UNICAST: Final = IPv6Network("2000::/3")
"""What IPv6 has of addresses of the internet; all else has a special use (RFC 4291)."""

_SPECIAL: Final = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # carriers' own networks (RFC 6598)
            "192.0.0.0/24",  # protocols (RFC 6890)
            "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
            "2001::/23",  # protocols, Teredo among them (RFC 2928)
            "2002::/16",  # 6to4: an IPv4 address inside (RFC 3056)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)
"""What Python's own table calls global, in some version or other, and is not for anybody."""

_NEVER: Final = tuple(map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")))
"""Link-local addresses and those of instance metadata: no parameter allows them."""

_PRIVATE: Final = tuple(
    map(
        ip_network,
        ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"),
    )
)


def is_public(address: str) -> bool:
    """Whether an address (as text, IPv4 or IPv6) is one of the public internet."""
    parsed = _parsed(address)
    if parsed is None or _is_in(parsed, _SPECIAL):
        return False
    if isinstance(parsed, IPv6Address) and parsed not in _UNICAST:
        return False  # IPv4-mapped, NAT64 and site-local forms are outside too
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def is_private(address: str) -> bool:
    """Whether it is this machine's, or of a private network: reached only if that is allowed."""
    parsed = _parsed(address)
    return parsed is not None and _is_in(parsed, _PRIVATE) and not _is_in(parsed, _NEVER)


def may_be_called(address: str, *, may_be_private: bool) -> bool:
    """Whether events may be sent to an address of a deployment that allows private ones or not."""
    return is_public(address) or (may_be_private and is_private(address))


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """An address in its usual form; None for anything else, as one with a scope."""
    if "%" in address:
        return None
    try:
        return ip_address(address)
    except ValueError:
        return None


def _is_in(address: IPv4Address | IPv6Address, networks: tuple[object, ...]) -> bool:
    return any(address in network for network in networks)  # type: ignore[operator]

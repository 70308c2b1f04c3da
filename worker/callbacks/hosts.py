"""Which hosts and which addresses a callback may go to. Pure: nothing is looked up here.

A caller says where a result is posted, so that whoever may send a job could make the worker call
its neighbours: a cloud's metadata service, an unguarded database. Two questions stand before that,
and both must be answered with yes: is the host one of CALLBACK_ALLOWED_HOSTS, and is the address
that it has public, or listed there itself?
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Host = str | Address
"""A name as `canonical` writes it, or an address."""

_NAME_LIMIT: Final = 253  # characters, RFC 1035 without the last dot
# Of a name's label. An underscore is in no host's name, but in those of container networks.
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Where the last label is a number, some resolvers take all of it for an IPv4 address: 0x7f.1,
# 2130706433, 0177.0.0.1. See "ends in a number checker" in https://url.spec.whatwg.org.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Beside what `ipaddress` knows as not global, by the registries of special-purpose addresses:
# https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry.
_SPECIAL: Final = (
    ip_network("192.0.0.0/24"),  # protocol assignments
    ip_network("192.88.99.0/24"),  # relays of 6to4
    ip_network("224.0.0.0/4"),  # multicast
    ip_network("2001::/23"),  # protocol assignments; Teredo, with an IPv4 address inside
    ip_network("2002::/16"),  # 6to4, with an IPv4 address inside
    ip_network("3fff::/20"),  # documentation
)
# All that is given out of IPv6: what lies outside is reserved, local, multicast, or has an IPv4
# address inside (::ffff:0:0/96 mapped, 64:ff9b::/96 and 64:ff9b:1::/48 of NAT64).
_UNICAST: Final = ip_network("2000::/3")


def canonical(host: str) -> Host:
    """A host as it is compared, looked up and asked for.

    An address in its usual spelling only; a name in ASCII, small, without the dot at its end.

    Raises:
        ValueError: what is neither, other spellings of an address and scoped ones included.
    """
    address = _address(host)
    return address or _name(host)


def _address(host: str) -> Address | None:
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def _name(host: str) -> str:
    name = _ascii(host).lower().removesuffix(".")
    labels = name.split(".")
    usable = len(name) <= _NAME_LIMIT and all(map(_LABEL.fullmatch, labels))
    if not usable or _NUMBER.fullmatch(labels[-1]):
        raise ValueError
    return name


def _ascii(host: str) -> str:
    """A name of other letters in the form that DNS has of it (IDNA 2008)."""
    if host.isascii():
        return host
    import httpx  # its parser has it; too slow an import for those who have no such name

    try:
        return httpx.URL(scheme="http", host=unicodedata.normalize("NFC", host)).raw_host.decode()
    except httpx.InvalidURL as error:
        raise ValueError from error


def is_public(address: Address) -> bool:
    """Whether an address is some one host's on the open internet.

    No loopback, link-local, private, shared (100.64.0.0/10), multicast, unspecified or reserved
    one, and none that only wraps an IPv4 address.
    """
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and (address.version == 4 or address in _UNICAST)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What CALLBACK_ALLOWED_HOSTS lists.

    Attributes:
        names: hosts by name.
        parents: what stands behind the `*` of those that begin with one, its dot included.
        networks: addresses, and networks of them.
    """

    names: frozenset[str] = frozenset()
    parents: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Sequence[str]) -> Self:
        """Read the entries. Raises ValueError, with the entry, about the first unreadable one."""
        names: set[str] = set()
        parents: list[str] = []
        networks: list[Network] = []
        for entry in entries:
            network = _network(entry)
            if network is not None:
                networks.append(network)
            elif entry.startswith("*."):
                parents.append(f".{_listed(entry, entry[2:])}")
            else:
                names.add(_listed(entry, entry))
        return cls(frozenset(names), tuple(parents), tuple(networks))

    def has(self, host: Host) -> bool:
        """Whether a URL may have this host; `*.example.com` has no `example.com`."""
        if not isinstance(host, str):
            return self.lists(host)
        return host in self.names or host.endswith(self.parents)

    def lists(self, address: Address) -> bool:
        """Whether an address is listed as one, or lies in a listed network."""
        return any(address in network for network in self.networks)

    def admits(self, address: Address) -> bool:
        """Whether a connection may go to this address, whatever the name that has it."""
        return self.lists(address) or is_public(address)


def _network(entry: str) -> Network | None:
    try:
        return None if "%" in entry else ip_network(entry)
    except ValueError:
        return None


def _listed(entry: str, name: str) -> str:
    try:
        return _name(name)
    except ValueError:
        raise ValueError(entry) from None

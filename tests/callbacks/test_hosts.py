"""Which hosts and addresses callbacks may go to."""

from ipaddress import ip_address
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.callbacks.hosts import Allowed, canonical, is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2001:4860:4860::8888"]
NOT_PUBLIC = {
    "this machine": "127.0.0.1",
    "this machine, another address": "127.8.9.10",
    "this machine, IPv6": "::1",
    "a cloud's metadata": "169.254.169.254",
    "link-local, IPv6": "fe80::1",
    "link-local, with a scope": "fe80::1%1",
    "private, 10": "10.0.0.1",
    "private, 172.16": "172.16.0.1",
    "private, 192.168": "192.168.1.1",
    "private, IPv6": "fd00:ec2::254",
    "site-local": "fec0::1",
    "shared by a carrier's clients": "100.64.0.1",
    "multicast": "224.0.0.1",
    "multicast beyond": "239.255.255.250",
    "multicast, IPv6": "ff0e::1",
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "unspecified, IPv6": "::",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "reserved, IPv6": "4000::1",
    "for benchmarks": "198.18.0.1",
    "for documents": "192.0.2.1",
    "for documents, IPv6": "2001:db8::1",
    "for documents, the larger block": "3fff::1",
    "protocol assignments": "192.0.0.9",
    "relays of 6to4": "192.88.99.1",
    "mapped": "::ffff:127.0.0.1",
    "mapped, of a public one": "::ffff:8.8.8.8",
    "compatible": "::127.0.0.1",
    "6to4": "2002:7f00:1::",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, a local prefix": "64:ff9b:1::7f00:1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "identifiers, not addresses": "2001:20::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_on_the_open_internet_is_public(address):
    """Of either version."""
    assert is_public(ip_address(address))
    assert Allowed().admits(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
def test_every_other_address_is_not(address):
    """Whatever it is called, and whatever IPv4 address it wraps."""
    assert not is_public(ip_address(address))
    assert not Allowed().admits(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC.values(), ids=NOT_PUBLIC.keys())
def test_an_address_that_is_listed_is_admitted(address):
    """Itself or its network; a wrapped one only as what it is written as."""
    plain = address.partition("%")[0]
    network = f"{plain}/{ip_address(plain).max_prefixlen}"
    assert Allowed.of([plain]).admits(ip_address(address))
    assert Allowed.of([network]).admits(ip_address(address))


def test_a_wrapped_address_is_not_listed_by_what_it_wraps():
    """127.0.0.1 in the list lets nobody come by another way."""
    allowed = Allowed.of(["127.0.0.1", "127.0.0.0/8"])
    assert not allowed.admits(ip_address("::ffff:127.0.0.1"))
    assert not allowed.has(canonical("::ffff:127.0.0.1"))


@given(st.ip_addresses(v=4))
def test_a_wrapped_ipv4_address_is_never_public(address):
    """However it is wrapped."""
    number = int(address)
    for prefix, shift in ((0xFFFF << 32, 0), (0x64FF9B << 96, 0), (0x2002 << 112, 80), (0, 0)):
        assert not is_public(ip_address((prefix | (number << shift)).to_bytes(16, "big")))


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.example.com", "api.example.com"),
        ("API.Example.COM", "api.example.com"),
        ("api.example.com.", "api.example.com"),
        ("localhost", "localhost"),
        ("my_backend", "my_backend"),
        ("xn--bj0bj06e.xn--3e0b707e", "xn--bj0bj06e.xn--3e0b707e"),
        ("한글.한국", "xn--bj0bj06e.xn--3e0b707e"),
        (normalize("NFD", "한글.한국"), "xn--bj0bj06e.xn--3e0b707e"),  # as macOS writes it
        ("straße.de", "xn--strae-oqa.de"),
        ("127.0.0.1", ip_address("127.0.0.1")),
        ("::1", ip_address("::1")),
        ("0:0:0:0:0:0:0:1", ip_address("::1")),
        ("::ffff:127.0.0.1", ip_address("::ffff:127.0.0.1")),
    ],
)
def test_a_host_has_one_spelling(host, name):
    """Whichever of its own it is given in."""
    assert canonical(host) == name


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.01", "0x", "1"),
        *("127.0.0.1.", "127.0.0.256", "1.2.3.4.5", "10.0.0.1/8", "a.0x1f"),
        *("１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "١٢٧.0.0.1"),
        *("", ".", "a..b", ".a", "-a.com", "a-.com", "a.com..", "a b", "a%20b", "a/b", "a:80"),
        *("[::1]", "::1%lo", "fe80::1%25eth0", "*", "*.example.com", "v1.x:y"),
        *("a" * 64, ".".join(["a" * 63] * 4), "\u200b", "\ud800.com", "exa\u00admple.com"),
    ],
)
def test_what_is_no_host_is_refused(host):
    """Above all the other spellings of an address, which a resolver would read."""
    with pytest.raises(ValueError):  # noqa: PT011  # it has nothing to say
        canonical(host)


@given(st.text())
def test_whatever_the_text_it_is_a_host_or_a_value_error(host):
    """Nothing else comes, and a host's spelling is its own."""
    try:
        found = canonical(host)
    except ValueError:
        return
    assert canonical(str(found)) == found


@pytest.mark.parametrize(
    ("entry", "hosts", "others"),
    [
        ("api.example.com", ["api.example.com"], ["example.com", "x.api.example.com", "8.8.8.8"]),
        ("API.example.com.", ["api.example.com"], ["api.example.co"]),
        ("*.example.com", ["a.example.com", "a.b.example.com"], ["example.com", "aexample.com"]),
        ("*.example.com", [], ["a.example.com.evil.net", "evil.net"]),
        ("한글.한국", ["한글.한국", "xn--bj0bj06e.xn--3e0b707e"], ["한글.com"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.0.0.1", "ten.example.com", "::ffff:10.0.0.1"]),
        ("192.168.1.7", ["192.168.1.7"], ["192.168.1.8"]),
        ("fd00::/8", ["fd00::1"], ["fe80::1"]),
        ("::1", ["::1"], ["127.0.0.1", "localhost"]),
    ],
)
def test_a_host_is_allowed_by_an_entry_that_names_it(entry, hosts, others):
    """Name by name, parent by `*`, address by address or network, and none by another's kind."""
    allowed = Allowed.of([entry])
    assert all(allowed.has(canonical(host)) for host in hosts)
    assert not any(allowed.has(canonical(host)) for host in others)


def test_a_public_address_must_be_listed_where_a_url_has_it():
    """It needs no name, but somebody who allows it."""
    assert not Allowed.of(["*.com"]).has(canonical("8.8.8.8"))
    assert Allowed.of(["8.8.8.8"]).has(canonical("8.8.8.8"))


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "*",
            "*.",
            "*.*.com",
            "a.*.com",
            "*example.com",
            "https://example.com",
            "example.com:443",
        ),
        *(
            "example.com/path",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0",
            "[::1]",
            "*.0.0.1",
            "fe80::1%1",
        ),
        *("user@example.com", "0x7f.1", "::1%lo/128"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named(entry):
    """A list that is half understood would allow something else."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # what it says is looked at
        Allowed.of(["example.com", entry])
    assert str(caught.value) == entry

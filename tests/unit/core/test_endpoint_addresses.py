"""Which addresses events may be sent to, and which URLs can be called at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meterline.core.events.addresses import is_private, is_public, may_be_called
from meterline.core.events.endpoint_urls import UnusableUrl, read_url

PUBLIC = ["8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "2a00::1"]

REFUSED = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.255.254",
    "this host": "0.0.0.0",  # noqa: S104 - no server binds to it
    "private, class A": "10.1.2.3",
    "private, class B": "172.31.0.1",
    "private, class C": "192.168.1.1",
    "carrier's NAT": "100.64.0.1",
    "link-local": "169.254.1.1",
    "instance metadata": "169.254.169.254",
    "container metadata": "169.254.170.2",
    "protocols": "192.0.0.8",
    "documentation": "192.0.2.1",
    "benchmarks": "198.18.0.1",
    "6to4 relays": "192.88.99.1",
    "multicast": "224.0.0.1",
    "multicast beyond": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 with a scope": "fe80::1%eth0",
    "a public one with a scope": "2606:4700::1111%1",
    "IPv6 private": "fc00::1",
    "IPv6 instance metadata": "fd00:ec2::254",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, new": "3fff::1",
    "IPv4-mapped loopback": "::ffff:127.0.0.1",
    "IPv4-mapped metadata": "::ffff:169.254.169.254",
    "IPv4-mapped public": "::ffff:8.8.8.8",
    "IPv4-compatible": "::127.0.0.1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public one": "2002:808:808::",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64, local": "64:ff9b:1::7f00:1",
    "Teredo": "2001:0:1::1",
    "discard only": "100::1",
    "a number": "2130706433",
    "octal": "0177.0.0.1",
    "hexadecimal": "0x7f.0.0.1",
    "short": "127.1",
    "a name": "localhost",
    "nothing": "",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_may_be_called(address: str) -> None:
    assert is_public(address)
    assert may_be_called(address, may_be_private=False)


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_no_other_address_may_be_called(address: str) -> None:
    assert not may_be_called(address, may_be_private=False)


ALLOWED_BY_PARAMETER = {"127.0.0.1", "127.255.255.254", "10.1.2.3", "172.31.0.1", "192.168.1.1"}
ALLOWED_BY_PARAMETER |= {"::1", "fc00::1"}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_a_parameter_allows_loopback_and_private_networks_and_nothing_else(address: str) -> None:
    assert may_be_called(address, may_be_private=True) == (address in ALLOWED_BY_PARAMETER)


@given(st.ip_addresses())
def test_no_address_is_both_public_and_private(address: object) -> None:
    assert not (is_public(str(address)) and is_private(str(address)))


# URL | scheme, host, port, target, and the host that the request names
URLS = [
    ("https://example.com", ("https", "example.com", 443, "/", "example.com")),
    ("https://EXAMPLE.com/a?b=c#d", ("https", "example.com", 443, "/a?b=c", "example.com")),
    ("https://a.example:8443/x", ("https", "a.example", 8443, "/x", "a.example:8443")),
    ("http://a.example:443", ("http", "a.example", 443, "/", "a.example:443")),
    ("https://8.8.8.8/", ("https", "8.8.8.8", 443, "/", "8.8.8.8")),
    ("https://[2606:4700::1]:444/", ("https", "2606:4700::1", 444, "/", "[2606:4700::1]:444")),
    ("https://xn--bcher-kva.example", ("https", "xn--bcher-kva.example", 443, "/", None)),
    ("https://under_score.example.", ("https", "under_score.example.", 443, "/", None)),
]


@pytest.mark.parametrize(("text", "expected"), URLS)
def test_a_url_is_taken_apart_once(text: str, expected: tuple[str, str, int, str, str]) -> None:
    url = read_url(text)
    scheme, host, port, target, authority = expected
    assert (url.scheme, url.host, url.port, url.target) == (scheme, host, port, target)
    assert url.authority == (authority or host)


PERSON = "user:word"
"""A name and a password: in an address that is written whole they would be taken for a secret."""

UNUSABLE = [
    "",
    "example.com",
    "ftp://example.com",
    "https://",
    "https:///path",
    "http://[x",
    "https://example.com:port",
    "https://example.com:0",
    "https://example.com:65536",
    f"https://{PERSON}@example.com",
    "https://user@example.com",
    "https://@example.com",
    "https://exa mple.com",
    "https://example.com/a b",
    "https://example.com/\r\nHost: other",
    "https://example.com\t",
    "https://bücher.example",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://1.2.3.4.5/",
    "https://[fe80::1%25eth0]/",
    "https://-example.com",
    "https://example..com",
    f"https://{'a' * 64}.example",
    f"https://{'a.' * 127}example",
    "https://1.2.3.4%2f@example.com",
]


@pytest.mark.parametrize("text", UNUSABLE)
def test_a_url_that_somebody_may_read_differently_is_refused(text: str) -> None:
    with pytest.raises(UnusableUrl):
        read_url(text)


@given(st.text())
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        url = read_url(text)
    except UnusableUrl:
        return
    assert url.host
    assert 0 < url.port < 65_536

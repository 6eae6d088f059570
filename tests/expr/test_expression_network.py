import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.expr.kinds import Address, Network
from dagnats.expr.library import network
from dagnats.expr.library.values import EvaluationError

CALLS = {function.name: function.call for function in network.FUNCTIONS}
ip, cidr = CALLS["ip"], CALLS["cidr"]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("192.168.0.1", "192.168.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("2001:DB8::68", "2001:db8::68"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("0:0:0:0:0:0:0:0", "::"),
        ("::ffff", "::ffff"),
        ("::1.2.3.4", "::102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::ffff:c0a8:1", "192.168.0.1"),
    ],
)
def test_addresses_have_one_text(raw, text):
    assert network.text(ip(raw)) == text
    assert CALLS["isIP"](raw) is True
    assert CALLS["ip.isCanonical"](raw) is (raw == text)


@pytest.mark.parametrize(
    "raw",
    ["", "192.168.0.1.0", "192.168.0", "192.168.0.01", "192.168.0.256", "2001:db8:::68", "12345::",
     "fe80::1%en0", "fe80::1%", "1.2.3.4%eth0", "::ffff:192.168.0.1", "0:0:0:0:0:FFFF:1.2.3.4",
     " ::1", "::1 ", "[::1]", "1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "١.2.3.4", "10.0.0.0/8",
     "3232235521", "x" * 100_000],
)  # fmt: skip
def test_what_is_no_address(raw):
    assert CALLS["isIP"](raw) is False
    for name in ("ip", "ip.isCanonical"):
        with pytest.raises(EvaluationError) as raised:
            CALLS[name](raw)
        assert raised.value.code == "argument"
        assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("raw", "masked", "bits"),
    [
        ("192.168.0.0/24", "192.168.0.0/24", 24),
        ("192.168.0.1/24", "192.168.0.0/24", 24),
        ("10.1.2.3/0", "0.0.0.0/0", 0),
        ("10.1.2.3/32", "10.1.2.3/32", 32),
        ("2001:DB8::1/32", "2001:db8::/32", 32),
        ("::1/128", "::1/128", 128),
    ],
)
def test_ranges(raw, masked, bits):
    found = cidr(raw)
    assert network.text(found) == raw.lower()
    assert network.text(CALLS["masked"](found)) == masked
    assert CALLS["isMask"](found) is (raw.lower() == masked)
    assert CALLS["prefixLength"](found) == bits
    assert network.text(ip(found)) == raw.lower().partition("/")[0]
    assert CALLS["isCIDR"](raw) is True


@pytest.mark.parametrize(
    "raw",
    ["", "/", "10.0.0.0", "192.168.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/+8",
     "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "10.0.0.0/٨", "10.0.0.0/8/8", "fe80::1%en0/24",
     "::ffff:192.168.0.1/24", "::ffff:c0a8:1/120", "10.0.0.0/" + "1" * 5_000],
)  # fmt: skip
def test_what_is_no_range(raw):
    assert CALLS["isCIDR"](raw) is False
    with pytest.raises(EvaluationError) as raised:
        cidr(raw)
    assert raised.value.code == "argument"


@pytest.mark.parametrize(
    ("raw", "true"),
    [
        ("0.0.0.0", {"isUnspecified"}),
        ("::", {"isUnspecified"}),
        ("127.8.0.1", {"isLoopback"}),
        ("::1", {"isLoopback"}),
        ("192.168.0.1", {"isGlobalUnicast"}),
        ("8.8.8.8", {"isGlobalUnicast"}),
        ("2001:db8::abcd", {"isGlobalUnicast"}),
        ("fd00::1", {"isGlobalUnicast"}),
        ("255.255.255.255", set()),
        ("255.255.255.254", {"isGlobalUnicast"}),
        ("ff00::1", set()),
        ("224.0.1.1", set()),
        ("224.0.0.1", {"isLinkLocalMulticast"}),
        ("ff02::1", {"isLinkLocalMulticast"}),
        ("ff32::1", {"isLinkLocalMulticast"}),
        ("ff05::1", set()),
        ("169.254.169.254", {"isLinkLocalUnicast"}),
        ("fe80::1", {"isLinkLocalUnicast"}),
        ("febf::1", {"isLinkLocalUnicast"}),
        ("fec0::1", {"isGlobalUnicast"}),
    ],
)
def test_what_addresses_are_for(raw, true):
    names = {name for name, _, _ in network._PROPERTIES}
    assert {name for name in names if CALLS[name](ip(raw))} == true
    assert CALLS["family"](ip(raw)) == (6 if ":" in raw else 4)


@pytest.mark.parametrize(
    ("outer", "inner", "held"),
    [
        ("192.168.0.0/24", "192.168.0.0/25", True),
        ("192.168.0.0/24", "192.168.0.0/24", True),
        ("192.168.0.0/24", "192.168.0.0/23", False),
        ("192.168.0.9/24", "192.168.0.77/32", True),
        ("192.168.0.0/24", "192.168.1.0/25", False),
        ("2001:db8::/32", "2001:db8::/33", True),
        ("::/0", "10.0.0.0/8", False),
        ("0.0.0.0/0", "::1/128", False),
    ],
)
def test_what_is_in_a_range(outer, inner, held):
    assert CALLS["containsCIDR"](cidr(outer), cidr(inner)) is held
    assert CALLS["containsCIDR"](cidr(outer), inner) is held
    address = inner.partition("/")[0]
    inside = held or (outer, inner) == ("192.168.0.0/24", "192.168.0.0/23")
    assert CALLS["containsIP"](cidr(outer), ip(address)) is inside
    assert CALLS["containsIP"](cidr(outer), address) is inside


def test_equality_is_by_address_and_bits():
    assert ip("2001:db8::1") == ip("2001:DB8::1")
    assert ip("::1") != ip("0.0.0.1")
    assert cidr("127.0.0.1/24") == cidr("127.0.0.1/24")
    assert cidr("127.0.0.1/24") != cidr("127.0.0.2/24")
    assert cidr("127.0.0.1/24") != cidr("127.0.0.1/25")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("ip", (1,)),
        ("ip", (Address(ipaddress.ip_address("::1")),)),
        ("cidr", (None,)),
        ("isIP", (Network(ipaddress.ip_interface("::1/8")),)),
        ("isCIDR", (1,)),
        ("ip.isCanonical", (1,)),
        ("family", ("1.2.3.4",)),
        ("isLoopback", (Network(ipaddress.ip_interface("::1/8")),)),
        ("containsIP", ("10.0.0.0/8", "10.0.0.1")),
        ("containsIP", (Network(ipaddress.ip_interface("::1/8")), 1)),
        ("containsCIDR", (Network(ipaddress.ip_interface("::1/8")), 1)),
        ("masked", ("10.0.0.0/8",)),
        ("isMask", (1,)),
        ("prefixLength", ("10.0.0.0/8",)),
    ],
)
def test_what_they_refuse(name, args):
    with pytest.raises(EvaluationError) as raised:
        CALLS[name](*args)
    assert raised.value.code == "type"


@given(st.ip_addresses())
def test_the_text_of_an_address_reads_back(address):
    if address.version == 6 and address.ipv4_mapped is not None:
        return
    found = Address(address)
    assert ip(network.text(found)) == found

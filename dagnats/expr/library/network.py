"""Functions on IP addresses and ranges of them."""

from collections.abc import Callable
from typing import Any

from dagnats.expr import types as t
from dagnats.expr.kinds import Address, Network
from dagnats.expr.library.values import EvaluationError, want
from dagnats.expr.signatures import Function, method, over

_SHOWN_MAX = 60
_MAPPED = "an IPv4 address inside an IPv6 address is not allowed"


def text(value: Address | Network) -> str:
    """Return an address or a range as text, in its canonical form."""
    return str(value.ip) if type(value) is Address else str(value.interface)  # type: ignore[union-attr]


def _bad(kind: str, raw: str, why: str) -> EvaluationError:
    shown = raw if len(raw) <= _SHOWN_MAX else raw[:_SHOWN_MAX] + "…"
    return EvaluationError(f"`{shown}` is no {kind}: {why}", "argument")


def _address(raw: str, kind: str, whole: str) -> Any:
    import ipaddress

    if "%" in raw:
        raise _bad(kind, whole, "a zone is not allowed")
    try:
        ip = ipaddress.ip_address(raw)
    except ValueError:
        raise _bad(kind, whole, "an IPv4 or IPv6 address is wanted") from None
    if ip.version == 6 and ip.ipv4_mapped is not None and "." in raw:
        raise _bad(kind, whole, _MAPPED)
    return ip


def to_address(raw: Any) -> Address:
    """Return the address that a text is."""
    want("ip", (raw, str))
    ip = _address(raw, "IP address", raw)
    # The hexadecimal form of an IPv4 address in IPv6 is that IPv4 address.
    return Address(getattr(ip, "ipv4_mapped", None) or ip)


def to_network(raw: Any) -> Network:
    """Return the range that a text is; it may have host bits."""
    import ipaddress

    want("cidr", (raw, str))
    address, _, bits = raw.rpartition("/")
    ip = _address(address, "CIDR range", raw)
    if ip.version == 6 and ip.ipv4_mapped is not None:
        raise _bad("CIDR range", raw, _MAPPED)
    if not (bits.isascii() and bits.isdigit() and len(bits) <= 3 and str(int(bits)) == bits):
        raise _bad("CIDR range", raw, "after `/` stands the number of bits")
    if int(bits) > ip.max_prefixlen:
        raise _bad("CIDR range", raw, f"an IPv{ip.version} address has {ip.max_prefixlen} bits")
    return Network(ipaddress.ip_interface(f"{ip}/{bits}"))


def _is(parse: Callable[[Any], object], name: str) -> Callable[[Any], bool]:
    def test(raw: Any) -> bool:
        want(name, (raw, str))
        try:
            parse(raw)
        except EvaluationError:
            return False
        return True

    return test


is_address = _is(to_address, "isIP")
is_network = _is(to_network, "isCIDR")


def is_canonical(raw: Any) -> bool:
    """Whether a text is how an address is written; raises when it is none."""
    want("ip.isCanonical", (raw, str))
    return text(to_address(raw)) == str(raw)


def address_of(value: Any) -> Address:
    """`ip("…")`, and `range.ip()`: the address of a range, with its host bits."""
    if type(value) is Network:
        return Address(value.interface.ip)
    return to_address(value)


def _property(name: str, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        want(name, (value, Address))
        return read(value.ip)

    return call


def _global_unicast(ip: Any) -> bool:
    # Private addresses are global unicast too; only those for no host or for many are not.
    if ip.version == 4 and int(ip) == 2**32 - 1:
        return False
    return not (ip.is_unspecified or ip.is_loopback or ip.is_multicast or ip.is_link_local)


def _link_local_multicast(ip: Any) -> bool:
    if ip.version == 4:
        return bool(int(ip) >> 8 == 0xE00000)  # 224.0.0.0/24
    return bool(int(ip) >> 112 & 0xFF0F == 0xFF02)  # ff02::/16, whatever its flags


def contains_address(network: Any, address: Any) -> bool:
    """Whether an address, or a text that is one, is in a range."""
    if type(address) is str:
        address = to_address(address)
    want("containsIP", (network, Network), (address, Address))
    return bool(address.ip in network.interface.network)


def contains_network(network: Any, other: Any) -> bool:
    """Whether all of another range, or of a text that is one, is in a range."""
    if type(other) is str:
        other = to_network(other)
    want("containsCIDR", (network, Network), (other, Network))
    outer, inner = network.interface.network, other.interface.network
    return bool(outer.version == inner.version and inner.subnet_of(outer))


def masked(network: Any) -> Network:
    """Return the range without host bits."""
    import ipaddress

    want("masked", (network, Network))
    return Network(ipaddress.ip_interface(str(network.interface.network)))


def is_mask(network: Any) -> bool:
    """Whether the range has no host bits."""
    want("isMask", (network, Network))
    return bool(network.interface.ip == network.interface.network.network_address)


def prefix_length(network: Any) -> int:
    """Return how many bits of the range are fixed."""
    want("prefixLength", (network, Network))
    return int(network.interface.network.prefixlen)


_PROPERTIES: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("isUnspecified", "whether it is 0.0.0.0 or ::", lambda ip: ip.is_unspecified),
    ("isLoopback", "whether it is the machine itself", lambda ip: ip.is_loopback),
    ("isGlobalUnicast", "whether it is for one host, beyond the link", _global_unicast),
    ("isLinkLocalUnicast", "whether it is for one host on the link", lambda ip: ip.is_link_local),
    ("isLinkLocalMulticast", "whether it is for many on the link", _link_local_multicast),
)


def _table() -> tuple[Function, ...]:
    test = (over(t.STRING, gives=t.BOOL),)
    of = (over(t.STRING, gives=t.IP), method(t.CIDR, gives=t.IP))
    family = _property("family", lambda ip: ip.version)
    holds = (method(t.CIDR, t.IP, gives=t.BOOL), method(t.CIDR, t.STRING, gives=t.BOOL))
    covers = (method(t.CIDR, t.CIDR, gives=t.BOOL), method(t.CIDR, t.STRING, gives=t.BOOL))
    ask = (method(t.IP, gives=t.BOOL),)
    return (
        Function("ip", "the IP address of a text or a range", address_of, of),
        Function("cidr", "the range of a text", to_network, (over(t.STRING, gives=t.CIDR),)),
        Function("isIP", "whether a text is an IP address", is_address, test),
        Function("isCIDR", "whether a text is a range", is_network, test),
        Function("ip.isCanonical", "whether an address is written so", is_canonical, test),
        Function("family", "4 or 6", family, (method(t.IP, gives=t.INT),)),
        *(Function(name, doc, _property(name, read), ask) for name, doc, read in _PROPERTIES),
        Function("containsIP", "whether an address is in it", contains_address, holds),
        Function("containsCIDR", "whether a range is in it", contains_network, covers),
        Function("masked", "without host bits", masked, (method(t.CIDR, gives=t.CIDR),)),
        Function("isMask", "whether it has no host bits", is_mask, (method(t.CIDR, gives=t.BOOL),)),
        Function(
            "prefixLength", "how many bits are fixed", prefix_length,
            (method(t.CIDR, gives=t.INT),),
        ),
    )  # fmt: skip


FUNCTIONS: tuple[Function, ...] = _table()

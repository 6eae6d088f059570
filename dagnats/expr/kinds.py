"""The kinds of values that JSON does not have. They live inside an expression and never leave it.

But for `Sealed`, which comes and leaves as it is.
JSON's own kinds are Python's: None, bool, int (64 bits), float, str, list, dict. A dict here may
also have keys that are integers, or `TRUE_KEY` and `FALSE_KEY`: Python takes `True` for 1.
"""

import functools
from typing import Any, Final

UINT_MAX: Final = 2**64 - 1
SECOND_NS: Final = 1_000_000_000


class Uint(int):
    """An unsigned integer of 64 bits. Python's operators give an int: wrap what they return."""

    __slots__ = ()


@functools.total_ordering
class Timestamp:
    """A point in time, in nanoseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return type(other) is Timestamp and self.ns == other.ns

    def __lt__(self, other: "Timestamp") -> bool:
        return self.ns < other.ns

    def __hash__(self) -> int:
        return hash((Timestamp, self.ns))

    def __repr__(self) -> str:
        return f"Timestamp({self.ns!r})"


@functools.total_ordering
class Duration:
    """A span of time in nanoseconds, which may be negative."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return type(other) is Duration and self.ns == other.ns

    def __lt__(self, other: "Duration") -> bool:
        return self.ns < other.ns

    def __hash__(self) -> int:
        return hash((Duration, self.ns))

    def __repr__(self) -> str:
        return f"Duration({self.ns!r})"


class TypeValue:
    """A type as a value, as `type(1)` and `int` give it; equal by name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is TypeValue and self.name == other.name

    def __hash__(self) -> int:
        return hash((TypeValue, self.name))

    def __repr__(self) -> str:
        return f"TypeValue({self.name!r})"


class Address:
    """An IP address; `ip` is one of Python's `ipaddress`."""

    __slots__ = ("ip",)

    def __init__(self, ip: Any) -> None:
        self.ip = ip

    def __eq__(self, other: object) -> bool:
        return type(other) is Address and bool(_plain(self.ip) == _plain(other.ip))

    def __hash__(self) -> int:
        return hash((Address, _plain(self.ip)))


def _plain(ip: Any) -> Any:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    return getattr(ip, "ipv4_mapped", None) or ip


class Network:
    """A CIDR range with its host bits; `interface` is one of Python's `ipaddress`."""

    __slots__ = ("interface",)

    def __init__(self, interface: Any) -> None:
        self.interface = interface

    def __eq__(self, other: object) -> bool:
        return type(other) is Network and bool(self.interface == other.interface)

    def __hash__(self) -> int:
        return hash((Network, self.interface))


class BoolKey:
    """A key of a map that is a bool; there are two and no more, so identity is equality."""

    __slots__ = ("value",)

    def __init__(self, value: bool) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "true" if self.value else "false"


TRUE_KEY: Final = BoolKey(True)
FALSE_KEY: Final = BoolKey(False)


class Absent:
    """The optional without a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "optional.none()"


NONE: Final = Absent()


class Present:
    """An optional with a value."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})"


class Sealed:
    """A value that an expression can hand on and not look into: its caller knows what it holds."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is Sealed and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(Sealed)

    def __repr__(self) -> str:
        return "sealed"

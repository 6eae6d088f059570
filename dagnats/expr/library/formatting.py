"""`format`: a text with clauses, `%s` and its like, filled with the values of a list."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from dagnats.expr import types as t
from dagnats.expr.kinds import SECOND_NS, BoolKey, Duration, Timestamp, TypeValue, Uint
from dagnats.expr.library.dates import timestamp_text
from dagnats.expr.library.texts import sound
from dagnats.expr.library.values import EvaluationError, name_of, sized, want
from dagnats.expr.signatures import Function, method

PRECISION: Final = 6
PRECISION_MAX: Final = 100

_CLAUSE = re.compile(r"%(\.[0-9]*)?(.?)", re.DOTALL)
_INVALID = re.compile("[\udc80-\udcff]+")
_INTEGERS: Final = frozenset({int, Uint})
_NUMBERS: Final = frozenset({int, Uint, float})


def _refused(clause: str, wanted: str, value: Any) -> EvaluationError:
    return EvaluationError(f"`format`: %{clause} takes {wanted}, not a {name_of(value)}", "type")


def _special(value: Any) -> str | None:
    """Return the name of a double that is not finite."""
    if value != value:  # noqa: PLR0124 (only NaN is not itself)
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    return None


def plain_double(value: float) -> str:
    """Return a double as the shortest text that reads back, never with an exponent."""
    text = _special(value) or repr(value)
    mantissa, exponent, power = text.partition("e")
    if not exponent:
        return text.removesuffix(".0")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits, point = whole + fraction, len(whole) + int(power)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits.ljust(point, '0')}"  # repr writes no exponent where a fraction remains


def _bytes_text(value: bytes) -> str:
    """Return the UTF-8 text that bytes are, with one U+FFFD for each run that is none."""
    return _INVALID.sub("\ufffd", value.decode("utf-8", "surrogateescape"))


def _seconds(value: Duration) -> str:
    size = abs(value.ns)
    seconds = plain_double(size // SECOND_NS + size % SECOND_NS / SECOND_NS)
    return f"{'-' if value.ns < 0 else ''}{seconds}s"


_SCALARS: Final[dict[type, Callable[[Any], str]]] = {
    str: str,
    bool: lambda value: "true" if value else "false",
    BoolKey: lambda key: "true" if key.value else "false",
    int: str,
    Uint: int.__repr__,
    float: plain_double,
    bytes: _bytes_text,
    type(None): lambda _: "null",
    Duration: _seconds,
    Timestamp: lambda value: timestamp_text(value.ns),
    TypeValue: lambda value: str(value.name),
}


class _Texts:
    """Makes texts of values, as long as all of them together do not become too long."""

    def __init__(self) -> None:
        self.size = 0

    def add(self, text: str) -> str:
        """Count a text that goes into the result; raises EvaluationError past the bound."""
        self.size += len(text)
        return sized(text, self.size)

    def of(self, value: Any) -> str:
        """Return the text of `%s`."""
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            return self.add(scalar(value))
        if type(value) is list:
            self.add("[]")
            return f"[{', '.join([self.of(item) for item in self._each(value)])}]"
        if type(value) is dict:
            self.add("{}")
            entries = [(self.of(key), self.of(value[key])) for key in self._each(value)]
            entries.sort(key=lambda entry: entry[0])
            return "{" + ", ".join([f"{key}: {text}" for key, text in entries]) + "}"
        raise _refused("s", "a value that has a text", value)

    def _each(self, items: Any) -> Iterator[Any]:
        for item in items:
            self.add(", ")
            yield item


def _text(value: Any, _precision: int) -> str:
    return _Texts().of(value)


def _decimal(value: Any, _precision: int) -> str:
    if type(value) not in _NUMBERS:
        raise _refused("d", "a number", value)
    return _SCALARS[type(value)](value)


def _real(clause: str) -> Callable[[Any, int], str]:
    def text(value: Any, precision: int) -> str:
        if type(value) not in _NUMBERS:
            raise _refused(clause, "a number", value)
        return _special(value) or format(float(value), f".{precision}{clause}")

    return text


def _binary(value: Any, _precision: int) -> str:
    if type(value) not in _INTEGERS and type(value) is not bool:
        raise _refused("b", "an integer or a bool", value)
    return format(int(value), "b")


def _octal(value: Any, _precision: int) -> str:
    if type(value) not in _INTEGERS:
        raise _refused("o", "an integer", value)
    return format(int(value), "o")


def _hexadecimal(value: Any, _precision: int) -> str:
    if type(value) in _INTEGERS:
        return format(int(value), "x")
    octets = sound(value).encode() if type(value) is str else value
    if type(octets) is not bytes:
        raise _refused("x", "an integer, text or bytes", value)
    sized("", 2 * len(octets))
    return octets.hex()


_VERBS: Final[dict[str, Callable[[Any, int], str]]] = {
    "s": _text,
    "d": _decimal,
    "f": _real("f"),
    "e": _real("e"),
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal,
    "X": lambda value, precision: _hexadecimal(value, precision).upper(),
}


def _parts(template: str) -> Iterator[tuple[str, str, int]]:
    """Yield literal texts, each with the verb and precision that follow; the last has no verb."""
    pieces = _CLAUSE.split(template)
    for at in range(0, len(pieces) - 1, 3):
        literal, precision, verb = pieces[at : at + 3]
        if verb == "%" and precision is None:
            yield literal + "%", "", 0
            continue
        if verb not in _VERBS:
            shown = f"%{precision or ''}{verb}"
            raise EvaluationError(f"`format`: there is no clause `{shown}`", "argument")
        yield literal, verb, PRECISION if precision is None else _precision(precision[1:])
    yield pieces[-1], "", 0


def _precision(digits: str) -> int:
    if not digits or len(digits.lstrip("0")) > 3 or int(digits) > PRECISION_MAX:
        message = f"`format`: a precision is a number from 0 to {PRECISION_MAX}"
        raise EvaluationError(message, "argument")
    return int(digits)


def check_format(template: str, arguments: int) -> str | None:
    """Return why a text cannot be filled with so many values, or takes fewer; or None."""
    try:
        taken = sum(bool(verb) for _, verb, _ in _parts(template))
    except EvaluationError as error:
        return str(error)
    if taken == arguments:
        return None
    return f"`format`: the text has {taken} clauses, the list {arguments} values"


def format_text(template: Any, values: Any) -> str:
    """Return the text with its clauses replaced by values, one after another."""
    want("format", (template, str), (values, list))
    size = at = 0
    made: list[str] = []
    for literal, verb, precision in _parts(template):
        made.append(literal)
        size += len(literal)
        if verb:
            if at == len(values):
                message = f"`format`: there is no value for clause {at + 1}"
                raise EvaluationError(message, "argument")
            try:
                text = _VERBS[verb](values[at], precision)
            except RecursionError:
                message = "`format`: lists are nested too deep"
                raise EvaluationError(message, "size") from None
            made.append(text)
            size += len(text)
            at += 1
        sized("", size)
    return "".join(made)


FUNCTIONS: tuple[Function, ...] = (
    Function(
        "format",
        "with the values of a list for %s, %d, %f, %e, %x, %X, %o and %b",
        format_text,
        (method(t.STRING, t.List(t.DYN), gives=t.STRING),),
    ),
)

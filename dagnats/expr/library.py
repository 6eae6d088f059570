"""What the builtins do. Each checks its own arguments and raises EvaluationError."""

import json
import math
import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any, Final

from dagnats.expr import values
from dagnats.expr.regex import search
from dagnats.expr.values import (
    NONE,
    Absent,
    EvaluationError,
    Present,
    equal,
    is_number,
    name_of,
    no_overload,
    sized,
)

_BITS: Final = 64
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009" \
    "\u200a\u2028\u2029\u202f\u205f\u3000"
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_TRUE = frozenset({"true", "TRUE", "True", "t", "1"})
_FALSE = frozenset({"false", "FALSE", "False", "f", "0"})
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def _want(function: str, *pairs: tuple[Any, type]) -> None:
    """Raise unless every value is of its type."""
    for value, type_ in pairs:
        if type(value) is not type_:
            raise no_overload(function, *(value for value, _ in pairs))


# Operators


def invert(value: Any) -> bool:
    """`!value`."""
    if type(value) is not bool:
        raise no_overload("!", value)
    return not value


def unequal(left: Any, right: Any) -> bool:
    """`left != right`."""
    return not equal(left, right)


def less(left: Any, right: Any) -> bool:
    """`left < right`."""
    values.compare("<", left, right)
    return bool(left < right)


def at_most(left: Any, right: Any) -> bool:
    """`left <= right`."""
    values.compare("<=", left, right)
    return bool(left <= right)


def greater(left: Any, right: Any) -> bool:
    """`left > right`."""
    values.compare(">", left, right)
    return bool(left > right)


def at_least(left: Any, right: Any) -> bool:
    """`left >= right`."""
    values.compare(">=", left, right)
    return bool(left >= right)


# Conversions


def size(value: Any) -> int:
    """Return the number of characters, items or entries."""
    if type(value) in {str, list, dict}:
        return len(value)
    raise no_overload("size", value)


def same(value: Any) -> Any:
    """Return the value itself."""
    return value


def to_string(value: Any) -> str:
    """Return a scalar as text."""
    if type(value) is str or type(value) is bool or is_number(value):
        return values.text(value)
    raise no_overload("string", value)


def to_int(value: Any) -> int:
    """Return a number, or the number a text spells, as an integer, cut towards zero."""
    if type(value) is int:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(values.checked(int(value)))
    if type(value) is float and math.isfinite(value) and -(2.0**63) < value < 2.0**63:
        return int(value)
    if type(value) in {str, float}:
        raise EvaluationError(f"`{value}` is not an integer of 64 bits", "argument")
    raise no_overload("int", value)


def to_double(value: Any) -> float:
    """Return a number, or the number a text spells, as a double."""
    if is_number(value):
        return float(value)
    if type(value) is str:
        if _DOUBLE.fullmatch(value):
            return float(values.checked(float(value)))
        raise EvaluationError(f"`{value}` is not a number", "argument")
    raise no_overload("double", value)


def to_bool(value: Any) -> bool:
    """Return a bool, or the one a text spells."""
    if type(value) is bool:
        return value
    if type(value) is str:
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise EvaluationError(f"`{value}` is neither true nor false", "argument")
    raise no_overload("bool", value)


def json_encode(value: Any) -> str:
    """Return the value as compact JSON text."""
    text = json.dumps(values.leaving(value), ensure_ascii=False, separators=(",", ":"))
    return sized(text, len(text))


def json_parse(text: Any) -> Any:
    """Return the value that a JSON text spells; numbers must be in range."""
    _want("json.parse", (text, str))
    try:
        return json.loads(
            text,
            parse_int=lambda digits: values.checked(to_int(digits)),
            parse_float=lambda digits: values.checked(float(digits)),
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"the text is not JSON: {error}", "argument") from None


def _no_constant(name: str) -> Any:
    raise EvaluationError(f"the text is not JSON: it has no {name}", "argument")


# Texts


def text_contains(text: Any, part: Any) -> bool:
    """Whether the text holds another."""
    _want("contains", (text, str), (part, str))
    return part in text


def starts_with(text: Any, part: Any) -> bool:
    """Whether the text begins with another."""
    _want("startsWith", (text, str), (part, str))
    return bool(text.startswith(part))


def ends_with(text: Any, part: Any) -> bool:
    """Whether the text ends with another."""
    _want("endsWith", (text, str), (part, str))
    return bool(text.endswith(part))


def matches(text: Any, pattern: Any) -> bool:
    """Whether a pattern is found anywhere in the text."""
    _want("matches", (text, str), (pattern, str))
    return search(pattern, text)


def lower_ascii(text: Any) -> str:
    """Return the text with A to Z made small."""
    _want("lowerAscii", (text, str))
    return str(text.translate(_LOWER))


def upper_ascii(text: Any) -> str:
    """Return the text with a to z made capital."""
    _want("upperAscii", (text, str))
    return str(text.translate(_UPPER))


def trim(text: Any) -> str:
    """Return the text without Unicode white space at its ends."""
    _want("trim", (text, str))
    return str(text.strip(_SPACE))


def _index(function: str, at: int, size_: int) -> None:
    if not 0 <= at <= size_:
        raise EvaluationError(f"`{function}`: index {at} is outside 0 to {size_}", "argument")


def char_at(text: Any, at: Any) -> str:
    """Return the character at an index, the empty text at its end."""
    _want("charAt", (text, str), (at, int))
    _index("charAt", at, len(text))
    return str(text[at : at + 1])


def index_of(text: Any, part: Any, at: Any = 0) -> int:
    """Return where a text first stands from an index on, or -1."""
    _want("indexOf", (text, str), (part, str), (at, int))
    _index("indexOf", at, len(text))
    return int(text.find(part, at))


def last_index_of(text: Any, part: Any, at: Any = None) -> int:
    """Return where a text last begins, not after an index, or -1."""
    _want("lastIndexOf", (text, str), (part, str))
    if at is None:
        return int(text.rfind(part))
    _want("lastIndexOf", (text, str), (part, str), (at, int))
    _index("lastIndexOf", at, len(text))
    return int(text.rfind(part, 0, at + len(part)))


def substring(text: Any, start: Any, end: Any = None) -> str:
    """Return the characters from an index up to another."""
    last = len(text) if end is None and type(text) is str else end
    _want("substring", (text, str), (start, int), (last, int))
    _index("substring", start, len(text))
    _index("substring", last, len(text))
    if start > last:
        raise EvaluationError(f"`substring`: {start} is after {last}", "argument")
    return str(text[start:last])


def replace(text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    """Return the text with one text for another, at most `limit` times unless negative."""
    _want("replace", (text, str), (old, str), (new, str), (limit, int))
    found = text.count(old)
    times = found if limit < 0 else min(found, limit)
    sized(text, len(text) + times * (len(new) - len(old)))
    return str(text.replace(old, new, times))


def split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    """Return the texts between separators, at most `limit` of them unless negative."""
    _want("split", (text, str), (separator, str), (limit, int))
    if limit == 0:
        return []
    if separator == "":
        cut = len(text) if limit < 0 else limit - 1
        return [*text[:cut], text[cut:]] if len(text) > cut else list(text)
    return list(text.split(separator, limit - 1 if limit > 0 else -1))


def join_texts(items: Any, separator: Any = "") -> str:
    """Return the texts of a list put together."""
    _want("join", (items, list), (separator, str))
    for item in items:
        if type(item) is not str:
            raise EvaluationError(f"`join` takes texts, not a {name_of(item)}", "type")
    sized("", sum(map(len, items)) + len(separator) * len(items))
    return str(separator.join(items))


def quote(text: Any) -> str:
    """Return the text in double quotes, with escapes."""
    _want("strings.quote", (text, str))
    return '"' + "".join(_QUOTED.get(char, char) for char in text) + '"'


# Numbers


def _number(function: str, value: Any) -> Any:
    if not is_number(value):
        raise no_overload(function, value)
    return value


def _extreme(function: str, choose: Callable[[Any, Any], bool], args: tuple[Any, ...]) -> Any:
    numbers = args[0] if len(args) == 1 and type(args[0]) is list else args
    if not numbers:
        raise EvaluationError(f"`{function}` of nothing", "argument")
    best = _number(function, numbers[0])
    for number in numbers:
        if choose(_number(function, number), best):
            best = number
    return best


def greatest(*args: Any) -> Any:
    """Return the greatest of some numbers, or of a list."""
    return _extreme("math.greatest", lambda a, b: a > b, args)


def least(*args: Any) -> Any:
    """Return the least of some numbers, or of a list."""
    return _extreme("math.least", lambda a, b: a < b, args)


def absolute(value: Any) -> Any:
    """Return a number without its sign."""
    return values.checked(abs(_number("math.abs", value)))


def sign(value: Any) -> Any:
    """Return -1, 0 or 1 of the number's own type."""
    _number("math.sign", value)
    return type(value)((value > 0) - (value < 0))


def _double(function: str, value: Any) -> float:
    if type(value) is not float:
        raise no_overload(function, value)
    return value


def ceil(value: Any) -> float:
    """Return the least whole double that is not less."""
    return float(math.ceil(_double("math.ceil", value)))


def floor(value: Any) -> float:
    """Return the greatest whole double that is not greater."""
    return float(math.floor(_double("math.floor", value)))


def trunc(value: Any) -> float:
    """Return the double without its fraction."""
    return float(math.trunc(_double("math.trunc", value)))


def round_half(value: Any) -> float:
    """Return the nearest whole double, halves away from zero."""
    whole = math.floor(abs(_double("math.round", value)))
    if abs(value) - whole >= 0.5:
        whole += 1
    return math.copysign(float(whole), value)


def sqrt(value: Any) -> float:
    """Return the square root of a number that is not negative."""
    if _number("math.sqrt", value) < 0:
        raise EvaluationError("square root of a negative number", "argument")
    return math.sqrt(value)


def is_nan(value: Any) -> bool:
    """Whether a double is no number."""
    return math.isnan(_double("math.isNaN", value))


def is_inf(value: Any) -> bool:
    """Whether a double is infinite."""
    return math.isinf(_double("math.isInf", value))


def is_finite(value: Any) -> bool:
    """Whether a double is finite."""
    return math.isfinite(_double("math.isFinite", value))


def bit_and(left: Any, right: Any) -> int:
    """Bitwise and."""
    _want("math.bitAnd", (left, int), (right, int))
    return int(left & right)


def bit_or(left: Any, right: Any) -> int:
    """Bitwise or."""
    _want("math.bitOr", (left, int), (right, int))
    return int(left | right)


def bit_xor(left: Any, right: Any) -> int:
    """Bitwise exclusive or."""
    _want("math.bitXor", (left, int), (right, int))
    return int(left ^ right)


def bit_not(value: Any) -> int:
    """Bitwise not."""
    _want("math.bitNot", (value, int))
    return int(~value)


def _shift(function: str, value: Any, by: Any) -> int:
    _want(function, (value, int), (by, int))
    if by < 0:
        raise EvaluationError(f"`{function}` by a negative number of bits", "argument")
    return min(int(by), _BITS)


def shift_left(value: Any, by: Any) -> int:
    """Move the 64 bits up; those that leave are lost."""
    bits = (value << _shift("math.bitShiftLeft", value, by)) & (2**_BITS - 1)
    return int(bits - 2**_BITS if bits >> (_BITS - 1) else bits)


def shift_right(value: Any, by: Any) -> int:
    """Move the 64 bits down, zeros coming in."""
    by = _shift("math.bitShiftRight", value, by)
    return int(value if by == 0 else (value & (2**_BITS - 1)) >> by)


# Lists


def distinct(items: Any) -> list[Any]:
    """Return each element once, where it first stands."""
    _want("distinct", (items, list))
    found: list[Any] = []
    seen: set[tuple[type, Any]] = set()
    for item in items:
        if type(item) in {str, bool} or is_number(item):
            key = (type(item), item) if type(item) in {str, bool} else (float, item)
            if key not in seen:
                seen.add(key)
                found.append(item)
        elif not any(equal(item, other) for other in found):
            found.append(item)
    return found


def reverse(value: Any) -> Any:
    """Return a list or text the other way round."""
    if type(value) in {list, str}:
        return value[::-1]
    raise no_overload("reverse", value)


def sort(items: Any) -> list[Any]:
    """Return the elements in ascending order; all must compare with each other."""
    _want("sort", (items, list))
    for left, right in zip(items, items[1:], strict=False):
        values.compare("sort", left, right)
    return sorted(items, key=cmp_to_key(lambda a, b: (a > b) - (a < b)))


def slice_list(items: Any, start: Any, end: Any) -> list[Any]:
    """Return the elements from an index up to another."""
    _want("slice", (items, list), (start, int), (end, int))
    _index("slice", end, len(items))
    _index("slice", start, end)
    return list(items[start:end])


def flatten(items: Any, depth: Any = 1) -> list[Any]:
    """Return the elements of the lists in a list, down to a depth."""
    _want("flatten", (items, list), (depth, int))
    if depth < 0:
        raise EvaluationError("`flatten` to a negative depth", "argument")
    while depth > 0 and any(type(item) is list for item in items):
        items = [e for item in items for e in (item if type(item) is list else (item,))]
        values.bounded(len(items))
        depth -= 1
    return list(items)


def count(end: Any) -> list[int]:
    """Return the integers from 0 up to `end`."""
    _want("lists.range", (end, int))
    values.bounded(end)
    return list(range(end))


def first(items: Any) -> Present | Absent:
    """Return the first element or nothing."""
    _want("first", (items, list))
    return Present(items[0]) if items else NONE


def last(items: Any) -> Present | Absent:
    """Return the last element or nothing."""
    _want("last", (items, list))
    return Present(items[-1]) if items else NONE


def set_contains(items: Any, others: Any) -> bool:
    """Whether every one of `others` is among `items`."""
    _want("sets.contains", (items, list), (others, list))
    return all(values.contains(other, items) for other in others)


def set_equal(items: Any, others: Any) -> bool:
    """Whether each list has all of the other."""
    return set_contains(items, others) and set_contains(others, items)


def set_meets(items: Any, others: Any) -> bool:
    """Whether any element is in both."""
    _want("sets.intersects", (items, list), (others, list))
    return any(values.contains(other, items) for other in others)


# Optionals


def none() -> Absent:
    """Return the optional without a value."""
    return NONE


def of_non_zero(value: Any) -> Present | Absent:
    """Return an optional, without a value for null, false, zero and what is empty."""
    return Present(value) if value else NONE


def has_value(value: Any) -> bool:
    """Whether an optional has a value."""
    if isinstance(value, Present | Absent):
        return value is not NONE
    raise no_overload("hasValue", value)


def value(held: Any) -> Any:
    """Return the value of an optional."""
    if type(held) is Present:
        return held.value
    if held is NONE:
        raise EvaluationError("the optional has no value", "missing")
    raise no_overload("value", held)


def or_value(held: Any, other: Any) -> Any:
    """Return the value of an optional, or another."""
    if type(held) is Present:
        return held.value
    if held is NONE:
        return other
    raise no_overload("orValue", held, other)


def or_optional(held: Any, other: Any) -> Any:
    """Return an optional if it has a value, or else the other."""
    if isinstance(held, Present | Absent) and isinstance(other, Present | Absent):
        return other if held is NONE else held
    raise no_overload("or", held, other)

"""Functions on texts. Positions count code points."""

import re
from typing import Any

from dagnats.expr import types as t
from dagnats.expr.library.values import EvaluationError, bounded, name_of, sized, want, within
from dagnats.expr.signatures import Function, method, over

_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_QUOTED = str.maketrans({
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
})  # fmt: skip
_UNSOUND = re.compile("[\ud800-\udfff]")


def text_contains(text: Any, part: Any) -> bool:
    """Whether the text holds another."""
    want("contains", (text, str), (part, str))
    return part in text


def starts_with(text: Any, part: Any) -> bool:
    """Whether the text begins with another."""
    want("startsWith", (text, str), (part, str))
    return bool(text.startswith(part))


def ends_with(text: Any, part: Any) -> bool:
    """Whether the text ends with another."""
    want("endsWith", (text, str), (part, str))
    return bool(text.endswith(part))


def lower_ascii(text: Any) -> str:
    """Return the text with A to Z made small."""
    want("lowerAscii", (text, str))
    return str(text.translate(_LOWER))


def upper_ascii(text: Any) -> str:
    """Return the text with a to z made capital."""
    want("upperAscii", (text, str))
    return str(text.translate(_UPPER))


def trim(text: Any) -> str:
    """Return the text without Unicode white space at its ends."""
    want("trim", (text, str))
    return str(text.strip(_SPACE))


def char_at(text: Any, at: Any) -> str:
    """Return the character at an index, the empty text at its end."""
    want("charAt", (text, str), (at, int))
    within("charAt", at, len(text))
    return str(text[at : at + 1])


def index_of(text: Any, part: Any, at: Any = 0) -> int:
    """Return where a text first stands from an index on, or -1."""
    want("indexOf", (text, str), (part, str), (at, int))
    within("indexOf", at, len(text))
    return int(text.find(part, at))


def last_index_of(text: Any, part: Any, at: Any = None) -> int:
    """Return where a text last begins, not after an index, or -1."""
    want("lastIndexOf", (text, str), (part, str))
    if at is None:
        return int(text.rfind(part))
    want("lastIndexOf", (text, str), (part, str), (at, int))
    within("lastIndexOf", at, len(text))
    if part and at == len(text):
        return -1
    return int(text.rfind(part, 0, at + len(part)))


def substring(text: Any, start: Any, end: Any = None) -> str:
    """Return the characters from an index up to another."""
    last = len(text) if end is None and type(text) is str else end
    want("substring", (text, str), (start, int), (last, int))
    within("substring", start, len(text))
    within("substring", last, len(text))
    if start > last:
        raise EvaluationError(f"`substring`: {start} is after {last}", "argument")
    return str(text[start:last])


def replace(text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    """Return the text with one text for another, at most `limit` times unless negative."""
    want("replace", (text, str), (old, str), (new, str), (limit, int))
    found = text.count(old)
    times = found if limit < 0 else min(found, limit)
    sized(text, len(text) + times * (len(new) - len(old)))
    return str(text.replace(old, new, times))


def split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    """Return the texts between separators, at most `limit` of them unless negative."""
    want("split", (text, str), (separator, str), (limit, int))
    if limit == 0:
        return []
    bounded(text.count(separator) + 1)
    if separator == "":
        cut = len(text) if limit < 0 else limit - 1
        return [*text[:cut], text[cut:]] if len(text) > cut else list(text)
    return list(text.split(separator, limit - 1 if limit > 0 else -1))


def join_texts(items: Any, separator: Any = "") -> str:
    """Return the texts of a list put together."""
    want("join", (items, list), (separator, str))
    for item in items:
        if type(item) is not str:
            raise EvaluationError(f"`join` takes texts, not a {name_of(item)}", "type")
    sized("", sum(map(len, items)) + len(separator) * len(items))
    return str(separator.join(items))


def quote(text: Any) -> str:
    """Return the text in double quotes, with escapes."""
    want("strings.quote", (text, str))
    return f'"{sound(text).translate(_QUOTED)}"'


def sound(text: str) -> str:
    """Return the text with U+FFFD for what UTF-8 cannot carry, as long as before."""
    return _UNSOUND.sub("\ufffd", text)


def _table() -> tuple[Function, ...]:
    text, number = t.STRING, t.INT
    texts = t.List(text)
    one = (method(text, gives=text),)
    test = (method(text, text, gives=t.BOOL),)
    find = (method(text, text, gives=number), method(text, text, number, gives=number))
    at = method(text, number, gives=text)
    part = (at, method(text, number, number, gives=text))
    swap = (method(text, text, text, gives=text), method(text, text, text, number, gives=text))
    cut = (method(text, text, gives=texts), method(text, text, number, gives=texts))
    glue = (method(texts, gives=text), method(texts, text, gives=text))
    return (
        Function("contains", "whether it holds a text", text_contains, test),
        Function("startsWith", "whether it begins with a text", starts_with, test),
        Function("endsWith", "whether it ends with a text", ends_with, test),
        Function("lowerAscii", "A to Z made small", lower_ascii, one),
        Function("upperAscii", "a to z made capital", upper_ascii, one),
        Function("trim", "without white space at the ends", trim, one),
        Function("charAt", "the character at an index", char_at, (at,)),
        Function("indexOf", "where a text first stands, or -1", index_of, find),
        Function("lastIndexOf", "where a text last stands, or -1", last_index_of, find),
        Function("substring", "from an index up to another", substring, part),
        Function("replace", "with one text for another", replace, swap),
        Function("split", "the texts between separators", split, cut),
        Function("join", "the texts put together", join_texts, glue),
        Function("strings.quote", "in quotes, with escapes", quote, (over(text, gives=text),)),
    )


FUNCTIONS: tuple[Function, ...] = _table()

"""The text of a literal to its value: numbers, and strings and bytes with CEL's escapes."""

import re
from typing import Final

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1

_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)
_SURROGATE = re.compile("[\ud800-\udfff]")


class LiteralError(ValueError):
    """A literal that has no value; the message is for its author.

    `at` and `size` are the range in its text, `help` is what to write instead.
    """

    def __init__(self, message: str, at: int, size: int, help_: str) -> None:
        super().__init__(message)
        self.at = at
        self.size = size
        self.help = help_


def integer(text: str) -> int:
    """Return the value of a decimal or hexadecimal literal, unbounded."""
    return int(text, 16) if text.startswith("0x") else int(text)


def string(text: str) -> str:
    """Return the value of a string literal, quotes and prefix included in `text`.

    Raises LiteralError for an escape that does not exist or names no character.
    """
    raw = text[0] in "rR"
    start, body = _body(text, 1 if raw else 0)
    if raw or "\\" not in body:
        return _characters(body, start)
    return _characters(_ESCAPE.sub(lambda match: _character(match, start), body), start)


def octets(text: str) -> bytes:
    r"""Return the value of a bytes literal, quotes and prefix included in `text`.

    Characters stand for their UTF-8; `\x` and octal escapes for one byte. Raises LiteralError for
    an escape that bytes do not have.
    """
    raw = text[1] in "rR"
    start, body = _body(text, 2 if raw else 1)
    if raw or "\\" not in body:
        return _characters(body, start).encode()
    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(body):
        parts += (_characters(body[at : match.start()], start + at).encode(), _byte(match, start))
        at = match.end()
    parts.append(_characters(body[at:], start + at).encode())
    return b"".join(parts)


def _body(text: str, prefix: int) -> tuple[int, str]:
    """Return what stands between the quotes, and where it begins."""
    quotes = 3 if text[prefix : prefix + 3] in {'"""', "'''"} else 1
    return prefix + quotes, text[prefix + quotes : -quotes]


def _characters(body: str, start: int) -> str:
    """Return the text if it is one; the halves of surrogate pairs are no characters."""
    if not body.isascii() and (found := _SURROGATE.search(body)):
        message = f"U+{ord(found.group()):04X} is half a character"
        raise LiteralError(message, start + found.start(), 1, "write the whole character")
    return body


def _character(match: re.Match[str], start: int) -> str:
    simple, x, short, long, octal, _unknown = match.groups()
    if simple is not None:
        return _ESCAPES[simple]
    if octal is not None:
        return chr(int(octal, 8))
    digits = x or short or long
    if digits is None:
        raise _no_escape(match, start)
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        help_ = "write the character itself, or its code point as `\\U` and eight digits"
        message = f"`{match.group()}` names no character"
        raise LiteralError(message, start + match.start(), len(match.group()), help_)
    return chr(code)


def _byte(match: re.Match[str], start: int) -> bytes:
    simple, x, short, long, octal, _unknown = match.groups()
    if simple is not None:
        return _ESCAPES[simple].encode()
    if octal is not None:
        return bytes((int(octal, 8),))
    if x is not None:
        return bytes((int(x, 16),))
    if short or long:
        help_ = "write the character itself, or its bytes as `\\x` and two digits each"
        message = f"bytes have no escape `{match.group()}`"
        raise LiteralError(message, start + match.start(), len(match.group()), help_)
    raise _no_escape(match, start)


_DIGITS = {
    "x": "`\\x` takes two hexadecimal digits",
    "X": "`\\X` takes two hexadecimal digits",
    "u": "`\\u` takes four hexadecimal digits",
    "U": "`\\U` takes eight hexadecimal digits",
}


def _no_escape(match: re.Match[str], start: int) -> LiteralError:
    letter = match.group()[1:]
    if letter.isdecimal():
        help_ = "an octal escape has three digits, `\\000` to `\\377`"
    else:
        help_ = _DIGITS.get(letter, "write a backslash itself as `\\\\`, or the string as r'…'")
    message = f"there is no escape `{match.group()}`"
    return LiteralError(message, start + match.start(), len(match.group()), help_)

"""The text of a literal to its value: numbers, and strings with CEL's escapes."""

import re

_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"`?])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|([0-3][0-7]{2})|(.?))",
    re.DOTALL,
)


class LiteralError(ValueError):
    """A literal that has no value; the message is for its author, `at` is an offset in its text."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


def integer(text: str) -> int:
    """Return the value of a decimal or hexadecimal literal, unbounded."""
    return int(text, 16) if text[:2] in {"0x", "0X"} else int(text)


def string(text: str) -> str:
    """Return the value of a string literal, quotes and prefix included in `text`.

    Raises LiteralError for an escape that does not exist or names no character.
    """
    raw = text[0] in "rR"
    start = 1 if raw else 0
    quotes = 3 if text[start : start + 3] in {'"""', "'''"} else 1
    body = text[start + quotes : -quotes]
    if raw or "\\" not in body:
        return body
    offset = start + quotes
    return _ESCAPE.sub(lambda match: _unescape(match, offset), body)


def _unescape(match: re.Match[str], offset: int) -> str:
    simple, x, short, long, octal, _unknown = match.groups()
    if simple is not None:
        return _ESCAPES[simple]
    if octal is not None:
        return chr(int(octal, 8))
    digits = x or short or long
    if digits is None:
        raise LiteralError(f"there is no escape `{match.group()}`", offset + match.start())
    code = int(digits, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise LiteralError(f"`{match.group()}` names no character", offset + match.start())
    return chr(code)

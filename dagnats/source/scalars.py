"""What a plain YAML scalar means: the 1.2 core schema, and nothing that only 1.1 knew.

Dates, `yes`, `1_000` and `22:22` are strings. Numbers that JSON cannot hold are refused.
"""

import math
import re

from msgspec import Struct

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
DIGITS_MAX = 64
"""Digits of an integer beyond which nobody counts: it fits in 64 bits with far fewer."""

_WORDS: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
NUMERIC_STARTS = frozenset("0123456789+-.")
"""What a number begins with; every other scalar is a word."""

_DECIMAL = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEX = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)


class Refusal(Struct, frozen=True):
    """Why a number cannot be kept as JSON, and what to write instead."""

    message: str
    help: str


def resolve(text: str) -> bool | int | float | str | Refusal | None:
    """Return the value of a plain scalar, or why it has none."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in NUMERIC_STARTS:
        return text
    if _NOT_FINITE.fullmatch(text):
        return Refusal(f"`{text}` has no JSON value", f"quote it to mean the text: '{text}'")
    if _DECIMAL.fullmatch(text):
        return _integer(text, text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text, text[2:], 8)
    if _HEX.fullmatch(text):
        return _integer(text, text[2:], 16)
    if _FLOAT.fullmatch(text):
        return _float(text)
    return text


def _integer(text: str, digits: str, base: int) -> int | Refusal:
    value = int(digits, base) if len(digits) <= DIGITS_MAX else None
    if value is None or not INT_MIN <= value <= INT_MAX:
        message = f"the integer `{_cut(text)}` does not fit in 64 bits"
        return Refusal(message, "quote it to mean the text")
    return value


def _float(text: str) -> float | Refusal:
    value = float(text)
    if math.isinf(value):
        message = f"the number `{_cut(text)}` is too large for a double"
        return Refusal(message, "quote it to mean the text")
    return value


def _cut(text: str) -> str:
    return text if len(text) <= DIGITS_MAX else f"{text[:DIGITS_MAX]}…"

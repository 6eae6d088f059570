"""Bytes as text and back."""

import base64
import binascii
import re
from typing import Any, Final

from dagnats.expr.library.values import EvaluationError, sized, want
from dagnats.expr.signatures import Function, over
from dagnats.expr.types import BYTES, STRING

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)


def base64_encode(data: Any) -> str:
    """Return bytes as base64 with padding."""
    want("base64.encode", (data, bytes))
    sized("", len(data) * 4 // 3 + 4)
    return base64.b64encode(data).decode("ascii")


def base64_decode(text: Any) -> bytes:
    """Return the bytes of a base64 text; padding may be left out but not be wrong.

    Line ends are passed over, as cel-go does.
    """
    want("base64.decode", (text, str))
    plain = text.replace("\r", "").replace("\n", "")
    if _BASE64.fullmatch(plain):
        padding = "" if "=" in plain else "=" * (-len(plain) % 4)
        try:
            return base64.b64decode(plain + padding, validate=True)
        except binascii.Error:
            pass
    raise EvaluationError("`base64.decode`: the text is not base64", "argument")


FUNCTIONS: Final = (
    Function("base64.encode", "bytes as base64", base64_encode, (over(BYTES, gives=STRING),)),
    Function("base64.decode", "the bytes of base64", base64_decode, (over(STRING, gives=BYTES),)),
)

"""Run ids: 26 lower-case characters that sort by the time they were minted, as ULIDs do."""

import re
import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
TIME_CHARS = 10
_MINTED = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_AS_BASE_32 = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""To the digits that `int` reads."""


def new_run_id() -> str:
    """Return an id that nobody else has: 48 bits of milliseconds, 80 bits of chance."""
    return _encoded(int(time.time() * 1000), TIME_CHARS) + _encoded(
        secrets.randbits(80), LENGTH - TIME_CHARS
    )


def minted_at_ms(run_id: str) -> int | None:
    """Return when an id was minted, in milliseconds since the epoch; None for a hand-made one."""
    if _MINTED.fullmatch(run_id) is None:
        return None
    return int(run_id[:TIME_CHARS].translate(_AS_BASE_32), 32)


def _encoded(value: int, length: int) -> str:
    chars = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        chars.append(ALPHABET[digit])
    return "".join(reversed(chars))

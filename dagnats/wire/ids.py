"""Run ids: 26 lower-case characters that sort by the time they were minted, as ULIDs do."""

import secrets
import time

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
TIME_CHARS = 10
_VALUE = {char: value for value, char in enumerate(ALPHABET)}


def new_run_id() -> str:
    """Return an id that nobody else has: 48 bits of milliseconds, 80 bits of chance."""
    return _encoded(int(time.time() * 1000), TIME_CHARS) + _encoded(
        secrets.randbits(80), LENGTH - TIME_CHARS
    )


def minted_at_ms(run_id: str) -> int | None:
    """Return when an id was minted, in milliseconds since the epoch; None for a hand-made one."""
    if len(run_id) != LENGTH or any(char not in _VALUE for char in run_id):
        return None
    at = 0
    for char in run_id[:TIME_CHARS]:
        at = at * 32 + _VALUE[char]
    return at


def _encoded(value: int, length: int) -> str:
    chars = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        chars.append(ALPHABET[digit])
    return "".join(reversed(chars))

"""Run ids: 26 lower-case characters that sort by the time they were minted, as ULIDs do."""

import re

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
TIME_CHARS = 10
CHANCE_BITS = 80
_MINTED = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_AS_BASE_32 = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""To the digits that `int` reads."""


def run_id(at_ms: int, chance: int) -> str:
    """Return the id of a run minted then: 48 bits of milliseconds, 80 bits of chance."""
    return _encoded(at_ms, TIME_CHARS) + _encoded(chance, LENGTH - TIME_CHARS)


def derived_run_id(at_ms: int, seed: bytes) -> str:
    """Return the id of a run that another one asks for: the same for the same time and seed."""
    return run_id(at_ms, int.from_bytes(seed[: CHANCE_BITS // 8], "big"))


def minted_at_ms(text: str) -> int | None:
    """Return when an id was minted, in milliseconds since the epoch; None for a hand-made one."""
    if _MINTED.fullmatch(text) is None:
        return None
    return int(text[:TIME_CHARS].translate(_AS_BASE_32), 32)


def _encoded(value: int, length: int) -> str:
    chars = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        chars.append(ALPHABET[digit])
    return "".join(reversed(chars))

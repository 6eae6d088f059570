"""References to large values: what stands in a run for a value that is in the store instead.

    {"$payload": {"run_id": "01k9…", "sha256": "9f86…", "bytes": 1234567}}

Whoever makes a large value stores it before it sends it, and sends this. To everything in between
it is a small value like any other; whoever needs the value itself fetches it by this, and checks
that it is the one. No other value may have the key `$payload`.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

KEY: Final = "$payload"
CLAIM_BYTES: Final = 256_000
"""JSON of more bytes is stored, and a reference sent."""
CLAIMED_BYTES_MAX: Final = 64_000_000
"""JSON of more bytes is stored by nobody."""

_MARK: Final = b'"$payload"'
_ESCAPED: Final = b"\\u0024"
_SHA256_CHARS: Final = 64


class Claim(msgspec.Struct, frozen=True):
    """Which value is meant: whose it is, the SHA-256 of its JSON, and how many bytes that has."""

    run_id: str
    sha256: str
    bytes: int


def claim(run_id: str, data: bytes) -> Claim:
    """Return what names a value of a run, given as JSON."""
    return Claim(run_id, sha256(data).hexdigest(), len(data))


def reference(of: Claim) -> dict[str, Any]:
    """Return what stands for a value."""
    return {KEY: {"run_id": of.run_id, "sha256": of.sha256, "bytes": of.bytes}}


def is_claimed(of: Claim, data: bytes) -> bool:
    """Whether these bytes are the value that is meant."""
    return len(data) == of.bytes and sha256(data).hexdigest() == of.sha256


def claimed(value: Any) -> Claim | None:
    """Return what a value refers to; None for one that is no reference."""
    if type(value) is not dict or len(value) != 1:
        return None
    match value.get(KEY):
        case {"run_id": str(run_id), "sha256": str(digest), "bytes": int(size)} if (
            len(digest) == _SHA256_CHARS and size >= 0
        ):
            return Claim(run_id, digest, size)
        case _:
            return None


def may_refer(data: bytes) -> bool:
    """Whether JSON may have the key of references; False is certain."""
    return _MARK in data or _ESCAPED in data


def found_in(value: Any) -> Iterator[Claim]:
    """Yield what a value refers to, wherever in it."""
    todo = [value]
    while todo:
        part = todo.pop()
        if type(part) is list:
            todo += part
        elif type(part) is dict:
            found = claimed(part)
            if found is not None:
                yield found
            else:
                todo += part.values()


def has_key(value: Any) -> bool:
    """Whether the key of references stands anywhere in a value."""
    todo = [value]
    while todo:
        part = todo.pop()
        if type(part) is list:
            todo += part
        elif type(part) is dict:
            if KEY in part:
                return True
            todo += part.values()
    return False


def filled(value: Any, values: Mapping[Claim, Any]) -> Any:
    """Return a value with others in the place of its references; one that is missing stays."""
    if type(value) is list:
        return [filled(part, values) for part in value]
    if type(value) is not dict:
        return value
    found = claimed(value)
    if found is not None:
        return values.get(found, value)
    return {key: filled(part, values) for key, part in value.items()}

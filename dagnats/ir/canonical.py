"""Canonical JSON, written and read: same meaning, same bytes, same digest.

The standard library writes the bytes: its spelling of numbers is fixed, and a digest must never
depend on the version of a dependency.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, NoReturn

from dagnats.errors import BrokenError

_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
_NO_CONTENT = frozenset({"digest", "source_map"})


def canonical(document: Any) -> bytes:
    """Return the canonical bytes of a JSON value."""
    text = json.dumps(
        document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return text.encode()


def digest_of(document: Mapping[str, Any]) -> str:
    """Hash a document of any version, without what is no part of its identity."""
    content = {key: part for key, part in document.items() if key not in _NO_CONTENT}
    return f"sha256:{hashlib.sha256(canonical(content)).hexdigest()}"


def parse(data: bytes) -> dict[str, Any]:
    """Return the JSON object that the bytes spell, all keys in canonical order.

    Raises BrokenError, also for what JSON allows and canonical bytes cannot hold: a key that stands
    twice, half a surrogate pair, a number that is not finite.
    """
    try:
        text = data.decode("utf-8")
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_double
        )
        # Only an escape can spell half a surrogate pair, and canonical bytes hold none.
        if _HALF_PAIR.search(text):
            canonical(document)
    except UnicodeDecodeError as wrong:
        raise BrokenError(f"at $: not UTF-8 at byte {wrong.start}") from None
    except UnicodeEncodeError:
        raise BrokenError("at $: a text holds half a surrogate pair") from None
    except ValueError as wrong:
        raise BrokenError(f"at $: not JSON: {wrong}") from None
    if not isinstance(document, dict):
        raise BrokenError("at $: a program is a JSON object")
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Sort the keys, so that an evaluation never depends on the layout of a document."""
    found = dict(sorted(pairs, key=itemgetter(0)))
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BrokenError(f"at $: the key `{twice}` stands twice in one object")
    return found


def _double(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise BrokenError(f"at $: `{text}` is no finite number")

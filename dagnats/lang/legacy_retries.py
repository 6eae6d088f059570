"""Retry policies as the Go dagnats writes them: what is left out is nothing, and not a default.

{max_attempts: 3}                            →  {max_retries: 3, initial_delay: 1ms}
{max_attempts: 3, strategy: exponential}     →  {max_retries: 3, delays: [1ms, 1ms]}

A policy is one of Go where it says `max_attempts` in a document that does not say `dagnats: 1`.
"""

from typing import Any

from msgspec import structs

from dagnats.lang import tree
from dagnats.lang.notes import Notes
from dagnats.lang.rewriting import renaming
from dagnats.source.document import to_json
from dagnats.timespec import format_duration

DELAY_MIN_MS = 1
"""What Go waits at least, and so what it waits where a policy gives no delay."""

_OLD, _NEW = "max_attempts", "max_retries"


def is_of_go(retry: tree.Retry) -> bool:
    """Whether a policy is spelt as in Go; whether the document is one of Go is for the caller."""
    entry = retry.keys.get(_NEW)
    return retry.file is None and entry is not None and entry.key == _OLD


def modern_retry(retry: tree.Retry, notes: Notes) -> tree.Retry:
    """Return a policy of Go in the terms of today, and advise to write it so."""
    entry = retry.keys[_NEW]
    pairs: dict[str, Any] = {_NEW: to_json(entry.value)}
    changes: dict[str, Any] = {}
    if retry.strategy == "exponential" and not retry.multiplier and not retry.delays:
        # Go multiplies by 0 then.
        changes = {"strategy": None, "delays": _delays(retry)}
        _advise_delays(retry, changes["delays"], notes)
    elif retry.initial_delay is None and not retry.delays and retry.max_retries:
        changes = {"initial_delay": DELAY_MIN_MS}
        pairs["initial_delay"] = format_duration(DELAY_MIN_MS)
    names = " and ".join(f"`{key}`" for key in pairs)
    is_more = len(pairs) > 1
    written = notes.fix(f"write {names}", retry, entry, pairs)
    fixes = written if is_more else (renaming(entry, _NEW),)
    notes.spelling(entry, _NEW, fixes)
    return structs.replace(retry, **changes) if changes else retry


def _delays(retry: tree.Retry) -> tuple[int, int]:
    first = max(retry.initial_delay or 0, DELAY_MIN_MS)
    return (first if retry.max_delay is None else min(first, retry.max_delay)), DELAY_MIN_MS


def _advise_delays(retry: tree.Retry, delays: tuple[int, ...], notes: Notes) -> None:
    entry = retry.keys["strategy"]
    pairs = {"delays": [format_duration(delay) for delay in delays]}
    notes.old(entry, "delays", notes.fix("write `delays`", retry, entry, pairs))

"""Bugs of ours while serving: told to the operator, and kept from taking everything down.

Whatever a fault has left half done lives only in memory: the partition is dropped and read again.
A fault that belongs to certain runs sets these aside, so that the same fault does not come again.
"""

from collections.abc import Mapping


class RunFaultError(Exception):
    """Deciding for runs failed: a reason in words for each run id. Their states are not whole."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"run `{run_id}`: {why}" for run_id, why in reasons.items()))
        self.reasons = dict(reasons)


class RequestFaultError(Exception):
    """A message could not be handled, and nobody knows what of it was done."""


class ElsewhereError(Exception):
    """What is asked is another partition's to answer: this one is silent."""


def in_words(bug: BaseException) -> str:
    """Return an exception as one line: its type and its message."""
    return f"{type(bug).__name__}: {bug}" if str(bug) else type(bug).__name__

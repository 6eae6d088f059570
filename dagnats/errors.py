"""The exceptions, by blame. Mistakes in a document are never exceptions but diagnostics.

DagnatsError
├── UsageError          the caller: wrong flags, unreadable input       (exit 2)
├── NoServerError       the operator: nothing listens there             (exit 3)
├── RefusedError        the server said no: not found, conflict, denied (exit 4)
├── UnavailableError    the server cannot now: log unwritable, disk full, timed out
├── UncertainError      a write may or may not have been stored: recover from the log
├── FencedError         another owner has taken the partition
├── LimitError          a named limit was hit
└── BrokenError         us: a stored thing is not what we wrote
"""


class DagnatsError(Exception):
    """Any failure that dagnats itself reports."""

    exit_code = 1


class UsageError(DagnatsError):
    """The caller asked for something that cannot be: a missing file, a malformed input."""

    exit_code = 2


class NoServerError(DagnatsError):
    """No server could be found or reached."""

    exit_code = 3


class RefusedError(DagnatsError):
    """The server refused: `not_found`, `conflict`, `invalid`, `busy`, `unavailable` or `denied`."""

    exit_code = 4

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnavailableError(DagnatsError):
    """The world did not answer or could not store; asking again later may help."""


class UncertainError(DagnatsError):
    """Nobody knows whether a write was stored; only reading the log again can tell."""


class FencedError(DagnatsError):
    """Another owner has written to the log; this one must drop its state and step down."""


class LimitError(DagnatsError):
    """A named limit was reached."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(f"{message} (limit {limit})")
        self.limit = limit


class BrokenError(DagnatsError):
    """Something stored is not what we wrote: a bug of ours, or damage."""

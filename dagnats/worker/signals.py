"""What a handler says by raising or returning it: its errors, and that a loop goes on."""

import math
from typing import Any


class Retryable(Exception):  # noqa: N818 - the users' word
    """The attempt failed; another may follow, as the policy says. `code` is for expressions.

    What is sent of the message has ERROR_MESSAGE_CHARS_MAX characters; `details` are JSON of at
    most ERROR_DETAILS_BYTES_MAX.
    """

    code: str = "retryable"
    details: Any = None

    def __init__(self, message: str = "", *, code: str = "retryable", details: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class NonRetryable(Retryable):
    """The attempt failed, and so would any other: the step fails."""

    code = "non_retryable"

    def __init__(
        self, message: str = "", *, code: str = "non_retryable", details: Any = None
    ) -> None:
        super().__init__(message, code=code, details=details)


class RetryAfter(Retryable):
    """The attempt failed; another may follow after so many seconds, whatever the policy's delay.

    Raises ValueError unless `seconds` are finite and not negative.
    """

    code = "retry_after"
    seconds: float = 0

    def __init__(
        self, seconds: float, message: str = "", *, code: str = "retry_after", details: Any = None
    ) -> None:
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"RetryAfter wants the seconds to wait, from 0 on, not {seconds}")
        super().__init__(message or f"retry after {seconds} s", code=code, details=details)
        self.seconds = seconds


class Continue:
    """Returned by a handler of a loop: not done, go on with this state."""

    __slots__ = ("state",)

    def __init__(self, state: Any = None) -> None:
        self.state = state

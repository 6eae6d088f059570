"""What the machine's transitions cost, and how much of it one run may take.

One table for two readers: the compiler multiplies it into a certificate, the machine asserts its
counters against what came of it. A change of the machine that writes one event more is a change
here, and `tests/machine/test_properties.py` fails until it is made.
"""

EVENTS_PER_RUN = 3
"""`workflow.started`, perhaps `workflow.cancel_requested`, and the end."""

EVENT_ENVELOPE_BYTES_MAX = 1_024
"""An event without its payload: ids and names are short by rule."""
PAYLOAD_BYTES_MAX = 1_000_000
"""An input, an output, a state or an error as JSON: what fits in a message."""
PAYLOAD_LEVELS_MAX = 100
"""Lists and objects in each other: more than a worker may return, so that steps can wrap it."""

ERROR_CODE_CHARS_MAX = 128
ERROR_MESSAGE_CHARS_MAX = 4_000
ERROR_DETAILS_BYTES_MAX = 100_000
"""The details of an error, as JSON."""

RETRY_DELAY_MS_MAX = 3_600_000
"""The longest wait between two attempts, whatever a policy or a worker says."""

STEPS_MAX = 20_000
RUN_EVENTS_MAX = 1_000_000
"""Events of one run's history, at the worst."""


def events_per_attempt(max_deliveries: int) -> int:
    """Queued once, started with each delivery, lost with all but the last, and ended once."""
    return 2 * max_deliveries + 1

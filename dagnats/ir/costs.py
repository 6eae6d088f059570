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
BODIES_DEPTH_MAX = 8
"""Bodies inside bodies; the machine's paths and the certificate's polynomials grow with it."""
RUN_EVENTS_MAX = 1_000_000
"""Events of one run's history, at the worst."""


EVENTS_PER_STEP = 2
"""A step that no worker does: it began to run or wait, and ended."""
EVENTS_PER_PASS = 2
"""An iteration of a body, or an item of a map: begun, and ended."""
EVENTS_PER_PAUSE = 2
"""Paused, and resumed: what follows is a matter of who resumed it."""
EVENTS_PER_RECOVERY = 1
"""`on_failure` or `compensate` of a step begins."""
EVENTS_PER_PHASE = 1
"""Compensation begins, or `finally` does."""
EVENTS_PER_PLAN = 1
"""A plan has become steps, or was refused."""

VALUE_CHARS_MAX = PAYLOAD_BYTES_MAX
VALUE_ITEMS_MAX = PAYLOAD_BYTES_MAX // 2
"""The longest text and list that fit in a payload; an item has a comma beside it."""

INSTANCES_MAX = 100_000
"""Steps of a run that exist at once: those of bodies count for each item that is worked on."""


def events_per_attempt(max_deliveries: int) -> int:
    """Queued once, started with each delivery, lost with all but the last, and ended once."""
    return 2 * max_deliveries + 1

"""When the garbage collector is in the way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the collector away while many objects without circles are made.

    It would look at all of them again and again: half of the time of a large compile, three times
    that of encoding. What has circles waits a little longer.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

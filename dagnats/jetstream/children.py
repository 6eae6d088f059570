"""Child processes that do not outlive the one that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
ORPHANED = 1


def dying_with_us(by: signal.Signals) -> Callable[[], None] | None:
    """Return a `preexec_fn`: the kernel sends the child `by` when this process dies, however.

    None where the kernel does not know how. The thread that starts the child must be one that
    lasts as long as the process.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: after a fork only little is safe
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, by)
        if os.getppid() != parent:  # it died before it was asked for
            os._exit(ORPHANED)

    return ask

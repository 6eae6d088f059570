"""Looking at files again and again, until someone has seen enough."""

import time
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

PAUSE_S = 0.25

Look = dict[str, tuple[int, int, int] | None]


def watch(
    files: Callable[[], Iterable[str]],
    act: Callable[[], int],
    *,
    learned: Callable[[], Look] = dict,
    pause_s: float = PAUSE_S,
    rounds: int | None = None,
) -> int:
    """Act now and whenever one of the files has changed, come or gone.

    So do files that acting has `learned` of, with what they looked like before it read them. Ends
    with KeyboardInterrupt, or after so many `rounds`, and then with what `act` returned last.
    """
    seen: Look | None = None
    used: Look = {}
    code = 0
    for number in count():
        if number == rounds:
            break
        if number:
            time.sleep(pause_s)
        now = look(files())
        if now != seen or used != look(used):
            # Taken before acting: what changes meanwhile is seen the next time.
            seen, code = now, act()
            used = learned()
    return code


def look(files: Iterable[str]) -> Look:
    """Return what files look like from outside; a change shows in it."""
    return {file: _outside(file) for file in files}


def _outside(file: str) -> tuple[int, int, int] | None:
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino

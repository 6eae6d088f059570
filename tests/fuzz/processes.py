"""Runs commands on files as real processes, with little memory, and says what they may not do."""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

RSS_BYTES_MAX = 256 * 1024**2
ADDRESS_BYTES_MAX = 768 * 1024**2
"""More than may be used, so that what is used can be measured; less than would hurt anybody."""

SECONDS_MAX = 60.0
DAGNATS = (sys.executable, "-m", "dagnats.cli.main")
MANY = (sys.executable, "-m", "tests.fuzz.many")


class Ended(NamedTuple):
    """How a process ended, and what it took."""

    code: int
    out: str
    err: str
    rss: int
    seconds: float

    def complaints(self, codes: Sequence[int] = (0, 1, 2)) -> list[str]:
        """Return what it did that may never happen."""
        said = []
        if self.code not in codes:
            said.append(f"ended with {self.code}")
        if "Traceback" in self.out or "Traceback" in self.err:
            said.append("printed a traceback")
        if self.rss > RSS_BYTES_MAX:
            said.append(f"took {self.rss / 1024**2:.0f} MiB")
        if self.seconds > SECONDS_MAX:
            said.append(f"took {self.seconds:.0f} s")
        return said


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES_MAX, ADDRESS_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command: Sequence[str], folder: Path) -> Ended:
    """Run a command to its end, or to `SECONDS_MAX`."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            preexec_fn=_limited,
        )
        watch = threading.Timer(SECONDS_MAX + 1, process.kill)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        watch.cancel()
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = [each.read().decode("utf-8", "replace") for each in (out, err)]
    return Ended(process.returncode, said[0], said[1], usage.ru_maxrss * 1024, seconds)

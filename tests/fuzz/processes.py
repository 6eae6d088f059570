"""Runs commands on files as real processes, with little memory, and says what they may not do."""

import os
import signal
import subprocess
import sys
import tempfile
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


_LAUNCHER = f"""
import os, resource, sys
report, *command = sys.argv[1:]
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_AS, ({ADDRESS_BYTES_MAX}, {ADDRESS_BYTES_MAX}))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.execvp(command[0], command)
_, status, usage = os.wait4(child, 0)
with open(report, "w") as file:
    file.write(f"{{os.waitstatus_to_exitcode(status)}} {{usage.ru_maxrss}}")
"""
"""Stands between: Linux counts into a process what the one had that it was forked from."""


def run(command: Sequence[str], folder: Path) -> Ended:
    """Run a command to its end, or to `SECONDS_MAX`."""
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "NO_COLOR": "1"}
    with tempfile.TemporaryDirectory() as kept:
        report, out, err = (Path(kept, name) for name in ("report", "out", "err"))
        began = time.monotonic()
        with out.open("wb") as to_out, err.open("wb") as to_err:
            process = subprocess.Popen(
                [sys.executable, "-S", "-c", _LAUNCHER, str(report), *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                env=environment,
                start_new_session=True,
            )
        try:
            process.wait(SECONDS_MAX + 1)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.monotonic() - began
        told = report.read_text() if report.exists() else f"{process.returncode} 0"
        code, rss_kib = map(int, told.split())
        said = [each.read_bytes().decode("utf-8", "replace") for each in (out, err)]
    return Ended(code, said[0], said[1], rss_kib * 1024, seconds)

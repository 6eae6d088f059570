"""What processes use, as Linux counts it: times on a machine that others use, too, say little."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
USER, SYSTEM = 11, 12
"""Where they stand in `/proc/<pid>/stat`, counted from behind the name."""


def cpu_s(pid: int) -> float:
    """Return the processor time of a process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER]) + int(fields[SYSTEM])) / TICKS_PER_S


def resident(pid: int) -> int:
    """Return the resident bytes of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise LookupError(pid)


def nats_server_of(data_dir: Path) -> int:
    """Return the NATS server that runs in a data directory."""
    return int((data_dir / "nats-server.pid").read_text())

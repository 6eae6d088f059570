"""What the embedded nats-server reads and writes: its configuration, its log, its last words."""

import re
from pathlib import Path
from typing import Literal

Fsync = Literal["always", "interval"]

HOST = "127.0.0.1"
MAX_PAYLOAD = "8MB"
LOG_BYTES_MAX = 16_000_000
LOG_FILES_MAX = 2
LOG_READ_BYTES_MAX = 1_000_000
STORE_BYTES_MAX = 1 << 50
"""More than any disk: the disk is the limit. Left to itself the server takes three quarters of what
is free when it starts, counts what it holds already against it, and refuses at half a disk."""

LOG = "nats-server.log"
STDERR = "nats-server.stderr"
WRITE_ERROR = re.compile(r"\[(?:ERR|FTL)\] (.*(?:[Cc]ritical write error|no space left).*)")
LINE_HEAD = re.compile(r"^\[\d+\] \S+ \S+ \[\w+\] ")


def configuration(data_dir: Path, port: int, fsync: Fsync, user: str, password: str) -> str:
    """Return the text of a configuration for one node on loopback."""
    return (
        f'listen: "{HOST}:{port}"\n'
        f"server_name: dagnats\n"
        f"max_payload: {MAX_PAYLOAD}\n"
        f"log_file: {quoted(str(data_dir / LOG))}\n"
        f"logfile_size_limit: {LOG_BYTES_MAX}\n"
        f"logfile_max_num: {LOG_FILES_MAX}\n"
        f"jetstream {{\n"
        f"  store_dir: {quoted(str(data_dir / 'jetstream'))}\n"
        f"  max_file: {STORE_BYTES_MAX}\n"
        f"  sync_interval: {'always' if fsync == 'always' else quoted('2m')}\n"
        f"}}\n"
        f"authorization {{ user: {quoted(user)}, password: {quoted(password)} }}\n"
    )


def quoted(text: str) -> str:
    r"""Return a string as NATS reads it back; it knows `\xHH`, but none of JSON's `\uHHHH`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\x{ord(c[0]):02X}", escaped) + '"'


def last_words(data_dir: Path) -> str:
    """Return what a server that has ended said: on stderr, else in its log."""
    stderr = _lines(data_dir / STDERR)
    if stderr:
        return stderr[0].removeprefix("nats-server: ")
    log = _lines(data_dir / LOG)
    if log:
        return LINE_HEAD.sub("", log[-1])
    return f"see {data_dir / LOG}"


def _lines(file: Path) -> list[str]:
    try:
        with file.open("rb") as opened:
            size = opened.seek(0, 2)
            opened.seek(max(0, size - LOG_READ_BYTES_MAX))
            text = opened.read().decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


class WriteErrors:
    """Finds in the log of a server that it could not write; after that it may never write again."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / LOG
        self._read = 0
        self.skip()

    def skip(self) -> None:
        """Take no notice of what stands there now."""
        try:
            self._read = self._file.stat().st_size
        except OSError:
            self._read = 0

    def next(self) -> str | None:
        """Return what the first new line says that tells of a failed write, or None."""
        try:
            with self._file.open("rb") as log:
                if log.seek(0, 2) < self._read:
                    self._read = 0  # the server has begun a new file
                log.seek(self._read)
                new = log.read(LOG_READ_BYTES_MAX)
        except OSError:
            return None
        self._read += len(new)
        found = WRITE_ERROR.search(new.decode(errors="replace"))
        return None if found is None else found[1]

"""The data directory: where it is, who serves it, and what its small files say."""

import fcntl
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dagnats.errors import RefusedError, UsageError


def data_dir_of(flag: Path | None) -> Path:
    """Return the data directory that a flag, else the environment, else the platform names.

    The path is absolute: what is written about it holds wherever it is read.
    """
    return (default_data_dir() if flag is None else flag.expanduser()).resolve()


def default_data_dir() -> Path:
    """Return `DAGNATS_DATA_DIR`, or `dagnats` in the user's data directory."""
    chosen = os.environ.get("DAGNATS_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "dagnats"
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "dagnats"


class DataDirLock:
    """One `dagnats serve` per data directory: held while the block lasts, freed by any death."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: Any = None

    def __enter__(self) -> Self:
        """Take the lock. Raises RefusedError `conflict`, or UsageError when it cannot be tried."""
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._file = (self._data_dir / "lock").open("a+", errors="replace")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise RefusedError(
                "conflict",
                f"{self._data_dir} is served already by process {holder}; "
                "stop it, or choose another `--data-dir`",
            ) from None
        except OSError as wrong:
            raise UsageError(
                f"cannot use data directory {self._data_dir}: {wrong.strerror or wrong}"
            ) from wrong
        try:
            os.truncate(self._file.fileno(), 0)
            os.write(self._file.fileno(), str(os.getpid()).encode())
        except OSError:
            return self  # a full disk: the lock holds, only its holder's name is missing
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, all of it or nothing."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    # Paths are bytes: those that are no UTF-8 come through as they are.
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def write_serve_file(data_dir: Path, document: dict[str, Any]) -> None:
    """Say where a server listens: `serve.json`, mode 0600."""
    write_private(data_dir / "serve.json", json.dumps(document, indent=2) + "\n")


def read_serve_file(data_dir: Path) -> dict[str, Any] | None:
    """Return what a server of this data directory said, or None; it may have died since."""
    try:
        found = json.loads((data_dir / "serve.json").read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("nats_url"), str) else None


def remove_serve_file(data_dir: Path) -> None:
    """Take back what was said."""
    (data_dir / "serve.json").unlink(missing_ok=True)


def read_credentials(file: Path) -> tuple[str, str]:
    """Return user and password from a credentials file. Raises RefusedError `denied`."""
    try:
        known: dict[str, Any] = json.loads(file.read_text())
        return str(known["user"]), str(known["password"])
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise RefusedError("denied", f"cannot read the credentials in {file}: {wrong}") from wrong

"""Files that documents import: found beside the file that imports them."""

import os
import stat
from pathlib import Path

from dagnats.cli.documents import BYTES_MAX
from dagnats.cli.watch import Look, look
from dagnats.lang.imports import Loaded


class Loader:
    """Reads what documents import; `seen` is what those files, there or not, looked like before."""

    def __init__(self) -> None:
        self.seen: Look = {}

    def __call__(self, within: str, path: str) -> Loaded | str:
        """Return the file at a path, or why it cannot be read."""
        name = _place(within, path)
        if name not in self.seen:
            self.seen |= look((name,))
        return load(within, path)


def _place(within: str, path: str) -> str:
    return os.path.normpath(Path(within).parent / path)


def load(within: str, path: str) -> Loaded | str:
    """Return the file at a path that starts at the folder of another, or why it cannot be read.

    What standard input imports starts at the current folder.
    """
    name = _place(within, path)
    try:
        status = Path(name).stat()
        if not stat.S_ISREG(status.st_mode):
            return "it is not a file"
        if status.st_size > BYTES_MAX:
            return f"it has more than {BYTES_MAX} bytes"
        return Loaded(name, Path(name).read_bytes().decode("utf-8"))
    except UnicodeDecodeError as wrong:
        return f"it is not UTF-8: byte {wrong.start} is {wrong.reason}"
    except (OSError, ValueError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else None
        return (reason or str(wrong)).lower()

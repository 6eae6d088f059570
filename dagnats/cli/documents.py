"""Documents as files: which ones a command line means, reading them, and writing them back."""

import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.diagnostics.diagnostic import Diagnostic

STDIN = "<stdin>"
SUFFIXES = (".yaml", ".yml", ".json")
BYTES_MAX = 4_194_304
"""A greater file of a folder is no document: the compiler would refuse it."""

PASSED_OVER = frozenset({"node_modules", "__pycache__", "site-packages"})

_KEY = re.compile(rb"""^["']?(dagnats|name|steps)["']?[ \t]*:""", re.MULTILINE)
_INNER_KEY = re.compile(rb"""["']?\b(dagnats|name|steps)\b["']?[ \t]*:""")
_BOM = b"\xef\xbb\xbf"

Seen = dict[str, tuple[tuple[int, int], bool]]
"""Files that were looked into: what they looked like from outside, and whether they are ours."""


class Opened(NamedTuple):
    """A document that was read.

    `refused` says why its bytes are no text; `text` then only serves to show where.
    """

    name: str
    text: str
    refused: "tuple[Diagnostic, ...]" = ()


def read(file: str, name: str = STDIN) -> Opened:
    """Return what a file holds, or standard input for `-`, called `name`. Raises UsageError."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as wrong:
        raise UsageError(f"cannot read `{file}`: {wrong.strerror or wrong}") from wrong
    called = name if file == "-" else file
    try:
        return Opened(called, data.decode("utf-8"))
    except UnicodeDecodeError:
        from dagnats.diagnostics.diagnostic import Sink
        from dagnats.source.characters import decode

        sink = Sink()
        decode(data, sink)
        return Opened(called, data.decode("utf-8", "replace"), sink.sorted())


def find(
    paths: Sequence[str], excludes: Callable[[str], bool], seen: Seen | None = None
) -> list[str]:
    """Return the files that paths mean, each once: a file itself, of a folder its workflows.

    `excludes` tells what of a folder to pass over; `seen` remembers between calls. Raises
    UsageError for a folder in which there is none.
    """
    found: dict[str, str] = {}
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            found.setdefault(os.path.normpath(path), path)
            continue
        inside = [
            file for file in _workflows(path, {} if seen is None else seen) if not excludes(file)
        ]
        if not inside:
            raise UsageError(f"there is no workflow document in `{path}`")
        for file in inside:
            found.setdefault(os.path.normpath(file), file)
    return list(found.values())


def _workflows(folder: str, seen: Seen) -> Iterator[str]:
    """Yield the documents below a folder, in order of their names."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not _is_passed_over(parent, f))
        for file in sorted(files):
            path = os.path.normpath(Path(parent, file))
            if file.endswith(SUFFIXES) and not file.startswith(".") and _is_ours(path, seen):
                yield path


def _is_passed_over(parent: str, folder: str) -> bool:
    """Whether a folder is hidden, or holds what others have written."""
    hidden = folder.startswith(".") or folder in PASSED_OVER
    return hidden or Path(parent, folder, "pyvenv.cfg").exists()


def _is_ours(path: str, seen: Seen) -> bool:
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > BYTES_MAX:
            return False
        outside = status.st_mtime_ns, status.st_size
        if path not in seen or seen[path][0] != outside:
            seen[path] = outside, is_workflow(Path(path).read_bytes())
    except OSError:
        return False
    return seen[path][1]


def is_workflow(content: bytes) -> bool:
    """Whether a file is meant as a workflow: its root says `dagnats`, or both `name` and `steps`.

    Only a guess, so that it takes documents that are not yet well-formed.
    """
    if b"steps" not in content and b"dagnats" not in content:
        return False
    content = content.removeprefix(_BOM)
    if content.lstrip()[:1] in {b"{", b"["}:
        keys = _keys_of_json(content)
    else:
        keys = {found[1] for found in _KEY.finditer(content)}
    return b"dagnats" in keys or keys >= {b"name", b"steps"}


def _keys_of_json(content: bytes) -> set[bytes]:
    import json

    try:
        root = json.loads(content)
    except (ValueError, RecursionError):
        return {found[1] for found in _INNER_KEY.finditer(content)}
    return {key.encode("utf-8", "replace") for key in root} if isinstance(root, dict) else set()


def write(file: str, before: str, after: str) -> None:
    """Replace the text of a file, whole or not at all; its mode stays, links stay links.

    Raises UsageError, also when the file no longer holds `before`.
    """
    import tempfile

    path = Path(file).resolve()
    if read(str(path)).text != before:
        raise UsageError(f"`{file}` has changed meanwhile; it was not touched")
    temporary = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as opened:
            opened.write(after.encode("utf-8"))
            opened.flush()
            os.fsync(opened.fileno())
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
        temporary = None
    except OSError as wrong:
        raise UsageError(f"cannot write `{file}`: {wrong.strerror or wrong}") from wrong
    finally:
        if temporary is not None:
            temporary.unlink()

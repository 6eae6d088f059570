"""Secrets: found where the worker runs, put where their markers stand, hidden in what leaves.

The engine knows names only. `Task.secrets` names a secret by the text that stands for it in the
input; its value comes from a resolver and never goes back: errors, results, checkpoints and streams
of an attempt have HIDDEN where the value was.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from dagnats.errors import UsageError
from dagnats.wire.tasks import Task
from dagnats.worker.signals import NonRetryable, Retryable

Resolver = Callable[[str], str | None]
"""Returns the value of a secret; None, or a LookupError, when it has none of this name."""

ENVIRONMENT = "DAGNATS_SECRET_"
HIDDEN = "***"
HIDDEN_CHARS_MIN = 4
"""A shorter value is left where it stands: it stands everywhere, and hiding it would tell it."""
FILE_BYTES_MAX = 1_000_000
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def from_environment(name: str) -> str | None:
    """Return the value of a secret: `DAGNATS_SECRET_<name>`."""
    return os.environ.get(f"{ENVIRONMENT}{name}")


def from_file(path: Path) -> Resolver:
    """Return a resolver that looks in a file (a JSON object, or lines `NAME=value`), else around.

    The file is read now. Raises UsageError if it cannot be, is open to others, or holds none.
    """
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
            raise UsageError(
                f"others may read {path} (mode {stat.S_IMODE(status.st_mode):04o})\n"
                f"  help: chmod 600 {path}"
            )
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read {path}: {reason or wrong}") from None
    if len(data) > FILE_BYTES_MAX:
        raise UsageError(f"{path} has more than {FILE_BYTES_MAX} bytes (limit FILE_BYTES_MAX)")
    known = _parsed(path, text)

    def resolve(name: str) -> str | None:
        return known[name] if name in known else from_environment(name)

    return resolve


def _parsed(path: Path, text: str) -> dict[str, str]:
    """Read names and values; what is wrong is told by its line, never by its text."""
    known: dict[str, str] = {}
    pairs = _of_json(path, text) if text.lstrip().startswith("{") else _of_lines(path, text)
    for where, name, value in pairs:
        if NAME.fullmatch(name) is None:
            raise UsageError(f"{path}{where}: a name has letters, digits and `_`, up to 64")
        if not isinstance(value, str):
            raise UsageError(f"{path}{where}: the value of `{name}` is not a text")
        known[name] = value
    return known


def _of_json(path: Path, text: str) -> Iterator[tuple[str, str, Any]]:
    try:
        for name, value in json.loads(text).items():
            yield "", name, value
    except (json.JSONDecodeError, RecursionError) as wrong:
        line = getattr(wrong, "lineno", 1)
        raise UsageError(f"{path}:{line}: not JSON") from None


def _of_lines(path: Path, text: str) -> Iterator[tuple[str, str, Any]]:
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise UsageError(f"{path}:{number}: not `NAME=value`")
        yield f":{number}", name.strip(), _unquoted(value.strip())


def _unquoted(value: str) -> str:
    """Take quotes off; double ones may have a newline, a quote or a backslash after a backslash."""
    if len(value) < 2 or value[0] != value[-1] or value[0] not in "\"'":
        return value
    inner = value[1:-1]
    if value[0] == "'":
        return inner
    return re.sub(r"\\(.)", lambda m: {"n": "\n", '"': '"', "\\": "\\"}.get(m[1]) or m[0], inner)


class Hiding:
    """Takes the values of secrets out of what leaves the worker."""

    __slots__ = ("_encoded", "_found")

    def __init__(self, values: list[str]) -> None:
        worth = [value for value in values if len(value) >= HIDDEN_CHARS_MIN]
        forms = {form for value in worth for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, longest_first))) if forms else None
        self._encoded = [_encode(form)[1:-1] for form in forms]

    def text(self, text: str) -> str:
        """Return a text without the values."""
        return self._found.sub(HIDDEN, text) if self._found is not None else text

    def json(self, data: bytes) -> bytes:
        """Return JSON whose texts are without the values."""
        if any(form in data for form in self._encoded):
            return _encode(_each_text(_decode(data), self.text, keys=True))
        return data


def _forms(value: str) -> Iterator[str]:
    """Yield a value, and how it stands in what Python and JSON write of it."""
    yield value
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]


NOTHING = Hiding([])


def opened(task: Task, resolve: Resolver) -> tuple[Any, Hiding]:
    """Return the input with the values of the secrets that it names, and what hides them.

    Raises NonRetryable (`secret_missing`), Retryable (`secret_unavailable`).
    """
    names = {marker: name for name, marker in task.secrets.items() if marker}
    if not names:
        return task.input, NOTHING
    # One pass over all markers: a value that looks like one of them stays as it is.
    marked = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    values: dict[str, str] = {}

    def value_of(match: re.Match[str]) -> str:
        marker = match[0]
        if marker not in values:
            values[marker] = _resolved(names[marker], resolve)
        return values[marker]

    filled = _each_text(task.input, lambda text: marked.sub(value_of, text), keys=False)
    return filled, Hiding(list(values.values()))


def _resolved(name: str, resolve: Resolver) -> str:
    value: Any
    try:
        value = resolve(name)
    except LookupError:
        value = None
    except Exception as failure:  # noqa: BLE001 - whatever a resolver of the user does
        # Its message stays here: it may tell what it should not.
        kind = type(failure).__name__
        message = f"asking for the secret `{name}` raised {kind}"
        raise Retryable(message, code="secret_unavailable") from None
    if value is None:
        raise NonRetryable(f"this worker has no secret `{name}`", code="secret_missing")
    if not isinstance(value, str) or not _is_utf8(value):
        message = f"what this worker has for the secret `{name}` is not text in UTF-8"
        raise NonRetryable(message, code="secret_missing")
    return value


def _is_utf8(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _each_text(value: Any, change: Callable[[str], str], *, keys: bool) -> Any:
    """Return JSON with its texts changed, and its keys too if `keys`."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(part, change, keys=keys) for part in value]
    if isinstance(value, dict):
        return {
            (change(key) if keys else key): _each_text(part, change, keys=keys)
            for key, part in value.items()
        }
    return value

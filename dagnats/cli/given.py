"""JSON that is given on the command line: written out, of a file, or of standard input."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from dagnats.cli import progress
from dagnats.errors import UsageError

WORD = re.compile(r"[\w ,.!?-]+")
_PART = re.compile(r"(?:^|(?<=.)\.)([^.\[\]]+)|\[(\d{1,9})\]")

Part = str | int


def read_input(text: str | None, option: str | None) -> Any:
    """Return an input from its argument or from its option, None when neither is given.

    Raises UsageError when both are given, or when what is given is not JSON.
    """
    if text is not None and option is not None:
        raise UsageError("the input is given twice: as an argument and with `--input`")
    given = text if text is not None else option
    return None if given is None else read_json(given, "the input")


def read_json(given: str, what: str) -> Any:
    """Return the value of JSON, `@FILE` or `@-`; `what` is what it is for. Raises UsageError."""
    if given == "@-":
        return _parsed(sys.stdin.read(), f"{what} of stdin", hint="")
    if given.startswith("@"):
        return _parsed(_read_file(given[1:]), f"`{given[1:]}`", hint="")
    return _parsed(given, f"{what} `{progress.brief(given)[1:-1]}`", hint=_hint(given))


def _read_file(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as wrong:
        raise UsageError(f"cannot read `{file}`: {wrong.strerror}") from wrong
    except UnicodeDecodeError as wrong:
        raise UsageError(f"cannot read `{file}`: it is not UTF-8") from wrong


def _parsed(text: str, what: str, *, hint: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as wrong:
        raise UsageError(f"{what} is not JSON: {wrong}{hint}") from wrong


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} has no place in JSON")


def _hint(given: str) -> str:
    """Say how to quote a string for the shell, when that is what was meant."""
    if WORD.fullmatch(given):
        return f"\n  help: a JSON string keeps its quotes inside the shell's: '\"{given}\"'"
    return "\n  help: put single quotes around it, or write it to a file and say `@FILE`"


def assignment(text: str) -> tuple[list[Part], Any]:
    """Return path and value of `PATH=VALUE`, as in `input.items[0].name="Ada"`.

    Raises UsageError.
    """
    path, equals, value = text.partition("=")
    parts: list[Part] = []
    at = 0
    while found := _PART.match(path, at):
        parts.append(found[1] if found[2] is None else int(found[2]))
        at = found.end()
    if not equals or not parts or at != len(path):
        raise UsageError(f"`{text}` is not PATH=VALUE, as in `input.items[0].name='\"Ada\"'`")
    return parts, read_json(value, f"`{path}`")


def assigned(document: Any, parts: list[Part], value: Any, what: str) -> Any:
    """Return a document with another value at a path; objects on the way there are made.

    Raises UsageError, which calls the document `what`, when the path leads nowhere.
    """
    if not parts:
        return value
    head, rest = parts[0], parts[1:]
    if isinstance(head, int):
        if not isinstance(document, list) or head > len(document):
            raise UsageError(f"{what} has no place [{head}]")
        inner = document[head] if head < len(document) else None
        changed = [*document]
        changed[head : head + 1] = [assigned(inner, rest, value, f"{what}[{head}]")]
        return changed
    if document is not None and not isinstance(document, dict):
        raise UsageError(f"{what} is no object: it has no `{head}`")
    inner = (document or {}).get(head)
    return {**(document or {}), head: assigned(inner, rest, value, f"{what}.{head}")}

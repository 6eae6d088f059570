"""Programs that a command line names: of a document, of compiled IR, or registered ones."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagnats.cli import offline, output
from dagnats.cli.documents import SUFFIXES, read
from dagnats.errors import BrokenError, UsageError

if TYPE_CHECKING:
    from dagnats.ir.program import Program

_IR_KEY = "dagnats_ir"


def is_file(word: str) -> bool:
    """Whether a word means a file, and no name of a workflow: those have no dot."""
    return word == "-" or word.endswith(SUFFIXES) or "/" in word or Path(word).is_file()


def load(file: str, *, as_json: bool = False) -> "Program | None":
    """Return the program of a document or of compiled IR; None for a document with errors.

    Its findings go to stderr; with `as_json` those of a document with errors are the result.
    Raises UsageError for what cannot be read, and for IR that is none.
    """
    opened = read(file)
    name, text = opened.name, opened.text
    if not opened.refused and is_ir(text):
        return _load_ir(name, text)
    compiled = offline.compiled_of(opened)
    if compiled.program is None and as_json:
        from dagnats.diagnostics import render

        output.result_json(render.render_json({name: compiled.diagnostics}))
        return None
    with contextlib.redirect_stdout(sys.stderr):
        offline.show(compiled, text, name, concise=False)
    return compiled.program


def is_ir(text: str) -> bool:
    """Whether a text is compiled IR, and no document."""
    if not text.lstrip().startswith("{") or f'"{_IR_KEY}"' not in text:
        return False
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and _IR_KEY in document


def _load_ir(name: str, text: str) -> "Program":
    from dagnats.ir.codec import load as load_ir

    try:
        return load_ir(text.encode())
    except BrokenError as wrong:
        raise UsageError(f"`{name}` is no program: {wrong}") from wrong


def of_answer(answer: dict[str, Any]) -> "Program":
    """Return the program of an answer of the server."""
    from dagnats.ir.codec import load as load_ir

    return load_ir(json.dumps(answer["program"]).encode())


def write(text: str, target: str | None) -> None:
    """Write a result to a file, or to stdout for `-` and None. Raises UsageError."""
    if target is None or target == "-":
        sys.stdout.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as wrong:
        raise UsageError(f"cannot write `{target}`: {wrong.strerror or wrong}") from wrong

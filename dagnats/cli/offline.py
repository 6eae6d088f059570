"""`lint` and `compile`: what can be said without a server. Imports neither network nor typer."""

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dagnats.cli import output
from dagnats.diagnostics.diagnostic import Diagnostic, Severity
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.compiler.pipeline import Compiled

STDIN = "<stdin>"


def read(file: str) -> tuple[str, str]:
    """Return the name and the text of a file, or of standard input for `-`. Raises UsageError."""
    try:
        if file == "-":
            return STDIN, sys.stdin.buffer.read().decode("utf-8")
        return file, Path(file).read_bytes().decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise UsageError(f"`{file}` is not UTF-8: byte {wrong.start} is {wrong.reason}") from wrong
    except OSError as wrong:
        raise UsageError(f"cannot read `{file}`: {wrong.strerror or wrong}") from wrong


def lint(files: Sequence[str], chosen: str) -> int:
    """Check documents and print the findings; returns 1 when there is an error or a warning."""
    from dagnats.compiler.pipeline import compile_workflow

    texts = [read(file) for file in files]
    found = {name: compile_workflow(text, name) for name, text in texts}
    if chosen == "json":
        from dagnats.diagnostics import render

        output.result_json(render.render_json({n: c.diagnostics for n, c in found.items()}))
    else:
        for name, text in texts:
            show(found[name], text, name, concise=chosen == "concise")
        output.say(_summary([c.diagnostics for c in found.values()]))
    return int(any(_matters(d) for c in found.values() for d in c.diagnostics))


def compile_file(file: str, target: str | None = None, *, as_json: bool = False) -> int:
    """Print the IR of a document, or write it to `target`; returns 1 when it does not compile."""
    from dagnats.compiler.pipeline import compile_workflow
    from dagnats.ir.codec import to_document

    name, text = read(file)
    compiled = compile_workflow(text, name)
    if as_json and compiled.program is None:
        from dagnats.diagnostics import render

        output.result_json(render.render_json({name: compiled.diagnostics}))
        return 1
    with contextlib.redirect_stdout(sys.stderr):
        show(compiled, text, name, concise=False)
    if compiled.program is None:
        return 1
    document = json.dumps(to_document(compiled.program), ensure_ascii=False, indent=2) + "\n"
    if target is None or target == "-":
        sys.stdout.write(document)
        return 0
    try:
        Path(target).write_text(document, encoding="utf-8")
    except OSError as wrong:
        raise UsageError(f"cannot write `{target}`: {wrong.strerror or wrong}") from wrong
    return 0


def show(compiled: "Compiled", text: str, name: str, *, concise: bool) -> None:
    """Print the findings of one document on stdout."""
    if not compiled.diagnostics:
        return
    from dagnats.diagnostics import render

    if concise:
        output.result(render.render_concise(compiled.diagnostics, text, name).rstrip("\n"))
    else:
        colour = output.wants_colour(sys.stdout)
        findings = render.render_full(compiled.diagnostics, text, name, colour=colour)
        output.result(findings.rstrip("\n") + "\n")
    if compiled.suppressed:
        output.say(f"{name}: {compiled.suppressed} further findings are not shown")


def _matters(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity is not Severity.INFO


def _summary(found: Sequence[Sequence[Diagnostic]]) -> str:
    """Say how many files were checked and what was found."""
    files = counted(len(found), "file")
    kinds = [
        counted(sum(d.severity is severity for findings in found for d in findings), severity.value)
        for severity in Severity
        if any(d.severity is severity for findings in found for d in findings)
    ]
    return f"{files} checked: {', '.join(kinds) or 'nothing to complain about'}"


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

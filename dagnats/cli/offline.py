"""`compile`, and what offline commands share. Imports neither network nor typer."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dagnats.cli import output
from dagnats.cli.documents import STDIN, read
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.cli.documents import Opened
    from dagnats.compiler.pipeline import Compiled
    from dagnats.compiler.registry import Registry
    from dagnats.ir.program import Certificate

__all__ = ["STDIN", "compile_file", "compiled_of", "counted", "read", "show"]


def compile_file(
    file: str,
    target: str | None = None,
    *,
    as_json: bool = False,
    registry: "Registry | None" = None,
) -> int:
    """Print the IR of a document, or write it to `target`; returns 1 when it does not compile."""
    from dagnats.ir.codec import to_document

    opened = read(file)
    name, text, compiled = opened.name, opened.text, compiled_of(opened, registry)
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


def compiled_of(
    opened: "Opened",
    registry: "Registry | None" = None,
    against: "Certificate | None" = None,
) -> "Compiled":
    """Return what becomes of a document; one that is no text has the findings that say so."""
    from dagnats.cli.imported import load
    from dagnats.compiler.pipeline import Compiled, compile_workflow

    if opened.refused:
        return Compiled(None, opened.refused)
    return compile_workflow(opened.text, opened.name, load=load, registry=registry, against=against)


def show(compiled: "Compiled", text: str, name: str, *, concise: bool) -> None:
    """Print the findings of one document on stdout."""
    if not compiled.diagnostics:
        return
    import shutil

    from dagnats.diagnostics import render

    if concise:
        output.result(render.render_concise(compiled.diagnostics, text, name).rstrip("\n"))
    else:
        colour = output.wants_colour(sys.stdout)
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        findings = render.render_full(
            compiled.diagnostics, text, name, colour=colour, columns=columns
        )
        output.result(findings.rstrip("\n") + "\n")
    if compiled.suppressed:
        output.say(f"{name}: {counted(compiled.suppressed, 'further finding')} not shown")


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

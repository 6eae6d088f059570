"""`dagnats explain CODE`: what a finding means, with a document that has it, and one without."""

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dagnats.cli import output
from dagnats.diagnostics.catalog import CATALOG, Entry
from dagnats.diagnostics.diagnostic import Severity
from dagnats.diagnostics.render import url_of
from dagnats.diagnostics.selection import nearest
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.compiler.registry import Registry

COLUMNS_MAX = 100
VERSION = 1
FILE = "hello.yaml"

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line asks for, or None when typer has to judge it."""
    if words and all(not word.startswith("-") or word in {"--json", "--list"} for word in words):
        codes = [word for word in words if not word.startswith("-")]
        everything = "--list" in words
        return lambda: explain(codes, everything=everything, as_json="--json" in words)
    return None


def explain(asked: Sequence[str], *, everything: bool, as_json: bool) -> int:
    """Print what codes mean; `everything` lists all, or all that begin with what is asked."""
    if everything:
        prefixes = tuple(word.upper() for word in asked) or ("",)
        codes = [code for code in CATALOG if code.startswith(prefixes)]
        if not codes:
            raise UsageError(f"no code begins with {' or '.join(f'`{each}`' for each in asked)}")
    else:
        if not asked:
            raise UsageError("name a code, as in `dagnats explain DN3002`, or use `--list`")
        codes = list(dict.fromkeys(code_of(word) for word in asked))
    if as_json:
        entries = [_document(code, CATALOG[code]) for code in codes]
        output.result_json({"version": VERSION, "codes": entries})
    elif everything:
        rows = [(code, str(CATALOG[code].severity), CATALOG[code].title) for code in codes]
        output.result(output.table(("CODE", "SEVERITY", "TITLE"), rows))
    else:
        output.result("\n\n".join(_page(code, CATALOG[code]) for code in codes))
    return 0


def code_of(word: str) -> str:
    """Return the code that a word means: itself in any case, or the name of one. UsageError."""
    code = word.upper()
    if code in CATALOG:
        return code
    names = {entry.name: code for code, entry in CATALOG.items()}
    if word.lower() in names:
        return names[word.lower()]
    near = nearest(code, CATALOG) if code.startswith("DN") else nearest(word, names)
    help_ = f"did you mean `{near}`?" if near else "`dagnats explain --list` lists all codes"
    raise UsageError(f"there is no code `{word}`; {help_}")


def _document(code: str, entry: Entry) -> dict[str, Any]:
    return {
        "code": code,
        "name": entry.name,
        "title": entry.title,
        "severity": entry.severity.value,
        "explanation": entry.explanation,
        "bad": entry.bad,
        "good": entry.good,
        "url": url_of(code),
    }


def _others(entry: Entry) -> list[str]:
    """Return what a code is about beside the document: the one before, and registered ones."""
    import textwrap

    shown = [("Before:", entry.before)] if entry.before else []
    shown += [("Registered:", text) for text in entry.registered]
    lines: list[str] = []
    for title, text in shown:
        lines += [_bold(title), "", textwrap.indent(text.rstrip("\n"), "    "), ""]
    return lines


def _registry(entry: Entry) -> "Registry | None":
    """Return what the documents of an entry are held against, where it is about a registry."""
    if not entry.registered:
        return None
    from dagnats.compiler.held import Held
    from dagnats.compiler.pipeline import compile_workflow

    programs = [compile_workflow(text).program for text in entry.registered]
    return Held(program for program in programs if program is not None)


def _page(code: str, entry: Entry) -> str:
    """Return a code as a person reads it: what it is, why, and an example with what is said."""
    import textwrap

    from dagnats.compiler.pipeline import check_workflow, compile_workflow
    from dagnats.diagnostics.render import render_full
    from dagnats.lang.imports import held

    columns = min(shutil.get_terminal_size((COLUMNS_MAX, 24)).columns, COLUMNS_MAX)
    before = compile_workflow(entry.before).program if entry.before else None
    found = check_workflow(
        entry.bad,
        FILE,
        load=held(entry.files),
        registry=_registry(entry),
        against=None if before is None else before.certificate,
    ).diagnostics
    colour = output.wants_colour(sys.stdout)
    findings = render_full(found, entry.bad, FILE, colour=colour, columns=columns)
    kind = output.paint(f"{entry.severity}[{code}]", _COLOURS[entry.severity], sys.stdout)
    return "\n".join(
        [
            f"{kind} {_bold(entry.name)}: {entry.title}",
            "",
            *textwrap.wrap(entry.explanation, columns, break_on_hyphens=False),
            "",
            *_others(entry),
            _bold("Reported:"),
            "",
            textwrap.indent(entry.bad.rstrip("\n"), "    "),
            "",
            findings.rstrip("\n"),
            "",
            _bold("Instead:"),
            "",
            textwrap.indent(entry.good.rstrip("\n"), "    "),
        ]
    )


def _bold(text: str) -> str:
    return output.paint(text, output.BOLD, sys.stdout)

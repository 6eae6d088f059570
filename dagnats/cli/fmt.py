"""`dagnats fmt`: documents in their one form. Imports neither network nor typer.

The exit code is 1 when a document was left alone because it cannot be read as one, or, with
`--check` and `--diff`, when one would change; 2 when a file could not be read or written.
"""

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dagnats.cli import output
from dagnats.cli.documents import STDIN, find, read, write
from dagnats.cli.offline import counted, show
from dagnats.diagnostics.diagnostic import Diagnostic
from dagnats.errors import UsageError
from dagnats.source.format import format_text

if TYPE_CHECKING:
    from dagnats.cli.config import Configuration

UNREADABLE = 2
FILES_FOR_BAR_MIN = 2
TEXT_BAND = "DN1"

_FLAGS = {
    "--check": "check",
    "--diff": "diff",
    "--json": "as_json",
    "--sort-keys": "sort_keys",
}


class Asked(Struct, frozen=True):
    """What a command line asks for."""

    files: tuple[str, ...]
    check: bool = False
    diff: bool = False
    as_json: bool = False
    sort_keys: bool = False
    stdin_name: str | None = None

    @property
    def writes(self) -> bool:
        """Whether documents are replaced."""
        return not (self.check or self.diff)


class Outcome(Struct, frozen=True):
    """What became of a file: `after` is its text as it should be, None when it is left alone.

    Then there are `findings`, or a `problem` of ours, or it was `unreadable`.
    """

    file: str
    name: str
    before: str = ""
    after: str | None = None
    findings: tuple[Diagnostic, ...] = ()
    problem: str | None = None
    unreadable: str | None = None

    @property
    def is_changed(self) -> bool:
        """Whether formatting changes the text."""
        return self.after is not None and self.after != self.before


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line asks for, or None when typer has to judge it."""
    files: list[str] = []
    options: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word in _FLAGS:
            options[_FLAGS[word]] = True
        elif word == "--stdin-filename":
            options["stdin_name"] = next(rest, "")
        elif word == "-" or not word.startswith("-"):
            files.append(word)
        else:
            return None
    if not files or not options.get("stdin_name", "-"):
        return None
    return lambda: fmt(Asked(tuple(files), **options))


def fmt(asked: Asked) -> int:
    """Format documents, or say what formatting would change; returns the exit code."""
    if asked.stdin_name is not None and "-" not in asked.files:
        raise UsageError("`--stdin-filename` is only for the document `-`")
    files = find(asked.files, _exclusion())
    outcomes = _outcomes(files, asked)
    for outcome in outcomes:
        _complain(outcome)
    if asked.as_json:
        output.result_json([_document(outcome) for outcome in outcomes])
    elif asked.diff:
        _show_changes(outcomes)
    elif asked.check:
        for outcome in outcomes:
            if outcome.is_changed:
                output.result(outcome.name)
    elif "-" in files:
        _print_stdin(outcomes)
    if files != ["-"] or not asked.writes:
        output.say(_summary(outcomes, asked))
    return _exit_code(outcomes, asked)


def _exclusion() -> Callable[[str], bool]:
    """Return what tells of a file in a folder whether `dagnats lint` passes over it.

    Settings are loaded when the first is asked about: files that are named need none.
    """
    configurations: list[Configuration] = []

    def excludes(path: str) -> bool:
        if not configurations:
            from dagnats.cli.config import Configuration, Flags

            configurations.append(Configuration(Flags()))
        return configurations[0].settings(path).excludes(path)

    return excludes


def _outcomes(files: Sequence[str], asked: Asked) -> list[Outcome]:
    if len(files) < FILES_FOR_BAR_MIN:
        return [_outcome(file, asked) for file in files]
    from dagnats.cli.bar import Bar

    outcomes = []
    with Bar(len(files), "files", sys.stderr) as bar:
        for done, file in enumerate(files, 1):
            outcomes.append(_outcome(file, asked))
            bar.tell(done)
    return outcomes


def _outcome(file: str, asked: Asked) -> Outcome:
    """Format one file, and replace it if that is asked for."""
    name = asked.stdin_name or STDIN
    try:
        name, before, refused = read(file, name)
    except UsageError as wrong:
        return Outcome(file, name if file == "-" else file, unreadable=str(wrong))
    if refused:
        return Outcome(file, name, before, None, refused)
    formatted = format_text(before, name, sort_keys=asked.sort_keys)
    after, problem = formatted.text, formatted.problem
    if after is not None and after != before and not _is_same(before, after, name):
        after, problem = None, "the result would compile to something else"
    outcome = Outcome(file, name, before, after, formatted.findings, problem)
    if after is None or not outcome.is_changed or not asked.writes or file == "-":
        return outcome
    try:
        write(file, before, after)
    except UsageError as wrong:
        return Outcome(file, name, before, unreadable=str(wrong))
    return outcome


def _is_same(before: str, after: str, name: str) -> bool:
    """Whether two texts compile to the same program, with the same findings.

    Findings count, since a comment that silences one must still stand where it does. Those about
    the text itself may go: a blank that is missing is put there.
    """
    from dagnats.cli.imported import load
    from dagnats.compiler.pipeline import compile_workflow
    from dagnats.ir.codec import digest

    one, two = (compile_workflow(text, name, load=load) for text in (before, after))
    digests = {digest(each.program) if each.program else None for each in (one, two)}
    gone, come = _codes(one.diagnostics), _codes(two.diagnostics)
    gone, come = gone - come, come - gone
    return len(digests) == 1 and not come and all(code.startswith(TEXT_BAND) for code in gone)


def _codes(findings: Sequence[Diagnostic]) -> Counter[str]:
    return Counter(finding.code for finding in findings)


def _complain(outcome: Outcome) -> None:
    """Say why a file was left alone, on stderr: stdout may be what a document became."""
    if outcome.unreadable is not None:
        output.complain(outcome.unreadable)
    if outcome.problem is not None:
        output.complain(
            f"`{outcome.name}` was left alone: {outcome.problem}; please report this bug"
        )
    if outcome.findings:
        from dagnats.compiler.pipeline import Compiled

        with contextlib.redirect_stdout(sys.stderr):
            show(Compiled(None, outcome.findings), outcome.before, outcome.name, concise=False)


def _document(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"file": outcome.name, "changed": outcome.is_changed}
    if outcome.after is None:
        codes = [finding.code for finding in outcome.findings]
        document["error"] = outcome.unreadable or outcome.problem or codes[0]
    if outcome.file == "-" and outcome.after is not None:
        document["text"] = outcome.after
    return document


def _print_stdin(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.file == "-" and outcome.after is not None:
            sys.stdout.flush()
            sys.stdout.buffer.write(outcome.after.encode("utf-8"))


def _show_changes(outcomes: Sequence[Outcome]) -> None:
    import difflib

    for outcome in outcomes:
        if not outcome.is_changed:
            continue
        before = outcome.before.splitlines(keepends=True)
        after = (outcome.after or "").splitlines(keepends=True)
        for row in difflib.unified_diff(before, after, outcome.name, outcome.name):
            output.result(_painted(row.removesuffix("\n")))
            if not row.endswith("\n"):
                output.result("\\ No newline at end of file")


def _painted(row: str) -> str:
    """Return a row of a difference, coloured on a terminal."""
    colours = {"+": output.GREEN, "-": output.RED, "@": output.CYAN}
    colour = output.BOLD if row.startswith(("+++ ", "--- ")) else colours.get(row[:1])
    return output.paint(row, colour, sys.stdout) if colour else row


def _summary(outcomes: Sequence[Outcome], asked: Asked) -> str:
    """Say how many files were, or would be, changed, and how many were left alone and why."""
    changed = sum(outcome.is_changed for outcome in outcomes)
    failed = sum(outcome.after is None for outcome in outcomes)
    same = len(outcomes) - changed - failed
    said = []
    if changed:
        said.append(f"{counted(changed, 'file')} {'' if asked.writes else 'would be '}reformatted")
    if same:
        left = "left unchanged" if asked.writes else "formatted already"
        said.append(f"{counted(same, 'file')} {left}")
    if failed:
        said.append(f"{counted(failed, 'file')} not formatted")
    return ", ".join(said)


def _exit_code(outcomes: Sequence[Outcome], asked: Asked) -> int:
    if any(outcome.unreadable is not None for outcome in outcomes):
        return UNREADABLE
    failed = any(outcome.after is None for outcome in outcomes)
    changed = any(outcome.is_changed for outcome in outcomes)
    return int(failed or (changed and not asked.writes))

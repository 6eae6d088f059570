"""`dagnats lint`: what documents get wrong, and their fixes. Imports neither network nor typer.

The exit code is 1 when there is an error (with `--strict`, also a warning), or, with `--diff`, when
a fix would change something; 2 when something could not be read.
"""

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from dagnats.cli import output
from dagnats.cli.config import Configuration, Flags
from dagnats.cli.documents import STDIN, Seen, find, write
from dagnats.cli.linting import Job, Outcome, judge_all
from dagnats.cli.offline import counted, show
from dagnats.diagnostics.diagnostic import Severity
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.cli.watch import Look
    from dagnats.compiler.registry import Registry
    from dagnats.diagnostics.diagnostic import Diagnostic
    from dagnats.ir.program import Certificate

FORMATS = ("full", "concise", "json", "sarif", "github", "junit")
UNREADABLE = 2
FILES_FOR_BAR_MIN = 2

_FLAGS: dict[str, dict[str, str | bool]] = {
    "--json": {"form": "json"},
    "--fix": {"fix": True},
    "--unsafe-fixes": {"unsafe": True},
    "--diff": {"diff": True},
    "--strict": {"strict": True},
}


class Asked(NamedTuple):
    """What a command line asks for; None where it leaves a matter to the settings.

    `registry` makes what answers questions about others; `against` is the certificate of another
    version of the one document.
    """

    files: tuple[str, ...]
    form: str = "full"
    fix: bool = False
    unsafe: bool = False
    diff: bool = False
    strict: bool | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    config: str | None = None
    stdin_name: str | None = None
    watch: bool = False
    registry: "Callable[[], Registry] | None" = None
    against: "Certificate | None" = None

    @property
    def writes(self) -> bool:
        """Whether fixes are written."""
        return (self.fix or self.unsafe) and not self.diff


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line asks for, or None when typer has to judge it."""
    files: list[str] = []
    options: dict[str, str | bool] = {}
    rest = iter(words)
    for word in rest:
        if word in _FLAGS:
            options |= _FLAGS[word]
        elif word == "--format":
            options["form"] = next(rest, "")
        elif word == "-" or not word.startswith("-"):
            files.append(word)
        else:
            return None
    if not files or options.get("form", "full") not in FORMATS:
        return None
    return lambda: lint(Asked(tuple(files), **options))  # type: ignore[arg-type]


def lint(asked: Asked) -> int:
    """Check documents, print what is found, mend what is to be mended; return the exit code."""
    stdin = "-" in asked.files
    if asked.stdin_name is not None and not stdin:
        raise UsageError("`--stdin-filename` is only for the document `-`")
    if asked.watch and stdin:
        raise UsageError("standard input cannot be watched")
    if asked.watch:
        return _watch(asked)
    return _Round(asked, {}).run()


def _watch(asked: Asked) -> int:
    from dagnats.cli.watch import watch

    seen: Seen = {}
    imported: Look = {}

    def files() -> list[str]:
        try:
            current = _Round(asked, seen)
        except UsageError as wrong:
            return [str(wrong)]  # once it is mended, this looks different
        return [*current.files, *current.configuration.files]

    def act() -> int:
        if output.wants_colour(sys.stdout) and sys.stdout.isatty():
            output.result("\x1b[2J\x1b[H")
        try:
            current = _Round(asked, seen)
            code = current.run()
            imported.clear()
            imported.update(current.imported)
            output.say(f"watching {counted(len(current.files), 'file')}: Ctrl-C ends")
        except UsageError as wrong:
            code = wrong.exit_code
            output.complain(str(wrong))
        sys.stdout.flush()
        return code

    return watch(files, act, learned=lambda: imported)


class _Round:
    """One look at all documents that are asked for."""

    def __init__(self, asked: Asked, seen: Seen) -> None:
        self._asked = asked
        flags = Flags(asked.select, asked.ignore, asked.strict)
        self.configuration = Configuration(flags, asked.config)
        settings = self.configuration.settings
        self.imported: Look = {}
        self.files = find(asked.files, lambda path: settings(path).excludes(path), seen)
        if asked.against is not None and len(self.files) > 1:
            raise UsageError(f"`--against` is for one document, and here are {len(self.files)}")
        name = asked.stdin_name or STDIN
        where = {"-": asked.stdin_name or "./-"}
        # A new one for each round: meanwhile others may have registered something.
        registry = None if asked.registry is None else asked.registry()
        self._jobs = [
            Job(
                file,
                settings(where.get(file, file)),
                name=name,
                mend=asked.writes or asked.diff,
                unsafe=asked.unsafe,
                registry=registry,
                against=asked.against,
            )
            for file in self.files
        ]

    def run(self) -> int:
        """Judge, write, report; return the exit code."""
        outcomes = self._outcomes()
        for outcome in outcomes:
            # The first look counts: what has changed since is seen the next time.
            self.imported = (outcome.imported or {}) | self.imported
        problems = [outcome.problem for outcome in outcomes if outcome.problem]
        read = [outcome for outcome in outcomes if outcome.problem is None]
        if self._asked.diff:
            code = _show_changes(read)
        else:
            if self._asked.writes:
                problems += self._write(outcomes)
            # What standard input became is on stdout, so nothing else may be.
            is_taken = self._asked.writes and "-" in self.files
            with contextlib.redirect_stdout(sys.stderr) if is_taken else contextlib.nullcontext():
                report(read, self._asked.form)
            code = int(any(outcome.has_errors for outcome in read))
        for problem in problems:
            output.complain(problem)
        return UNREADABLE if problems else code

    def _write(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Write what was mended, and return what could not be written."""
        problems = []
        for job, outcome in zip(self._jobs, outcomes, strict=True):
            if job.file == "-" and outcome.problem is None and outcome.is_text:
                sys.stdout.write(outcome.after)
                sys.stdout.flush()
            elif outcome.fixed:
                try:
                    write(job.file, outcome.before, outcome.after)
                except UsageError as wrong:
                    problems.append(str(wrong))
        return problems

    def _outcomes(self) -> list[Outcome]:
        if len(self._jobs) < FILES_FOR_BAR_MIN:
            return judge_all(self._jobs, lambda _: None)
        from dagnats.cli.bar import Bar

        with Bar(len(self._jobs), "files", sys.stderr) as bar:
            return judge_all(self._jobs, bar.tell)


def _show_changes(outcomes: Sequence[Outcome]) -> int:
    """Print what fixes would change; returns 1 when they would change anything."""
    import difflib

    changed = [outcome for outcome in outcomes if outcome.fixed]
    for outcome in changed:
        before = outcome.before.splitlines(keepends=True)
        after = outcome.after.splitlines(keepends=True)
        for row in difflib.unified_diff(before, after, outcome.name, outcome.name):
            output.result(_painted(row.removesuffix("\n")))
            if not row.endswith("\n"):
                output.result("\\ No newline at end of file")
    fixes = counted(sum(outcome.fixed for outcome in changed), "change")
    if changed:
        output.say(f"{fixes} in {counted(len(changed), 'file')} would be made; nothing was written")
    else:
        output.say(f"{counted(len(outcomes), 'file')} checked: nothing would be changed")
    return int(bool(changed))


def _painted(row: str) -> str:
    """Return a line of a difference; a terminal gets no character that it would obey."""
    if not (sys.stdout.isatty() or output.wants_colour(sys.stdout)):
        return row
    from dagnats.diagnostics.drawing import visible

    shown = "\t".join(map(visible, row.split("\t")))
    colours = {"+": output.GREEN, "-": output.RED, "@": output.CYAN}
    colour = output.BOLD if row.startswith(("+++ ", "--- ")) else colours.get(row[:1])
    return shown if colour is None else output.paint(shown, colour, sys.stdout)


def report(outcomes: Sequence[Outcome], form: str) -> None:
    """Print findings in a format: on stdout, and for people a summary on stderr."""
    found = {outcome.name: outcome.findings for outcome in outcomes}
    if form == "json":
        from dagnats.diagnostics.render import render_json

        output.result_json(render_json(found))
    elif form == "sarif":
        from dagnats import __version__
        from dagnats.diagnostics.sarif import render_sarif

        output.result_json(render_sarif(found, __version__))
    elif form == "github":
        from dagnats.diagnostics.github import render_github

        sys.stdout.write(render_github(found))
    elif form == "junit":
        from dagnats.diagnostics.junit import render_junit

        sys.stdout.write(render_junit(found))
    else:
        _show_all(outcomes, concise=form == "concise")
    if form in {"full", "concise", "github"}:
        output.say(summary(outcomes))
        if form == "full":
            _say_more(outcomes)


def _show_all(outcomes: Sequence[Outcome], *, concise: bool) -> None:
    from dagnats.compiler.pipeline import Compiled

    for outcome in outcomes:
        compiled = Compiled(None, outcome.findings, outcome.left_out)
        show(compiled, outcome.after, outcome.name, concise=concise)


def _say_more(outcomes: Sequence[Outcome]) -> None:
    """Say where the first code is explained, the gravest first."""
    findings: list[Diagnostic] = [f for outcome in outcomes for f in outcome.findings]
    if findings:
        ranks = list(Severity)
        first = min(findings, key=lambda finding: ranks.index(finding.severity))
        output.say(f"`dagnats explain {first.code}` says more")


def summary(outcomes: Sequence[Outcome]) -> str:
    """Say how many files were checked, what was found, and what fixes did or could do."""
    found = [finding.severity for outcome in outcomes for finding in outcome.findings]
    kinds = [counted(found.count(each), each.value) for each in Severity if each in found]
    said = f"{counted(len(outcomes), 'file')} checked: "
    said += ", ".join(kinds) or "nothing to complain about"
    fixed = sum(outcome.fixed for outcome in outcomes)
    fixable = sum(outcome.fixable for outcome in outcomes)
    unsafely = sum(outcome.unsafely for outcome in outcomes)
    if fixed:
        said += f"; {fixed} fixed"
    if fixable:
        said += f"; {fixable} fixable with `--fix`"
    if unsafely:
        said += f"; {unsafely} {'more ' if fixable else ''}fixable with `--unsafe-fixes`"
    return said

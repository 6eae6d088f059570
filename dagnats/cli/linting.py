"""Judging documents, one or many: what is found in each, and what its fixes would make of it."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dagnats.cli.config import Settings
from dagnats.cli.documents import STDIN, read
from dagnats.diagnostics.diagnostic import DIAGNOSTICS_MAX, Diagnostic, Severity, worst
from dagnats.errors import UsageError

if TYPE_CHECKING:
    from dagnats.cli.watch import Look
    from dagnats.compiler.registry import Registry
    from dagnats.ir.program import Certificate

WORKERS_MAX = 8
BYTES_TO_SHARE = 150_000
"""Of fewer bytes, `BYTES_PER_FILE` added for each file, one process is done sooner."""

BYTES_PER_FILE = 1_500
CHUNK_MAX = 8


class Job(NamedTuple):
    """A document to judge; `file` is `-` for standard input, which then goes by `name`."""

    file: str
    settings: Settings
    name: str = STDIN
    mend: bool = False
    unsafe: bool = False
    registry: "Registry | None" = None
    against: "Certificate | None" = None


class Outcome(NamedTuple):
    """What became of a document.

    `before` and `after` are its text before and after its fixes, empty where nobody needs it;
    without `is_text` they only serve to show where the bytes are none. `imported` is what the files
    that it imports looked like from outside. `problem` says why it could not be read at all.
    """

    name: str
    findings: tuple[Diagnostic, ...] = ()
    left_out: int = 0
    before: str = ""
    after: str = ""
    fixed: int = 0
    fixable: int = 0
    unsafely: int = 0
    imported: "Look | None" = None
    is_text: bool = True
    problem: str | None = None

    @property
    def has_errors(self) -> bool:
        """Whether anything found fails the command."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)


def judge(job: Job) -> Outcome:
    """Return the findings of one document, after its fixes when they are wanted."""
    from dagnats.cli.imported import Loader
    from dagnats.compiler.pipeline import check_workflow

    try:
        name, text, refused = read(job.file, job.name)
    except UsageError as wrong:
        return Outcome(job.file, problem=str(wrong))
    if refused:
        return Outcome(name, refused, before=text, after=text, is_text=False)
    suppressed = 0
    load = Loader()

    def found(of: str) -> list[Diagnostic]:
        nonlocal suppressed
        checked = check_workflow(of, name, load=load, registry=job.registry, against=job.against)
        suppressed = checked.suppressed
        return [each for each in checked.diagnostics if job.settings.selection.wants(each)]

    fixed = 0
    after: str = text
    if job.mend:
        from dagnats.diagnostics.fixes import mend

        mended = mend(text, found, unsafe=job.unsafe)
        after, fixed, findings = mended.text, mended.fixed, list(mended.findings)
    else:
        findings = found(text)
    outcome = Outcome(name, fixed=fixed, imported=load.seen)
    if findings:
        outcome = _with_findings(outcome, findings, suppressed, strict=job.settings.strict)
    is_needed = bool(findings) or job.mend
    return outcome._replace(before=text, after=after) if is_needed else outcome


def _with_findings(
    outcome: Outcome, findings: list[Diagnostic], suppressed: int, *, strict: bool
) -> Outcome:
    fixable = unsafely = 0
    if any(finding.fixes for finding in findings):
        from dagnats.diagnostics.fixes import usable

        fixable = sum(usable(finding, unsafe=False) is not None for finding in findings)
        unsafely = sum(usable(finding, unsafe=True) is not None for finding in findings) - fixable
    if strict:
        from msgspec.structs import replace

        findings = [
            replace(f, severity=Severity.ERROR) if f.severity is Severity.WARNING else f
            for f in findings
        ]
    kept = worst(findings, DIAGNOSTICS_MAX)
    left_out = suppressed + len(findings) - len(kept)
    return outcome._replace(findings=kept, left_out=left_out, fixable=fixable, unsafely=unsafely)


def judge_all(jobs: Sequence[Job], tell: Callable[[int], None]) -> list[Outcome]:
    """Return what became of documents, in their order; `tell` hears how many are done."""
    outcomes = []
    for outcome in _outcomes(jobs, _workers(jobs)):
        outcomes.append(outcome)
        tell(len(outcomes))
    return outcomes


def _workers(jobs: Sequence[Job]) -> int:
    """Return how many processes pay."""
    # What a registry has answered is kept where it was asked.
    if len(jobs) < 2 or any(job.file == "-" or job.registry is not None for job in jobs):
        return 1
    size = sum(_size(job.file) + BYTES_PER_FILE for job in jobs)
    if size < BYTES_TO_SHARE:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, WORKERS_MAX, len(jobs))


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0


def _outcomes(jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
    if workers < 2:
        yield from map(judge, jobs)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # Loaded here once, what the workers need is theirs for nothing.
    import dagnats.compiler.pipeline  # noqa: F401

    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else None)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_when_interrupted)
    try:
        chunk = max(1, min(CHUNK_MAX, len(jobs) // (workers * 4)))
        # In the middle of a fork Python drops what the handler of Ctrl-C raises.
        with _without_interruption():
            outcomes = pool.map(judge, jobs, chunksize=chunk)
        yield from outcomes
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _without_interruption() -> Iterator[None]:
    """Let Ctrl-C wait until the end of a block, where the system can."""
    import signal

    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_when_interrupted() -> None:
    """End at once on Ctrl-C, without a traceback; the process that started this one says why."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

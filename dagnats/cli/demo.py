"""`dagnats demo`: a server, workers and every example, run live to its end, then cleaned up."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from dagnats import resources
from dagnats.cli import output, progress
from dagnats.cli.options import connected
from dagnats.cli.signals import interruptible
from dagnats.errors import DagnatsError, UnavailableError
from dagnats.jetstream.children import dying_with_us

EXAMPLES = ("hello", "order", "report", "review-pr")
READY_S = 30
RUN_S = 45
STOP_S = 15
OUTPUT_LINES_MAX = 12
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
DAGNATS = (sys.executable, "-m", "dagnats.cli.main")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one example went."""

    example: str
    run_id: str
    status: str
    seconds: float
    events: int


def demonstrate(data_dir: Path | None, *, as_json: bool) -> int:
    """Run every example; returns 1 unless all of them complete. Raises DagnatsError."""
    for name in SIGNALS - {signal.SIGINT}:
        if signal.getsignal(name) is not signal.SIG_IGN:
            signal.signal(name, _interrupt)
    with contextlib.ExitStack() as stack:
        if data_dir is None:
            temporary = tempfile.TemporaryDirectory(prefix="dagnats-", ignore_cleanup_errors=True)
            directory = Path(stack.enter_context(temporary))
        else:
            directory = data_dir
            directory.mkdir(parents=True, exist_ok=True)
        _heading("dagnats serve")
        stack.enter_context(_serving(directory))
        for example in EXAMPLES:
            stack.enter_context(_working(example, directory))
        outcomes = [_run(example, directory) for example in EXAMPLES]
    if as_json:
        output.result_json([asdict(outcome) for outcome in outcomes])
    else:
        _summarise(outcomes)
    return int(any(outcome.status != "completed" for outcome in outcomes))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _heading(text: str) -> None:
    output.say(output.paint(f"\n$ {text}", output.BOLD, sys.stderr))


@contextlib.contextmanager
def _serving(directory: Path) -> Iterator[None]:
    """Serve until the end of the block."""
    command = [*DAGNATS, "serve", "--data-dir", str(directory)]
    with _process(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise UnavailableError(f"the server ended with code {server.wait()} before it served")
        output.say(line.rstrip())
        yield


@contextlib.contextmanager
def _working(example: str, directory: Path) -> Iterator[None]:
    """Run an example's worker until the end of the block."""
    handlers = resources.path("examples", example, "worker.py")
    _heading(f"dagnats worker run {_short(handlers)}")
    command = [*DAGNATS, "worker", "run", str(handlers), "--data-dir", str(directory)]
    with _process(command, stdout=subprocess.DEVNULL):
        yield


@contextlib.contextmanager
def _process(command: list[str], *, stdout: int) -> Iterator["subprocess.Popen[str]"]:
    """Run a process until the end of the block, then ask it to stop, then make it."""
    # A session of its own: Ctrl-C reaches us alone, and we stop workers before the server. It also
    # keeps from them what ends us without a chance to stop them; hence the tie.
    tie = dying_with_us(signal.SIGTERM)

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if tie is not None:
            tie()

    # While Python forks it swallows what a signal raises; and then the process must be known.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = subprocess.Popen(
            command,
            stdout=stdout,
            text=True,
            start_new_session=True,
            preexec_fn=begin,  # noqa: PLW1509 - there is one thread
        )
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            yield process
        finally:
            _end(process)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _run(example: str, directory: Path) -> Outcome:
    """Register an example, start it with its input and watch it to its end."""
    text = resources.path("examples", example, "input.json").read_text(encoding="utf-8")
    document = document_of(example)
    _heading(f"dagnats workflow register {_short(document)}")
    registered = [*DAGNATS, "workflow", "register", str(document), "--data-dir", str(directory)]
    if subprocess.run(registered, stdout=sys.stderr, check=False, timeout=READY_S).returncode:
        raise UnavailableError(f"`{example}` could not be registered")
    _heading(f"dagnats run start {example} '{json.dumps(json.loads(text))}' --watch")
    return asyncio.run(interruptible(_watch(example, json.loads(text), directory)))


async def _watch(example: str, value: object, directory: Path) -> Outcome:
    from dagnats.wire.ids import new_run_id

    run_id, began, count = new_run_id(), time.monotonic(), 0
    status = "running"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RUN_S), connected(None, directory) as client:
            parameters = {"workflow": example, "run_id": run_id, "input": value}
            await client.call("run.start", parameters)
            async with contextlib.aclosing(client.events(run_id, follow=True)) as events:
                async for event in events:
                    count += 1
                    output.say(progress.line(event, sys.stderr))
                    status = progress.ENDS.get(event["type"], status)
                    if status != "running":
                        _show(event.get("payload"))
    return Outcome(example, run_id, status, round(time.monotonic() - began, 3), count)


def _show(value: object) -> None:
    """Print the beginning of what a run gave."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    lines = text.splitlines()
    shown = lines[:OUTPUT_LINES_MAX]
    if len(lines) > OUTPUT_LINES_MAX:
        shown.append(f"… {len(lines) - OUTPUT_LINES_MAX} more lines")
    output.say("\n".join(f"  {line}".rstrip() for line in shown))


def document_of(example: str) -> Path:
    """Return the workflow document of a shipped example."""
    folder = resources.path("examples", example)
    for name in ("workflow.yaml", f"{example}.json"):
        if (folder / name).exists():
            return folder / name
    raise DagnatsError(f"example `{example}` has no workflow document")


def _short(path: Path) -> str:
    """Return a path as a person would type it here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _summarise(outcomes: list[Outcome]) -> None:
    rows = [(o.example, o.status, f"{o.seconds:.2f} s", str(o.events), o.run_id) for o in outcomes]
    output.say("")
    output.result(output.table(("EXAMPLE", "STATUS", "TIME", "EVENTS", "RUN"), rows))

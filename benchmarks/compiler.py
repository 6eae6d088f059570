"""Measure the compiler: commands from start to end, documents in a warm process, and its growth.

Time is the processor's, user and system, and of several tries the least: what other processes of
the machine take does not count. A growth is that of one pass from 1,000 to 2,000 steps.

    python -m benchmarks.compiler [--tries N] [--json]

Ends with 1 when a bar is missed.
"""

import argparse
import gc
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dagnats.compiler.ground import ground
from dagnats.compiler.judge import judge
from dagnats.compiler.lowering import lower
from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.compiler.proof import prove
from dagnats.diagnostics.diagnostic import Sink
from dagnats.ir import codec
from dagnats.ir.verify import verify
from dagnats.lang.front import understand
from dagnats.source.reader import read

HELLO = Path(__file__).resolve().parents[1] / "examples" / "hello" / "hello.json"
SMALL_MS, COMMAND_MS, COLD_MS, WARM_MS, FULL_MS = 150.0, 200.0, 450.0, 250.0, 5_000.0
GROWTH = 2.3
SIZE, FULL_SIZE, FULL_TRIES = 1_000, 10_000, 3
COMMANDS = {
    "compile": ["compile", str(HELLO)],
    "eval": ["eval", "1 + 1"],
    "explain": ["explain", "DN3002"],
    "fmt": ["fmt", "--check", str(HELLO)],
    "graph": ["graph", str(HELLO)],
}
INPUT = {
    "type": "object",
    "required": ["n", "items", "kind", "name"],
    "properties": {
        "n": {"type": "integer"},
        "kind": {"enum": ["a", "b"]},
        "name": {"type": "string", "maxLength": 50},
        "items": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["a", "name"],
                "properties": {
                    "a": {"type": "integer"},
                    "name": {"type": "string", "maxLength": 20},
                },
            },
        },
    },
}


class Figure(NamedTuple):
    """What was measured, in what unit, and what it may be at most."""

    name: str
    value: float
    unit: str
    bar: float | None = None

    @property
    def met(self) -> bool:
        return self.bar is None or self.value <= self.bar


def document(steps: int) -> str:
    """Return a workflow with as many expressions as steps, most of them unlike."""
    rows = [f"dagnats: 1\nname: large\ninput: {json.dumps(INPUT)}\nsteps:"]
    for n in range(steps):
        rows.append(f"  - id: s{n}\n    task: t{n % 7}")
        rows += [f"    {key}: {json.dumps(value)}" for key, value in _keys(n)]
    return "\n".join(rows) + "\n"


def _keys(n: int) -> Iterator[tuple[str, Any]]:
    before = f"s{n - 1}"
    match n % 10:
        case 0 | 8 | 9:
            if n:
                yield "depends_on", [before]
        case 1 | 2 | 3:
            yield (
                "with",
                {"x": f"${{{{ steps.{before}.output }}}}", "n": f"${{{{ input.n + {n} }}}}"},
            )
        case 4:
            yield "depends_on", [before]
            yield "when", f"input.kind == 'a' && input.n > {n}"
        case 5:
            yield "depends_on", [{"step": before, "allow": "skipped"}]
            picked = f"input.items.filter(x, x.a > {n}).map(x, x.name)"
            yield "with", {"list": f"${{{{ {picked} }}}}"}
        case _:
            yield "depends_on", [before]
            yield "with", {"text": f"${{{{ input.name }}}} of step {n}"}


def cold(words: list[str], tries: int) -> float:
    """Return milliseconds of a command, interpreter start included."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    spent = []
    for _ in range(tries + 1):  # the first one writes the bytecode
        before = _children()
        command = [sys.executable, "-m", "dagnats.cli.main", *words]
        subprocess.run(command, check=True, capture_output=True, env=environment)
        spent.append(_children() - before)
    return min(spent[1:])


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e3


def warm(work: Callable[[], Any], tries: int) -> float:
    """Return milliseconds of something that was done before."""
    spent = []
    for _ in range(tries):
        gc.collect()
        before = time.process_time()
        work()
        spent.append((time.process_time() - before) * 1e3)
    return min(spent)


def passes(text: str) -> dict[str, Callable[[], Any]]:
    """Return each pass, ready to work on what the ones before it made of a document."""
    sink = Sink()
    source = read(text, "large.yaml", sink)
    assert source is not None
    workflow = understand(source, sink)
    assert workflow is not None
    judged = judge(workflow, sink)
    grounds = ground(judged)
    certificate = prove(grounds, sink)
    assert certificate is not None, sink.sorted()
    program = lower(grounds, certificate)
    encoded = codec.encode(program)
    return {
        "read": lambda: read(text, "large.yaml", Sink()),
        "understand": lambda: understand(source, Sink()),
        "judge": lambda: judge(workflow, Sink()),
        "ground": lambda: ground(judged),
        "prove": lambda: prove(grounds, Sink()),
        "lower": lambda: lower(grounds, certificate),
        "verify": lambda: verify(program),
        "encode": lambda: codec.encode(program),
        "load": lambda: codec.load(encoded),
    }


def measured(tries: int) -> Iterator[Figure]:
    """Yield all figures, one after the other."""
    text = document(SIZE)
    yield Figure("lint, a small file, cold", cold(["lint", str(HELLO)], tries), "ms", SMALL_MS)
    for name, words in COMMANDS.items():
        yield Figure(f"{name}, cold", cold(words, tries), "ms", COMMAND_MS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "large.yaml")
        file.write_text(text)
        yield Figure("lint, 1,000 steps, cold", cold(["lint", str(file)], tries), "ms", COLD_MS)
    assert check_workflow(text).diagnostics == ()
    spent = warm(lambda: check_workflow(text), tries)
    yield Figure("lint, 1,000 steps, warm", spent, "ms", WARM_MS)
    large = document(FULL_SIZE)
    spent = warm(lambda: compile_workflow(large), min(tries, FULL_TRIES))
    yield Figure("compile, 10,000 steps, warm", spent, "ms", FULL_MS)
    twice = passes(document(2 * SIZE))
    for name, work in passes(text).items():
        gc.disable()
        once, double = warm(work, tries), warm(twice[name], tries)
        gc.enable()
        yield Figure(f"{name}, 1,000 steps", once, "ms")
        yield Figure(f"{name}, 2,000 steps", double / once, "times", GROWTH)


def main() -> int:
    """Measure and print; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    figures = []
    if not options.json:
        print(f"{machine}, {python}; processor time, best of {options.tries}\n")
    for figure in measured(options.tries):
        figures.append(figure)
        if not options.json:
            bar = "" if figure.bar is None else f"  at most {figure.bar:g}"
            missed = "" if figure.met else "  MISSED"
            digits = 2 if figure.unit == "times" else 1
            value = f"{figure.value:10.{digits}f}"
            print(f"{figure.name:32}{value} {figure.unit:5}{bar}{missed}", flush=True)
    if options.json:
        found = [figure._asdict() | {"met": figure.met} for figure in figures]
        print(json.dumps({"machine": machine, "python": python, "figures": found}, indent=2))
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())

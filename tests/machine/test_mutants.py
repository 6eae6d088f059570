"""Mistakes that the machine could have, each made in a copy: the quick tests find every one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("dagnats", "grammar", "schemas", "tests/__init__.py", "tests/machine", "pyproject.toml")
QUICK = ["tests/machine/test_behaviour.py", "tests/machine/test_promises.py"]


class Mutant(NamedTuple):
    """A mistake: in `file`, `source` becomes `mistake`; `why` says what would go wrong."""

    name: str
    file: str
    source: str
    mistake: str
    why: str


MUTANTS = [
    Mutant(
        "compensation in order of completion",
        "ending.py",
        "undo = state.undo[-1]",
        "undo = state.undo[0]",
        "what was done first is undone first, while the rest still rests on it",
    ),
    Mutant(
        "one retry too many",
        "limits.py",
        "return failed_attempt <= policy_of(retry, code).max_retries",
        "return failed_attempt <= policy_of(retry, code).max_retries + 1",
        "`max_retries: n` allows n + 2 attempts",
    ),
    Mutant(
        "a skipped dependency satisfies",
        "flow.py",
        "if STATUS[type(steps[source])] not in accepts:",
        'if STATUS[type(steps[source])] not in (*accepts, "skipped"):',
        "steps run without what they depend on",
    ),
    Mutant(
        "an event is dropped",
        "requests.py",
        'turn.add(ev.RunPaused(*turn.head(), payload={"reason": reason}))',
        'turn.state.status = "paused"',
        "a pause is forgotten with the process",
    ),
    Mutant(
        "any is all",
        "flow.py",
        'case "any_success":',
        'case "never":',
        "`any_success` waits for all, and is skipped when one fails",
    ),
    Mutant(
        "timers are not armed",
        "ticking.py",
        "return min(found, default=NEVER_MS)",
        "return NEVER_MS",
        "a run that sleeps never wakes up",
    ),
    Mutant(
        "tolerance is ignored",
        "kinds/each.py",
        "return node.tolerance\n",
        "return 0\n",
        "one failed item fails the map",
    ),
    Mutant(
        "percent is a count",
        "kinds/each.py",
        "return int(count * node.tolerance_percent / 100)",
        "return int(node.tolerance_percent)",
        "a map tolerates far more than it may",
    ),
    Mutant(
        "on_exhausted is ignored",
        "bounds.py",
        'case "complete":',
        'case "never":',
        "a loop that is to complete at its bound fails",
    ),
    Mutant(
        "what is to be undone is not remembered",
        "frames.py",
        "state.undo.append(Undo(frame.key, at, output))",
        "pass",
        "nothing is ever undone",
    ),
    Mutant(
        "a cancellation leaves steps open",
        "closing.py",
        "        if not isinstance(step, Ended):\n            close_step",
        "        if not isinstance(step, (Ended, Waiting)):\n            close_step",
        "a retry of a cancelled run comes back",
    ),
    Mutant(
        "generations are not counted",
        "kinds/at_once.py",
        "if generation >= node.max_generations:",
        "if generation > node.max_generations:",
        "a run has one generation more than it may",
    ),
    Mutant(
        "the window is ignored",
        "kinds/each.py",
        "node.max_concurrency or count",
        "count",
        "all items are worked on at once",
    ),
    Mutant(
        "attempts count over iterations",
        "folds.py",
        "frame.steps[at] = Waiting(1, event",
        'frame.steps[at] = Waiting(getattr(was, "attempt", 1), event',
        "later iterations have fewer retries",
    ),
    Mutant(
        "children of closed steps live on",
        "closing.py",
        "if isinstance(step, Calling) and closes:",
        "if isinstance(step, Calling) and not closes:",
        "a child runs for a parent that has ended",
    ),
    Mutant(
        "finally only after success",
        "ending.py",
        "if turn.program.finally_scope is None:",
        'if turn.program.finally_scope is None or status != "completed":',
        "nobody tidies up after a failure",
    ),
    Mutant(
        "a crash forgets what has failed",
        "flow.py",
        "            if isinstance(step, Failed) and not scope.tolerated[at]:\n",
        "            if False and isinstance(step, Failed):\n",
        "a run that was about to fail is wedged when it is taken up",
    ),
    Mutant(
        "the end of a run is not told before it",
        "ending.py",
        'if state.undo or (top(turn).open and status != "cancelled"):',
        "if state.undo:",
        "a run that timed out completes when it is taken up",
    ),
    Mutant(
        "votes of one person count twice",
        "kinds/approval.py",
        'any(vote["by"] == request.by for vote in asking.votes)',
        "False",
        "one person is a quorum",
    ),
    Mutant(
        "lost deliveries cost attempts",
        "folds.py",
        "Ready(event.attempt_number, event.iteration, event.delivery + 1, state.at)",
        "Ready(event.attempt_number + 1, event.iteration, event.delivery + 1, state.at)",
        "a worker that vanishes uses up a retry",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and of the tests of the machine."""
    copied = tmp_path_factory.mktemp("mutants")
    for name in COPIED:
        source, target = ROOT / name, copied / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return copied


def quick_tests(copied: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *QUICK]
    env = {**os.environ, "PYTHONPATH": str(copied), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=copied, env=env, capture_output=True, text=True, check=False, timeout=110
    )


@pytest.mark.slow
def test_without_a_mistake_they_pass(copy: Path) -> None:
    done = quick_tests(copy)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mistake_is_found(mutant: Mutant, copy: Path) -> None:
    path = copy / "dagnats" / "machine" / mutant.file
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.source, mutant.mistake), encoding="utf-8")
    try:
        done = quick_tests(copy)
    finally:
        path.write_text(sound, encoding="utf-8")
    assert done.returncode == 1, f"not found: {mutant.why}\n{done.stdout[-2000:]}"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mistakes_can_still_be_made(mutant: Mutant) -> None:
    source = (ROOT / "dagnats" / "machine" / mutant.file).read_text(encoding="utf-8")
    assert source.count(mutant.source) == 1

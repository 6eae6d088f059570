"""Mutants of the machine, the shell and what they stand on: each must be caught by simulation.

    python -m tests.dst.mutants            try all, with two processes
    python -m tests.dst.mutants NAME …     try some

A mutant is one replacement in one file, and the number of seeds within which it has to be caught.
What is said first of each is printed.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 30
TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` becomes `new` in `file`; `why` says what is broken thereby."""

    name: str
    file: str
    old: str
    new: str
    why: str
    seeds: int = 40
    partitions: int | None = None
    """So many in each seed, where that is not to be drawn."""


MUTANTS = (
    # ── the shell ────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "effect-before-commit",
        "engine/pump.py",
        "            seq = await append\n",
        "            await self._release(group)\n            seq = await append\n",
        "answers, tasks and receipts leave while the append is under way",
        10,
    ),
    Mutant(
        "event-dropped",
        "engine/partition.py",
        "        self.outbox.record(state.run_id, lines)\n",
        "        self.outbox.record(state.run_id, lines[: max(1, len(lines) - 1)])\n",
        "the last event of each longer decision is never written",
        5,
    ),
    Mutant(
        "cas-skipped",
        "testing/unreliable.py",
        "        if disk.log and disk.log[-1][0].seq != after:\n",
        "        if False:\n",
        "an append no longer expects the one before: two owners both decide",
    ),
    Mutant(
        "fenced-goes-on",
        "engine/pump.py",
        "            except UnavailableError as full:\n",
        "            except FencedError:\n                return group.offset\n"
        "            except UnavailableError as full:\n",
        "an owner that was refused takes its events for stored",
    ),
    Mutant(
        "uncertain-is-stored",
        "engine/pump.py",
        "            except UnavailableError as full:\n",
        "            except UncertainError:\n                return group.offset\n"
        "            except UnavailableError as full:\n",
        "an append of unknown outcome is taken for stored",
    ),
    Mutant(
        "unavailable-is-dropped",
        "engine/pump.py",
        '                self._say(f"cannot write the log, trying again: {full}")\n',
        "                return group.offset\n",
        "an append that was refused is not repeated",
    ),
    Mutant(
        "nothing-offered-again",
        "engine/resuming.py",
        "    partition.perform(live, outstanding(live.program, live.state))\n",
        "",
        "after a takeover nobody is told of what was waiting",
    ),
    Mutant(
        "timers-not-armed",
        "engine/resuming.py",
        "    partition.arm(live)\n",
        "",
        "after a takeover no timer is set",
    ),
    Mutant(
        "leases-not-restored",
        "engine/resuming.py",
        "        partition.dispatcher.restore(ticket, worker_id, now)\n",
        "        pass\n",
        "after a takeover nobody waits for workers that vanished meanwhile",
    ),
    Mutant(
        "listeners-not-restored",
        "engine/resuming.py",
        "    partition.restore_listeners(live)\n",
        "",
        "after a takeover no event cancels a run",
        80,
    ),
    Mutant(
        "gates-not-restored",
        "engine/resuming.py",
        "            _restore_gate(partition, live, now)\n",
        "            pass\n",
        "after a takeover more runs go at once than may",
    ),
    Mutant(
        "history-skips-one",
        "engine/recovery.py",
        "max(entry.offset, last_offset + 1)",
        "max(entry.offset, last_offset + 2)",
        "the first event that history lacks is not published again",
    ),
    Mutant(
        "unsaved-is-saved",
        "engine/checkpoint.py",
        "            if live.dirty or run_id in self._unsaved:\n",
        "            if live.dirty:\n",
        "a checkpoint that failed counts for the next one: its runs are old below the mark",
        400,
    ),
    Mutant(
        "mark-first",
        "engine/checkpoint.py",
        "        for run_id in checkpoint.forgotten:\n",
        "        await self._snapshots.mark(seq, checkpoint.offset)\n"
        "        for run_id in checkpoint.forgotten:\n",
        "the mark is stored before what it stands for",
        120,
    ),
    Mutant(
        "event-taken-twice",
        "engine/partition.py",
        '        if event["id"] in self.mailbox:\n            return False\n',
        "",
        "an event that is published again is another one",
    ),
    Mutant(
        "keys-forgotten",
        "engine/intake.py",
        "    remember(partition, transition.state)\n",
        "",
        "an idempotency key is never remembered",
    ),
    Mutant(
        "receipt-at-once",
        "engine/shop.py",
        "        _take_result(partition, worker_id, result, now, planning)\n",
        "        if result.delivery == 1 or result.attempt > 1:\n"
        "            _take_result(partition, worker_id, result, now, planning)\n",
        "a result of a second delivery is accepted and thrown away",
    ),
    # ── several partitions ───────────────────────────────────────────────────────────────────────
    Mutant(
        "everybody-starts-it",
        "engine/homes.py",
        "    if home_of(program, run_id, service.partitions) != here:\n"
        "        raise ElsewhereError\n",
        "    del here\n",
        "each partition begins the run",
        5,
        3,
    ),
    Mutant(
        "event-not-awaited",
        "engine/operations/peers.py",
        '            answer = await _ask(service, number, "event", errand)\n'
        "            if answer.error is not None and answer.error.code in LATER:\n"
        "                return False\n",
        '            subject = subjects.engine(number, "event")\n'
        "            await service.bus.publish(subject, _encode(errand))\n",
        "an event is told to the other partitions, and nobody waits for their answers",
        40,
        3,
    ),
    Mutant(
        "event-not-told-again",
        "engine/resuming.py",
        "        partition.send(errands.SpreadEvent(event))\n",
        "        pass\n",
        "after a takeover what was being told to the other partitions is forgotten",
        80,
        3,
    ),
    Mutant(
        "start-twice",
        "engine/intake.py",
        "    known = _known(partition, program, request.run_id, notify)\n"
        "    if known is not None:\n        return known\n",
        "",
        "a run, or a child of another partition, that is asked for again begins again",
        20,
        2,
    ),
    # ── large values, and what is forgotten ──────────────────────────────────────────────────────
    Mutant(
        "kept-references",
        "engine/purging.py",
        "    return needed | _referred(partition, wanted, needed)\n",
        "    return needed\n",
        "a run is forgotten while one that is kept refers to its values",
        60,
    ),
    Mutant(
        "removal-not-repeated",
        "engine/resuming.py",
        "    _finish_purges(partition)\n",
        "",
        "after a takeover nobody removes what is left of forgotten runs",
        60,
    ),
    Mutant(
        "forgotten-published-again",
        "engine/recovery.py",
        "        if offset > gone.get(run_id, -1):\n",
        "        if True:\n",
        "history that has lost its end gets back what was removed on purpose",
        80,
    ),
    # ── the machine ──────────────────────────────────────────────────────────────────────────────
    Mutant(
        "undone-in-order",
        "machine/ending.py",
        "state.undo[-1]",
        "state.undo[0]",
        "what was done first is undone first",
    ),
    Mutant(
        "past-attempts-count",
        "machine/requests.py",
        "        and step.attempt == claim.attempt\n",
        "",
        "the result of an earlier attempt ends the present one",
    ),
    Mutant(
        "lost-is-not-offered",
        "machine/kinds/task.py",
        "    turn.offer(frame, at, ready, step_input(turn.program, turn.state, frame, at, loop))\n",
        "    del loop, ready\n",
        "an attempt whose worker vanished waits for nobody",
    ),
    Mutant(
        "retry-once-more",
        "machine/limits.py",
        "    return failed_attempt <= policy_of(retry, code).max_retries\n",
        "    return failed_attempt <= policy_of(retry, code).max_retries + 1\n",
        "one attempt more than the certificate knows of",
    ),
    Mutant(
        "cancelled-stays-leased",
        "machine/turn.py",
        "        self.withdraw(frame, at)\n",
        "",
        "the dispatcher keeps what was cancelled",
    ),
    Mutant(
        "votes-of-one",
        "machine/kinds/approval.py",
        "    elif len(asking.votes) + 1 < node.quorum:\n",
        "    elif len(asking.votes) + 1 < node.quorum - 1:\n",
        "one approval fewer than the quorum is enough",
    ),
)


def try_out(mutant: Mutant) -> tuple[bool, str]:
    """Simulate a mutated copy; returns whether it was caught, and what was said of it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(
            ROOT / "dagnats",
            Path(folder, "dagnats"),
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        path = Path(folder, "dagnats", mutant.file)
        text = path.read_text()
        if text.count(mutant.old) != 1:
            return False, f"its text stands {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(_imported(text.replace(mutant.old, mutant.new)))
        return _simulate(mutant, folder)


def _imported(text: str) -> str:
    """Let a mutant use the exceptions that it names."""
    found = re.search(r"^from dagnats\.errors import (.+)$", text, re.MULTILINE)
    if found is None:
        return text
    names = {name.strip() for name in found[1].split(",")}
    names |= {name for name in ("FencedError", "UncertainError") if name in text}
    line = f"from dagnats.errors import {', '.join(sorted(names))}"
    return text[: found.start()] + line + text[found.end() :]


def _simulate(mutant: Mutant, folder: str) -> tuple[bool, str]:
    arguments = ["--seeds", f"1-{mutant.seeds}", "--runs", str(RUNS), "--failures", "1"]
    if mutant.partitions is not None:
        arguments += ["--partitions", str(mutant.partitions)]
    environment = {**os.environ, "PYTHONPATH": folder, "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "dagnats.testing.simulation", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("seed ")]
    broken = [word for word in ("NameError", "ImportError", "SyntaxError") if word in done.stdout]
    if done.returncode == 1 and said and not broken:
        return True, said[0]
    return False, (done.stderr or done.stdout)[-500:]


def main(names: list[str]) -> int:
    """Try mutants, two at once; returns 1 when one survives."""
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    survived = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for mutant, (caught, said) in zip(chosen, pool.map(try_out, chosen), strict=True):
            survived += not caught
            word = "caught  " if caught else "SURVIVED"
            print(f"{word} {mutant.name} ({mutant.file}, {mutant.seeds} seeds): {said[:200]}")
    print(f"{len(chosen) - survived} of {len(chosen)} mutants were caught")
    return 1 if survived else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""The workflows of the simulation: all kinds of steps and policies, small, and quick in their time.

Each says how its runs may end when nobody interferes; the workers of the simulation are honest, so
whatever else happens to the engine must not change that.
"""

from functools import cache
from typing import Any

from msgspec import Struct

from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir import codec
from dagnats.machine.prepared import Prepared, prepare

ANY = frozenset({"completed", "failed", "cancelled"})
DONE = frozenset({"completed"})
NOT_DONE = frozenset({"failed"})


class Document(Struct, frozen=True):
    """A compiled workflow: its canonical bytes, and how its runs end if nobody interferes.

    `inputs` are what its runs are given, where that is not to be drawn.
    """

    name: str
    data: bytes
    prepared: Prepared
    ends: frozenset[str]
    tasks: tuple[str, ...]
    inputs: tuple[Any, ...] = ()


_FIXED: dict[str, tuple[frozenset[str], str]] = {
    "chain": (
        DONE,
        """
steps:
  - {id: a, task: t.echo}
  - {id: b, task: t.echo, depends_on: [a]}
  - {id: c, task: t.echo, depends_on: [a]}
  - {id: d, task: t.echo, depends_on: [b, c]}
""",
    ),
    "flaky": (
        DONE,
        """
steps:
  - id: a
    task: t.flaky
    retry: {max_retries: 4, strategy: exponential, initial_delay: 200ms, max_delay: 2s, jitter: 0.3}
  - {id: b, task: t.echo, depends_on: [a]}
""",
    ),
    "handled": (
        DONE,
        """
steps:
  - id: a
    task: t.broken
    on_failure: instead
    retry: {max_retries: 1, initial_delay: 100ms}
  - {id: instead, task: t.echo}
  - {id: b, task: t.echo, depends_on: [a]}
""",
    ),
    "saga": (
        NOT_DONE,
        """
steps:
  - {id: a, task: t.echo, compensate: undo-a}
  - {id: b, task: t.echo, depends_on: [a], compensate: undo-b}
  - {id: c, task: t.echo, depends_on: [b], compensate: undo-c}
  - {id: d, task: t.broken, depends_on: [c]}
  - {id: undo-a, task: t.echo}
  - {id: undo-b, task: t.echo}
  - {id: undo-c, task: t.echo}
finally:
  - {id: last, task: t.echo}
""",
    ),
    "agent": (
        DONE,
        """
steps:
  - id: think
    type: agent_loop
    task: t.again
    config: {max_iterations: 6, on_exhausted: complete, delay: 300ms}
""",
    ),
    "pages": (
        DONE,
        """
steps:
  - id: pages
    type: loop
    config:
      max_iterations: 3
      on_exhausted: complete
      steps:
        - {id: page, task: t.echo, with: {n: "${{ loop.iteration }}"}}
        - {id: note, task: t.echo, depends_on: [page]}
      while: loop.iteration <= 2
""",
    ),
    "fan": (
        DONE,
        """
steps:
  - id: items
    type: map
    task: t.echo
    with: {item: "${{ item }}"}
    config: {over: input.items, max_items: 5, max_concurrency: 2}
  - id: bodies
    type: map
    depends_on: [items]
    config:
      over: input.items
      max_items: 5
      tolerance: 4
      steps:
        - {id: one, task: t.half, with: "${{ item }}"}
        - {id: two, task: t.echo, depends_on: [one]}
""",
    ),
    "route": (
        DONE,
        """
steps:
  - id: way
    type: switch
    config:
      on: input.kind
      cases:
        - {values: [red], steps: [{id: left, task: t.echo}]}
        - values: [green]
          steps:
            - {id: nap, type: sleep, config: {duration: 3s}}
            - {id: right, task: t.echo, depends_on: [nap]}
      default: [{id: other, type: transform, config: {value: 1}}]
""",
    ),
    "ask": (
        frozenset({"completed", "failed"}),
        """
steps:
  - {id: before, task: t.echo}
  - id: ask
    type: approval
    depends_on: [before]
    config: {approvers: [ada, grace], quorum: 2, timeout: 1h, remind_every: 10m, on_timeout: reject}
  - {id: after, task: t.echo, depends_on: [ask]}
""",
    ),
    "wait": (
        DONE,
        """
steps:
  - id: event
    type: wait_for_event
    config:
      event: thing.x
      match: event.data.kind == input.kind
      count: 2
      timeout: 2h
      on_timeout: skip
  - id: signal
    type: wait_for_event
    config: {event: go.on, timeout: 2h, on_timeout: skip}
  - id: after
    task: t.echo
    depends_on: [{step: event, allow: skipped}, {step: signal, allow: skipped}]
""",
    ),
    "tell": (
        DONE,
        """
steps:
  - {id: work, task: t.echo}
  - id: tell
    type: emit
    depends_on: [work]
    config: {event: thing.x, data: {kind: "${{ input.kind }}"}}
""",
    ),
    "parent": (
        DONE,
        """
steps:
  - {id: child, type: sub_workflow, with: "${{ input }}", timeout: 6h, config: {workflow: chain}}
  - {id: loose, type: sub_workflow, with: "${{ input }}", config: {workflow: tell, detach: true}}
  - {id: after, task: t.echo, depends_on: [child]}
""",
    ),
    "narrow": (
        DONE,
        """
concurrency: {max_runs: 2, key: input.kind, max_steps: 1}
steps:
  - {id: a, task: t.scarce, max_task_concurrency: 2}
  - {id: b, task: t.slow, rate_limit: {limit: 3, period: 1s}}
  - {id: c, task: t.echo, depends_on: [a]}
""",
    ),
    "single": (
        frozenset({"completed", "cancelled"}),
        """
singleton: {mode: cancel, key: input.kind}
steps:
  - {id: a, task: t.slow}
  - {id: b, task: t.echo, depends_on: [a]}
""",
    ),
    "once": (
        DONE,
        """
idempotency_key: input.kind
steps:
  - {id: a, task: t.echo}
""",
    ),
    "stoppable": (
        frozenset({"completed", "cancelled"}),
        """
cancel_on: [{event: stop.now, match: event.data.kind == input.kind}]
steps:
  - {id: a, task: t.slow, compensate: undo}
  - {id: nap, type: sleep, depends_on: [a], config: {duration: 30s}}
  - {id: b, task: t.slow, depends_on: [nap]}
  - {id: undo, task: t.echo}
""",
    ),
    "late": (
        frozenset({"completed", "failed"}),
        """
timeout: 1h
steps:
  - {id: nap, type: sleep, config: {duration: 2s}}
  - id: a
    task: t.stuck
    timeout: 4s
    retry: {max_retries: 2, initial_delay: 100ms}
    depends_on: [nap]
  - {id: b, task: t.echo, queue_timeout: 20s, depends_on: [nap]}
""",
    ),
    "generations": (
        DONE,
        """
steps:
  - {id: a, task: t.echo}
  - id: more
    type: continue_as_new
    depends_on: [a]
    when: run.generation < 3
    config: {input: "${{ input }}", max_generations: 3}
""",
    ),
    "plan": (
        DONE,
        """
steps:
  - id: plan
    type: planner
    task: t.plan
    config:
      {max_steps: 3, allowed_tasks: [t.echo], allowed_types: [normal, transform], max_replans: 1}
  - {id: after, task: t.echo, depends_on: [plan]}
""",
    ),
    "bound": (
        DONE,
        """
steps:
  - id: think
    type: agent_loop
    task: t.always
    config: {max_iterations: 2, on_exhausted: pause}
  - {id: after, task: t.echo, depends_on: [think]}
""",
    ),
    "second-try": (
        frozenset({"completed", "failed"}),
        """
steps:
  - {id: a, task: t.echo}
  - {id: b, task: t.half, depends_on: [a]}
  - {id: c, task: t.echo, depends_on: [b]}
""",
    ),
}  # fmt: skip

NAMES = tuple(_FIXED)
"""The workflows of every seed."""

_CHILDREN: dict[str, tuple[frozenset[str], str]] = {
    "say": (
        DONE,
        """
steps:
  - {id: say, type: emit, config: {event: said, data: {of: "${{ input.of }}"}}}
""",
    ),
}

_JOINS: dict[str, tuple[frozenset[str], str]] = {
    "join": (
        DONE,
        """
steps:
  - id: loose
    type: sub_workflow
    with: {of: "${{ run.id }}"}
    config: {workflow: say, detach: true}
  - {id: work, task: t.slow, timeout: 6h}
  - id: heard
    type: wait_for_event
    depends_on: [loose, work]
    config: {event: said, match: event.data.of == run.id, timeout: 20h}
  - {id: after, task: t.echo, timeout: 6h, depends_on: [heard]}
""",
    ),
    "early": (
        DONE,
        """
steps:
  - {id: work, task: t.slow, timeout: 6h}
  - id: heard
    type: wait_for_event
    depends_on: [work]
    config: {event: came.early, match: event.data.of == run.id, look_back: 12h, timeout: 20h}
  - {id: after, task: t.echo, timeout: 6h, depends_on: [heard]}
""",
    ),
    "family": (
        DONE,
        """
steps:
  - id: children
    type: map
    config:
      over: input.items
      max_items: 5
      steps:
        - id: one
          type: sub_workflow
          with: {kind: "${{ input.kind }}", items: []}
          timeout: 6h
          config: {workflow: chain}
  - {id: after, task: t.echo, depends_on: [children]}
""",
    ),
}  # fmt: skip

_LARGE: dict[str, tuple[frozenset[str], str]] = {
    "big": (
        DONE,
        """
steps:
  - {id: a, task: t.big}
  - {id: b, task: t.echo, depends_on: [a]}
  - id: tell
    type: emit
    depends_on: [a]
    config: {event: big.told, data: {text: "${{ steps.a.output.text }}"}}
output: {text: "${{ steps.a.output.text }}"}
""",
    ),
    "big-parent": (
        ANY,
        """
steps:
  - {id: child, type: sub_workflow, with: "${{ input }}", timeout: 6h, config: {workflow: big}}
  - {id: nap, type: sleep, depends_on: [child], config: {duration: 15s}}
  - {id: after, task: t.half, depends_on: [nap], with: "${{ steps.child.output }}"}
  - {id: last, task: t.echo, depends_on: [after], with: "${{ steps.child.output }}"}
""",
    ),
    "big-ear": (
        ANY,
        """
steps:
  - id: heard
    type: wait_for_event
    config: {event: big.told, match: "has(event.data.text)", timeout: 2h, on_timeout: skip}
  - {id: nap, type: sleep, depends_on: [heard], config: {duration: 20s}}
  - {id: after, task: t.echo, depends_on: [nap], with: "${{ steps.heard.output }}"}
""",
    ),
}  # fmt: skip

CHILDREN = ("chain", "tell", *_CHILDREN)
"""What others start."""
JOINS = tuple(_JOINS)
"""Those that wait for each other, wherever they live, and for what may have come before."""
IN_TIME = ("join", "early")
"""Those whose times are so long that no clock that jumps ends one."""
LARGE = tuple(_LARGE)
"""Those with values that no message holds."""

_ALL = {**_FIXED, **_CHILDREN, **_JOINS, **_LARGE}


@cache
def fixed(name: str) -> Document:
    """Return one of the workflows that are written here."""
    ends, text = _ALL[name]
    return compiled(f"dagnats: 1\nname: {name}\n{text}", ends)


@cache
def other() -> Document:
    """Return the workflow that random ones start as a child."""
    return compiled("dagnats: 1\nname: other\nsteps: [{id: only, task: t.echo}]\n", DONE)


@cache
def random(seed: int, size: int) -> Document | None:
    """Return a random workflow; None when it does not compile."""
    from dagnats.simulation.generator import generate

    found = compile_workflow(generate(seed, size), "random.yaml")
    return None if found.program is None else _document(found.program, ANY)


def compiled(text: str, ends: frozenset[str], inputs: tuple[Any, ...] = ()) -> Document:
    """Return a workflow that is written somewhere else."""
    found = compile_workflow(text, "simulated.yaml")
    assert found.program is not None, found.diagnostics
    return _document(found.program, ends, inputs)


def _document(program: Any, ends: frozenset[str], inputs: tuple[Any, ...] = ()) -> Document:
    data, digest = codec.encode(program), codec.digest(program)
    tasks = sorted({node.task for node in program.nodes if getattr(node, "task", "")})
    return Document(program.name, data, prepare(program, digest), ends, tuple(tasks), inputs)

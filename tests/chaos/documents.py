"""The workflows of the chaos: every kind of step that lasts, and what each must give.

A run is of a kind and has a number `n`; from both follows everything that is checked at its end.
"""

from typing import Any

from msgspec import Struct

RATE_LIMIT = 40
RATE_PERIOD_MS = 1_000
MAX_RUNS = 5
LANES = 3
EVENT = "chaos.happened"
CHAIN = 10


class Kind(Struct, frozen=True):
    """A workflow, how its runs end, and what they give."""

    name: str
    text: str
    status: str = "completed"

    def input(self, n: int) -> dict[str, Any]:
        """Return the input of run `n`."""
        return {"n": n, "key": f"k{n}", "lane": n % LANES}

    def output(self, n: int) -> Any:
        """Return the output of run `n`, or the code of its error."""
        return OUTPUTS[self.name](n)


INPUT = """input:
  type: object
  required: [n, key, lane]
  properties: {n: {type: integer}, key: {type: string}, lane: {type: integer}}
tasks:
  chaos.add: {input: {type: object, properties: {n: {type: integer}}}, output: {type: integer}}
  chaos.slow: {input: {type: object, properties: {n: {type: integer}}}, output: {type: integer}}
"""


def _chain() -> str:
    lines = ['  - {id: s0, task: chaos.add, with: {n: "${{ input.n }}"}}']
    lines += [
        f'  - {{id: s{at}, task: chaos.add, with: {{n: "${{{{ steps.s{at - 1}.output }}}}"}}}}'
        for at in range(1, CHAIN)
    ]
    return "steps:\n" + "\n".join(lines) + f"\noutput: ${{{{ steps.s{CHAIN - 1}.output }}}}\n"


_TEXTS = {
    "chain": _chain(),
    "fan": """
steps:
  - id: items
    type: map
    task: chaos.slow
    with: {n: "${{ item }}"}
    config:
      over: "[input.n, input.n + 1, input.n + 2, input.n + 3, input.n + 4]"
      max_items: 5
      max_concurrency: 3
output: ${{ steps.items.output }}
""",
    "pages": """
steps:
  - id: pages
    type: loop
    config:
      max_iterations: 5
      initial_state: {n: "${{ input.n }}"}
      steps:
        - {id: page, task: chaos.add, with: {n: "${{ loop.state.n }}"}}
      until: loop.iteration >= 3
      state: {n: "${{ steps.page.output }}"}
      output: ${{ steps.page.output }}
output: ${{ steps.pages.output }}
""",
    "waits": """
events:
  chaos.happened:
    type: object
    required: [key, n]
    properties: {key: {type: string}, n: {type: integer}}
steps:
  - {id: before, task: chaos.add, with: {n: "${{ input.n }}"}}
  - id: heard
    type: wait_for_event
    depends_on: [before]
    config: {event: chaos.happened, match: event.data.key == input.key, timeout: 1h}
  - {id: after, task: chaos.add, with: {n: "${{ steps.heard.output.data.n }}"}}
output: ${{ steps.after.output }}
""",
    "parent": """
steps:
  - {id: before, task: chaos.add, with: {n: "${{ input.n }}"}}
  - id: child
    type: sub_workflow
    depends_on: [before]
    with: {n: "${{ steps.before.output }}", key: "${{ input.key }}", lane: 0}
    config: {workflow: chaos-child}
output: ${{ steps.child.output }}
""",
    "child": """
steps:
  - {id: a, task: chaos.slow, with: {n: "${{ input.n }}"}}
  - {id: b, task: chaos.add, with: {n: "${{ steps.a.output }}"}}
output: ${{ steps.b.output }}
""",
    "gated": f"""
concurrency: {{max_runs: {MAX_RUNS}, key: string(input.lane)}}
steps:
  - {{id: a, task: chaos.add, with: {{n: "${{{{ input.n }}}}"}}}}
  - {{id: b, task: chaos.add, with: {{n: "${{{{ steps.a.output }}}}"}}}}
output: ${{{{ steps.b.output }}}}
""",
    "limited": f"""
steps:
  - id: a
    task: chaos.limited
    with: {{n: "${{{{ input.n }}}}"}}
    rate_limit: {{limit: {RATE_LIMIT}, period: 1s}}
output: ${{{{ steps.a.output }}}}
""",
    "saga": """
steps:
  - {id: a, task: chaos.add, with: {n: "${{ input.n }}"}, compensate: undo-a}
  - {id: b, task: chaos.add, with: {n: "${{ steps.a.output }}"}, compensate: undo-b}
  - {id: c, type: fail, depends_on: [b], config: {code: on_purpose, message: as it was meant}}
  - {id: undo-a, task: chaos.add, with: {n: "${{ input.n }}"}}
  - {id: undo-b, task: chaos.add, with: {n: "${{ input.n }}"}}
finally:
  - {id: last, task: chaos.add, with: {n: "${{ input.n }}"}}
""",
    "naps": """
steps:
  - id: a
    task: chaos.flaky
    with: {n: "${{ input.n }}"}
    retry: {max_retries: 2, initial_delay: 150ms}
  - {id: nap, type: sleep, depends_on: [a], config: {duration: 300ms}}
  - {id: b, task: chaos.add, depends_on: [nap], with: {n: "${{ steps.a.output }}"}}
output: ${{ steps.b.output }}
""",
}

OUTPUTS = {
    "chain": lambda n: n + CHAIN,
    "fan": lambda n: [n + at + 1 for at in range(5)],
    "pages": lambda n: n + 3,
    "waits": lambda n: 2 * n + 1,
    "parent": lambda n: n + 3,
    "child": lambda n: n + 2,
    "gated": lambda n: n + 2,
    "limited": lambda n: n + 1,
    "saga": lambda _n: "on_purpose",
    "naps": lambda n: n + 2,
}

KINDS = {
    name: Kind(
        name,
        f"dagnats: 1\nname: chaos-{name}\ntimeout: 2h\n{INPUT}{text}",
        "failed" if name == "saga" else "completed",
    )
    for name, text in _TEXTS.items()
}

STARTED = tuple(name for name in KINDS if name != "child")
"""Kinds that the load starts; children are started by their parents."""

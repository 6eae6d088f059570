"""Random programs: documents with every type of step and every policy, small but nested.

The same seed and size give the same document. Most of them compile; a test says how many. Shapes:
`any` has everything, `switches` no other choice than `switch` on the input, and `straight` no
choice at all, so that its worst case can be reached by one run.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from msgspec import Struct, field

SHAPES: Final = ("any", "switches", "straight")
KINDS: Final = ("red", "green", "blue")
ITEMS_MOST: Final = 3
DEPTH_MOST: Final = 3

_Step = dict[str, Any]

RESULT: Final = {
    "type": "object",
    "required": ["done", "kind", "count", "items"],
    "properties": {
        "done": {"type": "boolean"},
        "kind": {"enum": list(KINDS)},
        "count": {"type": "integer", "minimum": 0, "maximum": 5},
        "items": {"type": "array", "maxItems": ITEMS_MOST, "items": {"type": "integer"}},
    },
}
"""What the declared tasks of a random program give."""

_LEAVES: Final = (
    ("normal", 8), ("agent", 1), ("agent_loop", 3), ("sleep", 2), ("wait_for_event", 2),
    ("approval", 2), ("transform", 2), ("emit", 1), ("sub_workflow", 2), ("planner", 1),
    ("map_task", 2), ("respond", 1),
)  # fmt: skip
_DONE: Final = "steps.{}.?output.?done.orValue(false)"
_CONTAINERS: Final = (("loop", 3), ("map", 3), ("switch", 3), ("agent_body", 1))


class _Scope(Struct):
    """Where steps are being written: how deep, what they see, and what leads to nothing else."""

    depth: int
    repeats: int = 1
    looping: bool = False
    mapping: bool = False
    ending: bool = False
    steps: list[_Step] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)


def generate(seed: int, size: int, shape: str = "any") -> str:
    """Return a random document of about `size` steps as YAML."""
    return written(document(seed, size, shape))


def document(seed: int, size: int, shape: str = "any") -> dict[str, Any]:
    """Return a random document of about `size` steps as data."""
    assert shape in SHAPES, shape
    return _Writer(Random(f"{seed}/{size}/{shape}"), size, shape).document(seed)  # noqa: S311


class _Writer:
    def __init__(self, rng: Random, size: int, shape: str) -> None:
        self._rng = rng
        self._left = size
        self._shape = shape
        self._count = 0
        self._answered = False
        self._fields: dict[str, Any] = {}

    @property
    def _free(self) -> bool:
        return self._shape == "any"

    def _may(self, chance: float) -> bool:
        return self._rng.random() < chance

    def _name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def document(self, seed: int) -> dict[str, Any]:
        top = _Scope(0)
        self._fill(top, max(1, self._left))
        last = _Scope(0, ending=True)
        found: dict[str, Any] = {"dagnats": 1, "name": f"random-{seed}", "timeout": "60d"}
        if self._free and self._may(0.1):
            found["timeout"] = self._rng.choice(["1m", "1h", "2d"])
        if self._may(0.3):
            self._left = 2
            self._fill(last, 2)
        if self._free and self._may(0.15):
            self._goes_on(top)
        self._document_policies(found)
        found["input"] = self._input()
        found["tasks"] = {"work.do": {"output": RESULT}, "work.undo": {"output": RESULT}}
        if self._may(0.5):
            found["defaults"] = {"retry": self._retry(), "wait_timeout": "2h"}
        found["steps"] = top.steps
        if last.steps:
            found["finally"] = last.steps
        if self._may(0.2):
            found["output"] = {"kind": "${{ input.kind }}"}
        return found

    def _document_policies(self, found: dict[str, Any]) -> None:
        if self._may(0.2):
            found["vars"] = {"label": "kind-${{ input.kind }}"}
            found["labels"] = {"kind": "${{ vars.label }}"}
        if not self._free:
            return
        if self._may(0.1):
            found["concurrency"] = {"max_runs": 3, "max_steps": self._rng.randint(1, 4)}
        if self._may(0.1):
            found["singleton"] = {"mode": "skip", "key": "input.kind"}
        if self._may(0.1):
            found["cancel_on"] = [{"event": "stop.now", "match": "event.data.kind == input.kind"}]
        if self._may(0.1):
            found["budget"] = {"tokens": 1000, "usd": 2}
        if self._may(0.1):
            found["idempotency_key"] = "input.kind"

    def _input(self) -> dict[str, Any]:
        fields = {
            "kind": {"enum": list(KINDS)},
            "items": {"type": "array", "maxItems": ITEMS_MOST, "items": {"type": "integer"}},
            **self._fields,
        }
        return {"type": "object", "required": sorted(fields), "properties": fields}

    def _field(self, prefix: str, schema: Any) -> str:
        """Return a new field of the input, so that each choice can be made by itself."""
        name = self._name(prefix)
        self._fields[name] = schema
        return f"input.{name}"

    # ── scopes ───────────────────────────────────────────────────────────────────────────────────

    def _fill(self, scope: _Scope, most: int) -> None:
        """Write one step or more into a scope."""
        for _ in range(self._rng.randint(1, max(1, most))):
            if self._left <= 0 and scope.steps:
                return
            self._left -= 1
            self._add(scope)

    def _below(self, scope: _Scope, **more: Any) -> _Scope:
        inside = _Scope(
            scope.depth + 1,
            scope.repeats,
            scope.looping,
            scope.mapping,
            scope.ending,
            results=list(scope.results) if self._free else [],
        )
        for key, value in more.items():
            setattr(inside, key, value)
        return inside

    def _body(self, scope: _Scope, **more: Any) -> list[_Step]:
        inside = self._below(scope, **more)
        self._fill(inside, 3)
        return inside.steps

    def _add(self, scope: _Scope) -> None:
        deep = scope.depth < DEPTH_MOST and self._left > 0 and self._may(0.35)
        table: tuple[tuple[str, int], ...] = _CONTAINERS if deep else _LEAVES
        if self._shape == "straight":
            table = tuple(row for row in table if row[0] != "switch")
        kinds, weights = zip(*table, strict=True)
        kind = self._rng.choices(kinds, weights)[0]
        step: _Step = {"id": self._name("s")}
        edges = self._edges(scope)
        getattr(self, f"_{kind}")(step, scope)
        if edges:
            step["depends_on"] = edges
            self._joined(step)
        if self._free and self._may(0.12):
            step["when"] = f"{self._field('go', {'type': 'boolean'})}"
        scope.steps.append(step)
        self._handlers(step, scope)
        scope.sources.append(step["id"])

    def _edges(self, scope: _Scope) -> list[Any]:
        if not scope.sources or self._may(0.3):
            return []
        count = self._rng.randint(1, min(2, len(scope.sources)))
        found: list[Any] = []
        for source in sorted(self._rng.sample(scope.sources[-4:], min(count, 4))):
            if self._free and self._may(0.35):
                allow = self._rng.choice(["skipped", "failed"])
                found.append({"step": source, "allow": allow})
            else:
                found.append(source)
        return found

    def _joined(self, step: _Step) -> None:
        plain = all(isinstance(edge, str) for edge in step["depends_on"])
        if self._free and plain and len(step["depends_on"]) > 1 and self._may(0.3):
            step["join"] = self._rng.choice(["all_done", "any_success"])

    def _handlers(self, step: _Step, scope: _Scope) -> None:
        """Give a step something that handles its failure, or undoes it."""
        if step.get("type") in {"fail", "continue_as_new", "respond", "emit"}:
            return
        if self._free and self._may(0.12):
            handler = {"id": self._name("h"), "task": "work.undo", **self._policies()}
            step["on_failure"] = handler["id"]
            scope.steps.append(handler)
        undoes = self._free and not scope.ending and step.get("type") in {None, "agent"}
        if undoes and self._may(0.12):
            handler = {"id": self._name("u"), "task": "work.undo", **self._policies()}
            step["compensate"] = handler["id"]
            scope.steps.append(handler)

    # ── policies ─────────────────────────────────────────────────────────────────────────────────

    def _retry(self) -> dict[str, Any]:
        found: dict[str, Any] = {"max_retries": self._rng.randint(0, 3)}
        strategy = self._rng.choice(["fixed", "linear", "exponential", "listed"])
        if strategy == "listed":
            found["delays"] = ["1s", "5s"]
        else:
            found |= {"strategy": strategy, "initial_delay": self._rng.choice(["100ms", "2s"])}
            found["max_delay"] = "10s"
            if strategy == "exponential":
                found["multiplier"] = self._rng.choice([1.5, 2, 3])
        if self._may(0.2):
            found["jitter"] = 0.2
        if self._free and self._may(0.2):
            found["non_retryable"] = ["sold_out"]
        if self._free and self._may(0.2):
            found["by_code"] = {"rate_limited": {"max_retries": 2, "delays": ["1s"]}}
        return found

    def _policies(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self._may(0.5):
            found["retry"] = self._retry()
        if self._may(0.4):
            found["timeout"] = self._rng.choice(["10s", "1m", "10m"])
        if self._may(0.3):
            found["queue_timeout"] = self._rng.choice(["30s", "1h"])
        if self._free and self._may(0.15):
            found["timeout"] = "10m"
            found["heartbeat_timeout"] = "1m"
        if self._free and self._may(0.1):
            found["max_task_concurrency"] = 2
        if self._free and self._may(0.1):
            found["rate_limit"] = {"limit": 10, "period": "1s"}
        elif self._free and self._may(0.1):
            found["keyed_rate_limit"] = {"key": "input.kind", "limit": 5, "period": "1s"}
        return found

    def _input_of(self, scope: _Scope) -> Any:
        found: dict[str, Any] = {"kind": "${{ input.kind }}"}
        if scope.looping:
            found["state"] = "${{ loop.state }}"
        if scope.mapping:
            found["item"] = "${{ item }}"
        if scope.results and self._may(0.4):
            found["before"] = f"${{{{ steps.{self._rng.choice(scope.results)}.?output }}}}"
        return found

    def _repeats(self, scope: _Scope) -> int:
        """Return a bound, smaller where much is repeated already."""
        return self._rng.randint(1, 3 if scope.repeats < 9 else 1)

    # ── types ────────────────────────────────────────────────────────────────────────────────────

    def _normal(self, step: _Step, scope: _Scope) -> None:
        step["task"] = "work.do" if self._may(0.8) else f"free.{self._rng.choice('abc')}"
        if self._may(0.6):
            step["with"] = self._input_of(scope)
        step |= self._policies()

    def _agent(self, step: _Step, scope: _Scope) -> None:
        self._normal(step, scope)
        step["type"] = "agent"

    def _agent_loop(self, step: _Step, scope: _Scope) -> None:
        step |= {"type": "agent_loop", "task": "work.do", **self._policies()}
        step["config"] = self._bounds(scope, self._repeats(scope))
        if self._may(0.7):
            step["config"]["until"] = "result.done"
        if self._free and self._may(0.2):
            step["config"]["budget"] = {"tokens": 500}
        step["with"] = {"so_far": "${{ loop.state }}", "round": "${{ loop.iteration }}"}

    def _bounds(self, scope: _Scope, count: int) -> dict[str, Any]:
        del scope
        found: dict[str, Any] = {"max_iterations": count}
        if self._may(0.3):
            found["delay"] = "5s"
        if self._free and self._may(0.15):
            found["max_duration"] = "1h"
        endings = ["complete", "pause"] if self._free else ["complete"]
        if self._may(0.4) or not self._free:
            found["on_exhausted"] = self._rng.choice(endings)
        if self._may(0.3):
            found["initial_state"] = {"done": False}
        return found

    def _agent_body(self, step: _Step, scope: _Scope) -> None:
        count = self._repeats(scope)
        inside = self._below(scope, repeats=scope.repeats * count, looping=True)
        inside.steps.append({"id": self._name("s"), "task": "work.do", **self._policies()})
        first = inside.steps[0]["id"]
        inside.sources.append(first)
        self._fill(inside, 2)
        config = self._bounds(scope, count)
        config |= {"steps": inside.steps, "until": _DONE.format(first)}
        step |= {"type": "agent_loop", "config": config}

    def _loop(self, step: _Step, scope: _Scope) -> None:
        count = self._repeats(scope)
        inside = self._below(scope, repeats=scope.repeats * count, looping=True)
        config = self._bounds(scope, count)
        if self._may(0.6):
            inside.steps.append({"id": self._name("s"), "task": "work.do", **self._policies()})
            first = inside.steps[0]["id"]
            inside.sources.append(first)
            config["until"] = _DONE.format(first)
            if self._may(0.3):
                config["state"] = {"count": f"${{{{ steps.{first}.?output.?count.orValue(0) }}}}"}
        self._fill(inside, 2)
        config["steps"] = inside.steps
        if self._free and self._may(0.2):
            config["while"] = f"loop.iteration <= {self._rng.randint(1, 3)}"
        step |= {"type": "loop", "config": config}

    def _over(self, scope: _Scope) -> dict[str, Any]:
        count = self._rng.randint(1, ITEMS_MOST if scope.repeats < 9 else 1)
        items = {"type": "array", "maxItems": count, "items": {"type": "integer"}}
        found: dict[str, Any] = {"over": self._field("items", items), "max_items": count}
        if self._may(0.4):
            found["max_concurrency"] = self._rng.randint(1, 2)
        if self._free and self._may(0.3):
            found["tolerance"] = self._rng.choice([1, "50%"])
            if found["tolerance"] == 1 and count == 1:
                del found["tolerance"]
        return found

    def _map(self, step: _Step, scope: _Scope) -> None:
        config = self._over(scope)
        repeats = scope.repeats * config["max_items"]
        config["steps"] = self._body(scope, repeats=repeats, mapping=True)
        step |= {"type": "map", "config": config}

    def _map_task(self, step: _Step, scope: _Scope) -> None:
        step |= {"type": "map", "task": "work.do", **self._policies(), "config": self._over(scope)}
        step["with"] = {"item": "${{ item }}", "index": "${{ index }}"}

    def _switch(self, step: _Step, scope: _Scope) -> None:
        config: dict[str, Any]
        if self._free and self._may(0.3):
            names = [self._field("flag", {"type": "boolean"}) for _ in range(2)]
            config = {"cases": [{"when": name, "steps": self._body(scope)} for name in names]}
        else:
            count = self._rng.randint(1, 2)
            config = {"on": self._field("way", {"enum": list(KINDS)})}
            config["cases"] = [
                {"values": [KINDS[at]], "steps": self._body(scope)} for at in range(count)
            ]
        if self._may(0.5):
            config["default"] = self._body(scope)
        step |= {"type": "switch", "config": config}

    def _sleep(self, step: _Step, scope: _Scope) -> None:
        del scope
        config: dict[str, Any] = {"duration": self._rng.choice(["1s", "5m"])}
        if self._free and self._may(0.2):
            config = {"cron": "*/5 * * * *", "max_duration": "10m"}
        step |= {"type": "sleep", "config": config}

    def _wait_for_event(self, step: _Step, scope: _Scope) -> None:
        del scope
        config: dict[str, Any] = {"event": f"thing.{self._rng.choice('xy')}", "timeout": "30m"}
        if self._free:
            config["on_timeout"] = self._rng.choice(["fail", "skip", "complete"])
            if self._may(0.3):
                config["match"] = "event.data.kind == input.kind"
        if self._may(0.3):
            config["count"] = self._rng.randint(2, 3)
        step |= {"type": "wait_for_event", "config": config}

    def _approval(self, step: _Step, scope: _Scope) -> None:
        del scope
        config: dict[str, Any] = {"timeout": "1h", "approvers": ["ada", "grace"]}
        if self._may(0.3):
            config["quorum"] = 2
        if self._may(0.3):
            config["remind_every"] = "20m"
        if self._free:
            config["on_timeout"] = self._rng.choice(["fail", "approve", "reject", "escalate"])
            config["on_reject"] = self._rng.choice(["fail", "complete"])
            if config["on_timeout"] == "escalate":
                config["escalation"] = {"approvers": ["mary"], "timeout": "30m"}
        if self._may(0.3):
            config["description"] = "Go on with ${{ input.kind }}?"
        step |= {"type": "approval", "config": config}

    def _transform(self, step: _Step, scope: _Scope) -> None:
        del scope
        value = {"kind": "${{ input.kind }}", "count": "${{ size(input.items) }}"}
        step |= {"type": "transform", "config": {"value": value}}

    def _emit(self, step: _Step, scope: _Scope) -> None:
        del scope
        data = {"kind": "${{ input.kind }}"}
        step |= {"type": "emit", "config": {"event": "thing.x", "data": data}}

    def _respond(self, step: _Step, scope: _Scope) -> None:
        if scope.depth or self._answered:
            self._transform(step, scope)
            return
        self._answered = True
        step |= {"type": "respond", "config": {"status": 200, "body": {"ok": True}}}

    def _sub_workflow(self, step: _Step, scope: _Scope) -> None:
        step |= {"type": "sub_workflow", "with": self._input_of(scope)}
        step["config"] = {"workflow": "other"}
        if self._free and self._may(0.2):
            step["config"]["detach"] = True
        if self._may(0.3):
            step["retry"] = self._retry()
        step["timeout"] = "1h"

    def _planner(self, step: _Step, scope: _Scope) -> None:
        del scope
        config: dict[str, Any] = {"max_steps": self._rng.randint(1, 3), "allowed_tasks": ["free.a"]}
        if self._may(0.4):
            config["max_replans"] = self._rng.randint(1, 2)
        if self._may(0.3):
            config["max_depth"] = 2
        step |= {"type": "planner", "task": "plan.make", **self._policies(), "config": config}

    def _goes_on(self, top: _Scope) -> None:
        """Let the last step end the generation, or fail."""
        step: _Step = {"id": self._name("s"), "when": self._field("more", {"type": "boolean"})}
        step["depends_on"] = list(top.sources)
        step["join"] = "all_done"
        if self._may(0.5):
            step |= {"type": "continue_as_new"}
            step["config"] = {"input": "${{ input }}", "max_generations": 2}
        else:
            step |= {"type": "fail", "config": {"code": "no_good", "message": "no good"}}
        top.steps.append(step)


# ── as text ──────────────────────────────────────────────────────────────────────────────────────


def written(value: dict[str, Any]) -> str:
    """Return data as YAML in block style; scalars are JSON."""
    return "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> Sequence[str]:
    if isinstance(value, dict) and value:
        found: list[str] = []
        for key, part in value.items():
            inner = _lines(part)
            if isinstance(part, dict | list) and part:
                found += [f"{key}:", *[f"  {line}" for line in inner]]
            else:
                found.append(f"{key}: {inner[0]}")
        return found
    if isinstance(value, list) and value:
        found = []
        for part in value:
            first, *rest = _lines(part)
            found += [f"- {first}", *[f"  {line}" for line in rest]]
        return found
    return [json.dumps(value, ensure_ascii=False)]

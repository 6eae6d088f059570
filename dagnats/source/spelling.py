"""Which key or word an author probably meant."""

import difflib
from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

CUTOFF = 0.7
"""How alike two words must be (difflib's ratio) for one to be taken for the other."""

REMEMBERED_MAX = 1 << 15
"""Guesses that are kept: whoever misspells a key does so again, and documents are read twice."""

_RENAMED = {
    "after": ("depends_on",),
    "needs": ("depends_on",),
    "requires": ("depends_on",),
    "dependencies": ("depends_on",),
    "depends": ("depends_on",),
    "runafter": ("depends_on",),
    "upstream": ("depends_on",),
    "parents": ("depends_on",),
    "if": ("when",),
    "condition": ("when", "until"),
    "uses": ("task",),
    "activity": ("task",),
    "activitytype": ("task",),
    "function": ("task",),
    "action": ("task",),
    "template": ("task",),
    "templateref": ("task",),
    "resource": ("task",),
    "handler": ("task",),
    "key": ("id",),
    "name": ("id",),
    "ref": ("id",),
    "kind": ("type",),
    "doc": ("description",),
    "comment": ("description",),
    "title": ("description",),
    "jobs": ("steps",),
    "tasks": ("steps",),
    "states": ("steps",),
    "nodes": ("steps",),
    "stages": ("steps",),
    "body": ("steps",),
    "branches": ("cases",),
    "choices": ("cases",),
    "on": ("triggers",),
    "trigger": ("triggers",),
    "schedules": ("triggers",),
    "env": ("vars",),
    "variables": ("vars",),
    "annotations": ("labels", "metadata"),
    "tags": ("labels",),
    "onexit": ("finally",),
    "attempts": ("max_retries",),
    "retries": ("max_retries",),
    "limit": ("max_retries", "max_iterations"),
    "maximumattempts": ("max_retries",),
    "maxattempts": ("max_retries",),
    "retrypolicy": ("retry",),
    "retrystrategy": ("retry",),
    "retryoptions": ("retry",),
    "backoff": ("strategy",),
    "backoffcoefficient": ("multiplier",),
    "factor": ("multiplier",),
    "delay": ("initial_delay",),
    "interval": ("initial_delay", "delay"),
    "initialinterval": ("initial_delay",),
    "maxinterval": ("max_delay",),
    "maximuminterval": ("max_delay",),
    "maxduration": ("max_delay",),
    "nonretryableerrortypes": ("non_retryable",),
    "starttoclosetimeout": ("timeout",),
    "executiontimeout": ("timeout",),
    "timeoutseconds": ("timeout",),
    "timeoutminutes": ("timeout",),
    "activedeadlineseconds": ("timeout",),
    "finish": ("timeout",),
    "scheduletostarttimeout": ("queue_timeout",),
    "schedulingtimeout": ("queue_timeout",),
    "heartbeat": ("heartbeat_timeout",),
    "heartbeatseconds": ("heartbeat_timeout",),
    "catch": ("on_failure",),
    "onerror": ("on_failure",),
    "fallback": ("on_failure",),
    "rollback": ("compensate",),
    "undo": ("compensate",),
    "compensation": ("compensate",),
    "taskqueue": ("worker_group",),
    "runson": ("worker_group",),
    "queue": ("worker_group",),
    "parameters": ("with", "input"),
    "params": ("with", "input"),
    "args": ("with",),
    "arguments": ("with",),
    "with": ("input", "with"),
    "inputs": ("with", "input"),
    "payload": ("with", "data"),
    "input": ("with", "input"),
    "inputschema": ("input",),
    "outputs": ("output",),
    "outputschema": ("output",),
    "returns": ("output",),
    "result": ("output",),
    "maxloops": ("max_iterations",),
    "maxturns": ("max_iterations",),
    "times": ("max_iterations",),
    "iterations": ("max_iterations",),
    "maxparallel": ("max_concurrency",),
    "parallelism": ("max_concurrency", "concurrency"),
    "concurrency": ("max_concurrency",),
    "items": ("over",),
    "foreach": ("over",),
    "withitems": ("over",),
    "withparam": ("over",),
    "in": ("over",),
    "while": ("until",),
    "state": ("initial_state",),
    "expression": ("on", "cron"),
    "else": ("default",),
    "otherwise": ("default",),
    "signal": ("event",),
    "cronexpression": ("expression", "cron"),
    "schedule": ("cron", "expression"),
    "tz": ("timezone",),
    "stepid": ("step", "id"),
    "accept": ("allow",),
    "accepts": ("allow",),
    "code": ("code",),
    "error": ("code",),
}
"""What other languages call our keys; the first that is a key there is meant."""

_UNSAFE = frozenset(
    {
        "while", "uses", "retries", "attempts", "backoff", "limit", "key", "maximumattempts",
        "timeoutseconds", "timeoutminutes", "activedeadlineseconds", "finish", "heartbeatseconds",
        "on", "jobs", "tasks", "states", "trigger", "schedules", "branches", "choices", "template",
        "templateref", "resource", "runson", "catch", "name", "kind", "env", "expression",
        "retrypolicy", "retrystrategy", "concurrency", "maxduration", "signal", "schedule", "queue",
        "action", "function", "ref", "in", "items", "error", "tags", "interval", "onexit", "body",
    }
)  # fmt: skip
"""Names whose values mean something else elsewhere: a change of the key alone may not be enough."""

HINTS = {
    "run": "the work of a step is done by a worker: give it a `task` and its input in `with`",
    "script": "the work of a step is done by a worker: give it a `task` and its input in `with`",
    "command": "the work of a step is done by a worker: give it a `task` and its input in `with`",
    "image": "the work of a step is done by a worker: give it a `task` and its input in `with`",
    "container": "the work of a step is done by a worker: give it a `task`",
    "cron": 'a schedule is a trigger: `triggers: [{id: nightly, cron: "0 3 * * *"}]`',
    "schedule": 'a schedule is a trigger: `triggers: [{id: nightly, cron: "0 3 * * *"}]`',
    "event": "what starts runs is a trigger: `triggers: [{id: paid, event: order.paid}]`",
    "webhook": "what starts runs is a trigger: `triggers: [{id: hook, webhook: {path: hook}}]`",
    "trigger": "triggers are a list: `triggers: [{id: nightly, …}]`",
    "on": "what starts runs is a trigger: `triggers: [{id: paid, event: order.paid}]`",
    "strategy": "to repeat a step for many items is a step of type `map`",
    "matrix": "to repeat a step for many items is a step of type `map`",
    "parallel": "steps run at the same time unless one depends on the other",
    "next": "a step names what it waits for, in `depends_on`",
    "end": "a run ends when no step is left",
    "startat": "steps without dependencies come first",
    "entrypoint": "steps without dependencies come first",
    "apiversion": "a document begins with `name` and `steps`",
    "kind": "a document begins with `name` and `steps`",
    "spec": "what is inside of it stands at the top here",
    "permissions": "what workers may do is set where they run",
    "continueonerror": "let dependents accept it: `depends_on: [{step: build, allow: failed}]`",
    "ignoreerror": "let dependents accept it: `depends_on: [{step: build, allow: failed}]`",
}
"""What to do about keys of other languages that no single key of ours stands for."""

_TYPES = {
    "activity": "normal",
    "task": "normal",
    "job": "normal",
    "llm": "agent",
    "foreach": "map",
    "parallel": "map",
    "fanout": "map",
    "choice": "switch",
    "condition": "switch",
    "conditional": "switch",
    "if": "switch",
    "branch": "switch",
    "while": "loop",
    "repeat": "loop",
    "until": "loop",
    "poll": "loop",
    "wait": "sleep",
    "delay": "sleep",
    "timer": "sleep",
    "signal": "wait_for_event",
    "waitforsignal": "wait_for_event",
    "event": "wait_for_event",
    "human": "approval",
    "manual": "approval",
    "pause": "approval",
    "suspend": "approval",
    "childworkflow": "sub_workflow",
    "workflow": "sub_workflow",
    "child": "sub_workflow",
    "call": "sub_workflow",
    "pass": "transform",
    "set": "transform",
    "expression": "transform",
    "publish": "emit",
    "sendevent": "emit",
    "response": "respond",
    "reply": "respond",
    "error": "fail",
    "throw": "fail",
    "raise": "fail",
    "plan": "planner",
}
"""What other languages call our types of steps."""


class Guess(Struct, frozen=True):
    """A word that was probably meant; `safe` when writing it instead keeps the meaning."""

    word: str
    safe: bool = True


def guess_key(key: str, allowed: Iterable[str]) -> Guess | None:
    """Return the key of `allowed` that was probably meant by `key`."""
    names = list(allowed)
    return known_as(key, names) or guess_word(key, names)


def known_as(key: str, allowed: Iterable[str]) -> Guess | None:
    """Return the key that differs in style only, or that other languages call so."""
    return _known_as(_plain(key), tuple(allowed))


@lru_cache(REMEMBERED_MAX)
def _known_as(plain: str, names: tuple[str, ...]) -> Guess | None:
    for name in names:
        if _plain(name) == plain:
            return Guess(name)
    for name in _RENAMED.get(plain, ()):
        if name in names:
            return Guess(name, safe=plain not in _UNSAFE)
    return None


def hint(key: str) -> str | None:
    """Return what to do about a key of another language, where that is more than a new name."""
    return HINTS.get(_plain(key))


def guess_type(word: str, types: Iterable[str]) -> Guess | None:
    """Return the type of step that was probably meant by `word`."""
    names = list(types)
    plain = _plain(word)
    near = next((name for name in names if _plain(name) == plain), None)
    if near is not None:
        return Guess(near)
    if (meant := _TYPES.get(plain)) in names:
        return Guess(str(meant), safe=False)
    return guess_word(word, names)


def guess_word(word: str, allowed: Iterable[str]) -> Guess | None:
    """Return the word of `allowed` that is nearest to `word`, if any is near."""
    return _nearest(word.lower(), tuple(allowed))


@lru_cache(REMEMBERED_MAX)
def _nearest(word: str, names: tuple[str, ...]) -> Guess | None:
    found = difflib.get_close_matches(word, names, n=1, cutoff=CUTOFF)
    return Guess(found[0]) if found else None


@lru_cache(REMEMBERED_MAX)
def _plain(key: str) -> str:
    """Return a key without what styles differ in: case, `_` and `-`."""
    return key.replace("_", "").replace("-", "").lower()

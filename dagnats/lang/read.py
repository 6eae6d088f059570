"""Document to tree: reads each block by its definition. What the shape has refused is left out.

Nothing is judged here but what only the text can show: malformed durations, old spellings, the
syntax of expressions.
"""

from functools import cache
from typing import Any, assert_never

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Sink, Span
from dagnats.lang import tree
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.durations import read_duration
from dagnats.lang.gopaths import bare_path, generated, select
from dagnats.lang.keys import (
    Block,
    Choice,
    Duration,
    Either,
    Expression,
    Flag,
    Integer,
    Json,
    JsonSchema,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Ref,
    Template,
    Text,
)
from dagnats.lang.schema import json_types
from dagnats.lang.shape import GUESSED_MAX, is_go, type_meant
from dagnats.lang.templates import condition, template
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence, to_json
from dagnats.source.spelling import guess_word, hint, known_as

CLASSES: dict[str, type[tree.Block]] = {
    "workflow": tree.Workflow,
    "library": tree.Library,
    "step": tree.Step,
    "defaults": tree.Defaults,
    "agentLoopConfig": tree.AgentLoop,
    "loopConfig": tree.Loop,
    "mapConfig": tree.Map,
    "switchConfig": tree.Switch,
    "case": tree.Case,
    "plannerConfig": tree.Planner,
    "approvalConfig": tree.Approval,
    "escalation": tree.Escalation,
    "waitForEventConfig": tree.WaitForEvent,
    "sleepConfig": tree.Sleep,
    "subWorkflowConfig": tree.SubWorkflow,
    "transformConfig": tree.Transform,
    "emitConfig": tree.Emit,
    "respondConfig": tree.Respond,
    "continueAsNewConfig": tree.ContinueAsNew,
    "failConfig": tree.Fail,
    "retry": tree.Retry,
    "codeRetry": tree.CodeRetry,
    "dependency": tree.Dependency,
    "rateLimit": tree.RateLimit,
    "keyedRateLimit": tree.KeyedRateLimit,
    "budget": tree.Budget,
    "concurrency": tree.Concurrency,
    "singleton": tree.Singleton,
    "priority": tree.Priority,
    "goMatch": tree.GoMatch,
    "cancelOn": tree.CancelOn,
    "skipIf": tree.SkipIf,
    "contract": tree.Contract,
    "trigger": tree.Trigger,
    "cronTrigger": tree.CronTrigger,
    "subjectTrigger": tree.SubjectTrigger,
    "eventTrigger": tree.EventTrigger,
    "webhookTrigger": tree.WebhookTrigger,
    "httpTrigger": tree.HttpTrigger,
    "externalTrigger": tree.ExternalTrigger,
    "runTerminalTrigger": tree.RunTerminalTrigger,
    "debounce": tree.Debounce,
}
"""The class of the tree for each block."""

_CONFIGS = {kind.name: kind.config for kind in STEP_TYPES}
_JSON_TYPES: dict[type, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    str: ("string",),
    type(None): ("null",),
}


def read_workflow(document: Document, sink: Sink) -> tree.Workflow | None:
    """Return the tree of a workflow, or None when it has no name or no list of steps."""
    found = _Reader(document, sink).block("workflow", document.root)
    return found if isinstance(found, tree.Workflow) else None


def read_any(document: Document, sink: Sink) -> tuple[tree.Workflow | None, bool]:
    """Return the tree of a workflow, and whether an old form may be in it."""
    reader = _Reader(document, sink, is_go=is_go(document))
    found = reader.block("workflow", document.root)
    return (found if isinstance(found, tree.Workflow) else None), reader.is_old


def read_library(document: Document, sink: Sink) -> tree.Library | None:
    """Return the tree of a file of shared definitions, or None when it is no mapping."""
    found = _Reader(document, sink).block("library", document.root)
    return found if isinstance(found, tree.Library) else None


@cache
def _table(name: str) -> dict[str, Key]:
    """Return the keys of a block by every spelling."""
    return {spelling: key for key in BLOCKS[name].keys for spelling in (key.name, *key.old)}


@cache
def _required(name: str) -> tuple[str, ...]:
    """Return the fields that a block must have."""
    return tuple(key.attribute for key in BLOCKS[name].keys if key.required)


_OLD_BLOCKS = frozenset({"goMatch", "runTerminalTrigger"})
"""Blocks that `lang.legacy` looks at wherever they stand."""


class _Reader:
    def __init__(self, document: Document, sink: Sink, *, is_go: bool = False) -> None:
        self._document = document
        self._sink = sink
        self._is_go = is_go
        self.is_old = False
        """Whether a form was met that `lang.legacy` has to look at."""

    def block(self, name: str, node: Node) -> tree.Block | None:
        """Return the block that stands at a node, or None when what it needs is not there."""
        block = BLOCKS[name]
        self.is_old |= name in _OLD_BLOCKS or (self._is_go and name == "respondConfig")
        if not isinstance(node, Mapping):
            return self._short(block, node)
        entries: dict[str, Entry] = {}
        values: dict[str, Any] = {}
        table = _table(name)
        unknown = 0
        for entry in node.entries:
            key = table.get(entry.key)
            if key is None and unknown < GUESSED_MAX:
                unknown += 1
                key = _meant(entry.key, block, node)
            if key is None or (
                entry.key in table and entry.key != key.name and self._old(name, node, entry, key)
            ):
                continue
            entries[key.name] = entry
            self.is_old |= key.deprecated or _is_unset(entry.value)
            if name == "step" and key.name == "config":
                continue
            if (value := self._key(key, entry)) is not None:
                values[key.attribute] = value
        if not all(map(values.__contains__, _required(name))):
            return None
        if name == "step":
            self._typed(values, entries.get("config"), node)
        return CLASSES[name](span=node.span, keys=entries, **values)

    def _short(self, block: Block, node: Node) -> tree.Block | None:
        """Return the block that a scalar stands for."""
        if block.short is None or not isinstance(node, Scalar) or not isinstance(node.value, str):
            return None
        key = block.key(block.short_for)
        assert key is not None, "a short form stands for a key"
        entry = Entry(key.name, node.span, node)
        value: dict[str, Any] = {key.attribute: node.value}
        return CLASSES[block.name](span=node.span, keys={key.name: entry}, **value)

    def _typed(self, values: dict[str, Any], entry: Entry | None, node: Mapping) -> None:
        """Read what depends on the type of the step, a misspelt one as it was meant.

        Of an unknown type nothing is known that its expressions could see, so they are left out.
        """
        kind = type_meant(node)
        if kind is None:
            values.pop("with_", None)
            values.pop("type", None)
            return
        if "type" in values:
            values["type"] = kind
        name = _CONFIGS[kind]
        if name is None:
            return
        held = Mapping((), node.span) if entry is None else entry.value
        found = self.block(name, held)
        if found is None and entry is not None and not isinstance(held, Mapping):
            found = self._unreadable(name, entry)
        values["config"] = found

    def _unreadable(self, name: str, entry: Entry) -> tree.Block | None:
        """Return the `config` that is no mapping: everything is there, and nothing readable."""
        block = BLOCKS[name]
        if any(key.required for key in block.keys):
            return None
        keys = {key.name: entry for key in block.keys}
        return CLASSES[name](span=entry.value.span, keys=keys)

    def _key(self, key: Key, entry: Entry) -> Any:
        if isinstance(key.kind, Duration):
            return read_duration(entry.value, self._sink, zero_is_none=key.kind.zero_is_none)
        return self._value(key.kind, entry.value)

    def _value(self, kind: Kind, node: Node) -> Any:  # noqa: C901, PLR0912 (one case a kind)
        match kind:
            case Text() | Choice():
                return _scalar(node, str)
            case Flag():
                return _scalar(node, bool)
            case Integer(minimum=low, maximum=high):
                return _within(_integer(node), low, high)
            case Number(minimum=low, maximum=high):
                return _within(_number(node), low, high)
            case Duration(zero_is_none=zero_is_none):
                return read_duration(node, self._sink, zero_is_none=zero_is_none)
            case Json() | JsonSchema():
                return to_json(node)
            case Expression(path=path):
                found = _path(node, path) if path else None
                self.is_old |= found is not None
                return found or condition(node, self._sink)
            case Template(of=of):
                self.is_old |= of == ("string", "integer") and _scalar(node, int) is not None
                return template(node, self._sink)
            case Ref(block=name):
                return self.block(name, node)
            case ListOf():
                return self._list(kind, node)
            case MapOf(value=value):
                return self._map(value, node)
            case Either(kinds=kinds):
                return self._either(kinds, node)
            case _:
                assert_never(kind)

    def _list(self, kind: ListOf, node: Node) -> tuple[Any, ...] | None:
        if isinstance(node, Sequence):
            found = (self._value(kind.item, item) for item in node.items)
            return tuple(value for value in found if value is not None)
        alone = self._value(kind.item, node) if kind.alone else None
        return None if alone is None else (alone,)

    def _map(self, kind: Kind, node: Node) -> dict[str, Any] | None:
        if not isinstance(node, Mapping):
            return None
        found = ((entry.key, self._value(kind, entry.value)) for entry in node.entries)
        return {name: value for name, value in found if value is not None}

    def _either(self, kinds: tuple[Kind, ...], node: Node) -> Any:
        """Read by the first kind that takes the node's type; a number as text is what it says."""
        own = _types_of(node)
        for kind in kinds:
            if set(json_types(kind)) & set(own):
                if isinstance(kind, Number):
                    start, end = node.span.start.offset, node.span.end.offset
                    return self._document.text[start:end]
                return self._value(kind, node)
        return None

    def _old(self, block: str, node: Mapping, entry: Entry, key: Key) -> bool:
        """Advise to write a key as it is now; whether it is to be ignored, for it is there too.

        What else a retry policy of Go says has to be written too: `legacy_retries` advises on it.
        """
        if block == "retry" and self._is_go and node.entry(key.name) is None:
            self.is_old = True
            return False
        name, old, span = key.name, entry.key, entry.key_span
        if (new := node.entry(name)) is not None:
            labels = (Label(new.key_span, "the same, as it is spelt now"),)
            message = f"`{old}` and `{name}` are the same key"
            help_ = f"remove `{old}`"
            self._sink.add(Diagnostic("DN2008", message, span, labels=labels, help=help_))
            return True
        fix = Fix(f"write `{name}`", (_spelling(span, name, old),), "safe")
        message, help_ = f"`{old}` is the old spelling of `{name}`", f"write `{name}`"
        info = Severity.INFO
        self._sink.add(Diagnostic("DN9001", message, span, info, help=help_, fixes=(fix,)))
        return False


def _meant(name: str, block: Block, node: Mapping) -> Key | None:
    """Return the key that a misspelt one stands for, which is an error by itself already."""
    if name.startswith("x-"):
        return None
    there = {entry.key for entry in node.entries}
    free = [key.name for key in block.keys if not key.deprecated and key.name not in there]
    guess = known_as(name, free) or (None if hint(name) else guess_word(name, free))
    return block.key(guess.word) if guess is not None and guess.safe else None


def _is_unset(node: Node) -> bool:
    """Whether an empty text stands there, which Go writes for nothing."""
    return isinstance(node, Scalar) and node.value == ""


def _path(node: Node, root: str) -> tree.Embedded | None:
    """Return the expression that a bare path of Go stands for; its advice comes later."""
    text = node.value if isinstance(node, Scalar) else None
    parts = bare_path(text) if isinstance(text, str) else None
    return None if parts is None else generated(select(root, parts), node.span)


def _types_of(node: Node) -> tuple[str, ...]:
    match node:
        case Mapping():
            return ("object",)
        case Sequence():
            return ("array",)
        case Scalar(value=value):
            return _JSON_TYPES[type(value)]


def _spelling(span: Span, name: str, old: str) -> Edit:
    """Return the edit that renames a key, in quotes if it stands in quotes."""
    quoted = span.end.offset - span.start.offset > len(old)
    return Edit(span, f'"{name}"' if quoted else name)


def _scalar(node: Node, type_: type) -> Any:
    return node.value if isinstance(node, Scalar) and type(node.value) is type_ else None


def _within(value: float | None, low: float, high: float) -> float | None:
    """Return a number within its bounds; for another one the least, of which least follows."""
    return value if value is None or low <= value <= high else low


def _number(node: Node) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _integer(node: Node) -> int | None:
    """Return an integer; JSON's `3.0` is one."""
    value = _number(node)
    return int(value) if value is not None and value == int(value) else None

"""What the Go dagnats reads over: null and times below 0, the case of keys, keys it does not know.

retry: null, Timeout: -1, note: hello      →  DN9014 four times, and the document without them

This holds for documents that do not say `dagnats: 1`, and in them for the blocks that Go has. A key
that was probably meant to be another one stays an error, and so does one at the top, as there.
"""

import json
from collections.abc import Iterator
from functools import cache

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Severity, Sink, Span
from dagnats.lang import wording
from dagnats.lang.definitions.steps import STEP_TYPES
from dagnats.lang.definitions.table import BLOCKS
from dagnats.lang.keys import (
    Block,
    Duration,
    Either,
    Flag,
    Integer,
    Json,
    Key,
    Kind,
    ListOf,
    MapOf,
    Ref,
    Template,
    Text,
)
from dagnats.lang.rewriting import Rewriting, renaming
from dagnats.lang.shape import GUESSED_MAX
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence

_TYPES = {kind.name: kind for kind in STEP_TYPES}
_CONFIGS = {kind.name: kind.config for kind in STEP_TYPES}
_GO_CONFIGS = frozenset(
    {"normal", "agent", "agent_loop", "sub_workflow", "map", "sleep", "wait_for_event"}
    | {"approval", "planner", "respond"}
)
"""Types of steps that Go has."""

_GO_BLOCKS = frozenset(
    {"workflow", "step", "retry", "rateLimit", "keyedRateLimit", "concurrency", "singleton"}
    | {"priority", "cancelOn", "goMatch", "skipIf", "trigger", "cronTrigger", "subjectTrigger"}
    | {"webhookTrigger", "httpTrigger", "externalTrigger", "runTerminalTrigger", "debounce"}
)
"""Blocks that Go has, beside those of `config`."""

_NOT_GO = frozenset({"defaults", "finally", "labels", "steps"})
"""Keys of ours that hold what Go has elsewhere; `steps` are those of bodies."""

_ZERO_IS_NOTHING = frozenset(
    {("step", "worker_group"), ("step", "on_failure"), ("step", "compensate")}
    | {("sleepConfig", "duration"), ("sleepConfig", "cron"), ("sleepConfig", "until_input_path")}
    | {("respondConfig", "status")}
)
"""Blocks and keys of them for which an empty text, or 0, is nothing to Go."""

_NO_CONFIG = Block("config", "", "", (), ())


def relieved(document: Document, sink: Sink) -> Document:
    """Return a document without what Go reads over; the sink says what that is."""
    reliever = _Reliever(document, sink)
    root = reliever.block(BLOCKS["workflow"], document.root)
    for finding in reliever.found.values():
        sink.add(finding)
    return document if root is document.root else structs.replace(document, root=root)


@cache
def _table(name: str) -> dict[str, Key]:
    """Return the keys of a block by every spelling."""
    return {spelling: key for key in BLOCKS[name].keys for spelling in (key.name, *key.old)}


class _Reliever:
    """Takes entries out of blocks; `found` has the findings by place."""

    def __init__(self, document: Document, sink: Sink) -> None:
        # What could not even be read is no null.
        self._said = {f.span for f in sink.sorted() if f.severity is Severity.ERROR}
        self.found: dict[Span, Diagnostic] = {}
        self._words = wording.Wording(document)
        self._rewriting = Rewriting(document.text)

    def block(  # noqa: C901 (one case a kind of what is read over)
        self, block: Block, node: Node, *needed: str | None
    ) -> Node:
        """Return a block without what Go reads over, the same node where there is nothing.

        Beside what a block always needs, `needed` are keys without which Go refuses it too.
        """
        if not isinstance(node, Mapping):
            return node
        table = _table(block.name)
        node = self._in_small_letters(table, node)
        must = {*needed, *_needed(block, node)}
        entries: dict[int, Entry | None] = {}
        unknown = 0
        for entry in node.entries:
            key = table.get(entry.key)
            if key is None:
                unknown += 1
                if block.name != "workflow" and self._is_ignored(entry, block, node, unknown):
                    self._ignored(node, entry)
                    entries[id(entry)] = None
            elif key.name not in must and self._is_unset(block, key, entry.value):
                self._nothing(node, entry)
                entries[id(entry)] = None
            elif block.name == "step" and _is_of_no_use(node, key, entry.value):
                self._ignored(node, entry)
                entries[id(entry)] = None
            elif (block.name, key.name) == ("retry", "max_retries") and _is_negative(entry.value):
                entries[id(entry)] = self._read_as(entry, 0)
            elif key.name not in _NOT_GO or (block.name, key.name) == ("workflow", "steps"):
                value = self._value(key.kind, entry.value)
                if block.name == "step" and key.name == "config":
                    value = self._config(node, entry.value)
                if value is not entry.value:
                    entries[id(entry)] = structs.replace(entry, value=value)
        return _changed(node, entries)

    def _in_small_letters(self, table: dict[str, Key], node: Mapping) -> Mapping:
        """Return a mapping with the keys that Go finds although they are in another case."""
        entries: dict[int, Entry | None] = {}
        taken = {table[entry.key].name for entry in node.entries if entry.key in table}
        for entry in node.entries:
            small = entry.key.lower()
            if entry.key in table or small not in table or small == "dagnats":
                continue
            if table[small].name not in taken:
                taken.add(table[small].name)
                entries[id(entry)] = structs.replace(entry, key=small)
                message = f"Go dagnats reads `{_called(entry)}` as `{small}`"
                fixes = () if entry.merged else (renaming(entry, small),)
                self._tell(message, entry.key_span, f"write `{small}`", fixes)
        return _changed(node, entries)

    def _config(self, step: Mapping, node: Node) -> Node:
        kind = _type_of(step)
        if not isinstance(node, Mapping) or kind not in _GO_CONFIGS:
            return node
        name = _CONFIGS[kind]
        if name is not None:
            return self.block(BLOCKS[name], node, _TYPES[kind].bound)
        entries: dict[int, Entry | None] = {}
        for number, entry in enumerate(node.entries, 1):
            if self._is_ignored(entry, _NO_CONFIG, node, number, kind):
                self._ignored(node, entry)
                entries[id(entry)] = None
        return _changed(node, entries)

    def _value(self, kind: Kind, node: Node) -> Node:
        match kind:
            case Ref(block=name) if name in _GO_BLOCKS:
                return self.block(BLOCKS[name], node)
            case Either(kinds=kinds) if isinstance(node, Mapping):
                own = next((part for part in kinds if isinstance(part, Ref)), None)
                return node if own is None else self._value(own, node)
            case ListOf(item=item) if isinstance(node, Sequence):
                items = tuple(self._value(item, each) for each in node.items)
                same = all(new is old for new, old in zip(items, node.items, strict=True))
                return node if same else structs.replace(node, items=items)
            case MapOf(value=value) if isinstance(node, Mapping):
                return self._map(value, node)
            case _:
                return node

    def _map(self, kind: Kind, node: Mapping) -> Node:
        """Return a mapping in which null is what Go takes it for."""
        zero = _zero(kind)
        if zero is None:
            return node
        entries: dict[int, Entry | None] = {}
        for entry in node.entries:
            if self._is_null(entry.value):
                entries[id(entry)] = self._read_as(entry, zero)
        return _changed(node, entries)

    def _read_as(self, entry: Entry, value: int | str) -> Entry:
        """Return an entry with the value that Go takes for its own, and say so."""
        span, written = entry.value.span, json.dumps(value)
        message = f"`{_called(entry)}` is {wording.shown(entry.value) or 'empty'}, which Go dagnats"
        help_ = f"write `{written}`"
        is_there = span.start.offset > entry.key_span.end.offset and span.end > span.start
        fixes = (Fix(help_, (Edit(span, written),), "safe"),) if is_there else ()
        self._tell(f"{message} reads as `{written}`", span, help_, fixes)
        assert isinstance(entry.value, Scalar), "it was held against one"
        return structs.replace(entry, value=structs.replace(entry.value, value=value))

    def _is_unset(self, block: Block, key: Key, value: Node) -> bool:
        """Whether Go reads a value as if it were not there."""
        if self._is_null(value):
            return _takes_no_null(key)
        if isinstance(key.kind, Duration) and block.name != "debounce":
            return _is_negative(value)
        return (block.name, key.name) in _ZERO_IS_NOTHING and _is_nothing(value)

    def _is_null(self, node: Node) -> bool:
        return isinstance(node, Scalar) and node.value is None and node.span not in self._said

    # Findings

    def _is_ignored(
        self, entry: Entry, block: Block, node: Mapping, number: int, kind: str = ""
    ) -> bool:
        if entry.key.startswith("x-") or entry.key_span in self._said:
            return False
        if any(entry.key.lower() in {key.name, *key.old} for key in block.keys):
            return False  # the last of the two counts for Go, and nobody knows which was meant
        if number > GUESSED_MAX:
            return True
        place = wording.Place("", None, type=kind or _configured(block))
        return not self._words.is_suggestive(entry.key, block, node, place)

    def _ignored(self, node: Mapping, entry: Entry) -> None:
        message = f"Go dagnats ignored `{_called(entry)}`, so it counts for nothing"
        help_ = f"remove `{_called(entry)}`, or begin it with `x-`"
        self._tell(message, entry.key_span, help_, self._removal(node, entry))

    def _nothing(self, node: Mapping, entry: Entry) -> None:
        written = wording.shown(entry.value) or "empty"
        message = f"`{_called(entry)}` is {written}, which counts as if it were not there"
        span = entry.value.span
        span = span if span.end > span.start else entry.key_span
        self._tell(message, span, f"remove `{_called(entry)}`", self._removal(node, entry))

    def _removal(self, node: Mapping, entry: Entry) -> tuple[Fix, ...]:
        return self._rewriting.fix(f"remove `{_called(entry)}`", node, entry, {})

    def _tell(self, message: str, span: Span, help_: str, fixes: tuple[Fix, ...]) -> None:
        finding = Diagnostic("DN9014", message, span, Severity.WARNING, help=help_, fixes=fixes)
        self.found.setdefault(span, finding)


def _needed(block: Block, node: Mapping) -> Iterator[str]:
    """Yield the keys that a block needs: without one of these, Go refuses it too."""
    yield from (key.name for key in block.keys if key.required)
    for group in block.one_of:
        if not any(e.key in group and not _is_nothing(e.value) for e in node.entries):
            yield from group
    kind = _TYPES.get(_type_of(node)) if block.name == "step" else None
    if kind is not None and kind.task != "none":
        yield "task"
    if kind is not None and kind.config is not None:
        yield "config"


def _takes_no_null(key: Key) -> bool:
    """Whether Go reads null for a key as if it were not there."""
    if key.name in {"type", "strategy"}:
        return False  # words that Go looks up
    return key.name == "config" or not isinstance(key.kind, Json | Template)


def _zero(kind: Kind) -> int | str | None:
    match kind:
        case Flag():
            return False
        case Integer():
            return 0
        case Text() | Template(of=("string", *_)):
            return ""
        case _:
            return None


def _type_of(step: Mapping) -> str:
    """Return the type of a step, an empty text where it is none."""
    held = step.get("type")
    if held is None or _is_nothing(held):
        return "normal"
    return str(held.value) if isinstance(held, Scalar) else ""


def _configured(block: Block) -> str:
    """Return the type of step whose `config` a block is."""
    return next((name for name, config in _CONFIGS.items() if config == block.name), "")


def _is_nothing(node: Node) -> bool:
    """Whether a value is one that Go does not tell from none."""
    is_flag = isinstance(node, Scalar) and isinstance(node.value, bool)
    return isinstance(node, Scalar) and not is_flag and node.value in (None, 0, "")


def _is_negative(value: Node) -> bool:
    """Whether a value is a number below 0; Go asks whether a time is more than that."""
    number = value.value if isinstance(value, Scalar) else None
    return type(number) is int and number < 0


def _is_of_no_use(step: Mapping, key: Key, value: Node) -> bool:
    """Whether Go never looks at a key of a step of its type: a task, or a `config` of any kind."""
    name = _type_of(step)
    if name not in _GO_CONFIGS:
        return False
    if key.name == "config":
        return _CONFIGS[name] is None and not isinstance(value, Mapping)
    return key.name == "task" and _TYPES[name].task == "none" and not _is_nothing(value)


def _changed(node: Mapping, entries: dict[int, Entry | None]) -> Mapping:
    """Return a mapping with other entries for some; what is taken out stays written."""
    if not entries:
        return node
    kept = [entries.get(id(entry), entry) for entry in node.entries]
    written = [entries.get(id(entry), entry) or entry for entry in node.written]
    return Mapping(tuple([e for e in kept if e is not None]), node.span, tuple(written))


def _called(entry: Entry) -> str:
    """Return the key of an entry as messages repeat it."""
    return wording.cut(entry.key)
